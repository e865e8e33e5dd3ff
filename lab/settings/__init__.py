"""The lab's settings: their names, defaults and descriptions.

Pulumi itself lets a misspelt key pass, so every key is declared here and every mistake is reported in one go.
`lab settings` writes `Pulumi.yaml`'s part, the pages and the JSON schema of docs/ from these fields.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from pydantic import PrivateAttr, ValidationError

from lab.core import tags, versions
from lab.settings import messages, rules, students, texts, types
from lab.settings.compatibility import Pair, Verdict, check, hub_warnings
from lab.settings.groups import Azure, Group, Kubeconfig, Mesh, Nodes, Shared, Student, Tutorial
from lab.settings.messages import Problem
from lab.settings.observability import Observability
from lab.settings.rollouts import Rollouts
from lab.settings.shop import Shop
from lab.settings.support import minor
from lab.settings.traffic import Traffic
from lab.settings.types import Section, setting

if TYPE_CHECKING:
    from collections.abc import Mapping


class Target(StrEnum):
    """Environments that the lab can run in."""

    EMBEDDED = "embedded"
    AZURE = "azure"
    KUBECONFIG = "kubeconfig"
    SHARED = "shared"


_RUNS = {Target.EMBEDDED: Pair(versions.KUBERNETES, versions.ISTIO)}
"""Targets with a pinned control plane, which run these versions whatever is asked for."""


class Settings(Group):
    """Everything a user can choose, checked; the fields are the only home of the defaults."""

    target: Target = setting(
        Target.EMBEDDED,
        "Where the lab runs: `embedded` (a real Kubernetes control plane with simulated nodes on this machine), "
        "`azure` (AKS and a registry), `kubeconfig` (an existing cluster), or `shared` (a student's part of another "
        "stack's cluster; `lab class up` sets it).",
        ko="실습 환경이 서는 곳: `embedded`(이 머신 위의 진짜 쿠버네티스 컨트롤 플레인과 시뮬레이션 노드), "
        "`azure`(AKS와 레지스트리), `kubeconfig`(이미 가진 클러스터), `shared`(다른 스택의 클러스터에서 학생 한 명이 "
        "쓰는 부분; `lab class up`이 정함).",
    )
    kubernetes_version: texts.KubernetesVersion = setting(
        minor(versions.KUBERNETES),
        "Kubernetes version that the Istio version is checked against.",
        ko="Istio 버전과 맞는지 검사할 쿠버네티스 버전.",
    )
    istio_version: texts.IstioVersion = setting(
        versions.ISTIO,
        "Istio version, the tag of Istio's images; checked against Istio's support table.",
        ko="Istio 버전이자 Istio 이미지의 태그; Istio의 지원 표에 비추어 검사함.",
    )
    istio_hub: texts.Hub = setting(
        versions.ISTIO_HUB, "Repository of Istio's images.", ko="Istio 이미지를 가져오는 저장소."
    )
    expires: types.Expiry = setting(
        "",
        "Time until which the lab is needed, in UTC; empty for ever. `lab class reap` deletes what has expired.",
        ko="실습 환경이 언제까지 필요한지(UTC); 비우면 기한 없음. `lab class reap`이 만료된 것을 지움.",
    )
    nodes: Section[Nodes] = setting(
        Nodes(), "Simulated nodes of the embedded target.", ko="embedded 대상의 시뮬레이션 노드."
    )
    azure: Section[Azure] = setting(Azure(), "The azure target.", ko="azure 대상.")
    kubeconfig: Section[Kubeconfig] = setting(
        Kubeconfig(), "The kubeconfig target: an existing cluster.", ko="kubeconfig 대상: 이미 가진 클러스터."
    )
    mesh: Section[Mesh] = setting(Mesh(), "The mesh.", ko="메시.")
    observability: Section[Observability] = setting(
        Observability(),
        "Metrics, dashboards, traces and logs of the mesh.",
        ko="메시의 메트릭, 대시보드, 트레이스, 로그.",
    )
    tutorial: Section[Tutorial] = setting(
        Tutorial(), "Applications in the namespace `tutorial`.", ko="네임스페이스 `tutorial`의 애플리케이션."
    )
    shop: Section[Shop] = setting(Shop(), "The course's own applications.", ko="과정이 직접 만드는 애플리케이션.")
    traffic: Section[Traffic] = setting(
        Traffic(), "Traffic lessons in the namespace `tutorial`.", ko="네임스페이스 `tutorial`의 트래픽 수업."
    )
    rollouts: Section[Rollouts] = setting(Rollouts(), "Rollouts of new versions.", ko="새 버전의 배포.")
    student: Section[Student] = setting(
        Student(),
        "Owner of the lab in a class; `lab class up` sets it.",
        ko="수업에서 실습 환경의 주인; `lab class up`이 정함.",
    )
    shared: Section[Shared] = setting(
        Shared(), "The shared target: a student's share of a cluster.", ko="shared 대상: 클러스터에서 학생의 몫."
    )

    _warnings: tuple[str, ...] = PrivateAttr(default=())

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings about settings that are accepted, one sentence each."""
        return self._warnings

    @property
    def shares(self) -> bool:
        """True for a student's part of the cluster of another stack."""
        return self.target is Target.SHARED

    def tags(self, stack: str) -> dict[str, str]:
        """The tags by which the project knows what is its own, for a stack with these settings."""
        who = self.student
        return tags.tags(
            stack=stack, owner=self.azure.owner, expires=self.expires, class_=who.classroom, student=who.id
        )

    @classmethod
    def load(cls) -> Self:
        """Read and check the configuration of the current stack.

        Raises:
            pulumi.RunError: something is wrong; all of it is listed. The engine shows this error without a stack trace.
        """
        from lab.settings import loading  # the command line runs without Pulumi's SDK

        return loading.load(cls)

    @classmethod
    def from_mapping(
        cls, mapping: Mapping[str, object], *, source: str, stack: str = "", today: date | None = None
    ) -> Self:
        """Check settings given as a mapping of the keys users write, without their namespace.

        Args:
            mapping: values as text, as JSON text for objects, or already parsed.
            source: the file or row that the user has to edit, for messages.
            stack: its name, which tells the student where no setting does.
            today: the day that support dates are held against; the current one if left out.

        Raises:
            LabError: something is wrong; all of it is listed.
        """
        given = {str(key): value for key, value in mapping.items()}
        settings = None
        try:
            settings = cls.model_validate(given, by_alias=True, by_name=False).with_student(stack)
            problems = rules.problems(settings)
        except ValidationError as error:
            problems = messages.format_errors(cls, error)
        verdict = Verdict()
        if not {problem.key for problem in problems} & {"kubernetesVersion", "istioVersion"}:
            asked = Pair(
                str(given.get("kubernetesVersion", minor(versions.KUBERNETES))),
                str(given.get("istioVersion", versions.ISTIO)),
            )
            runs = _RUNS.get(settings.target) if settings else None
            verdict = check(asked.kubernetes, asked.istio, today=today or datetime.now(tz=UTC).date(), runs=runs)
            found = f'found "{asked.istio}" with {tags.PROJECT}:kubernetesVersion "{asked.kubernetes}"; not allowed: '
            problems += [Problem("istioVersion", found + reason) for reason in verdict.refused]
        if settings is None or problems:
            raise messages.refusal(source, problems, verdict.proposal)
        return cls._warned(settings, *verdict.warnings, *hub_warnings(settings.istio_hub), *rules.warnings(settings))

    def with_student(self, stack: str) -> Self:
        """Complete a share of a cluster: whose it is follows from the stacks' names unless settings say it."""
        if not self.shares:
            return self
        told = {
            "id": self.student.id or students.id_of(stack),
            "classroom": self.student.classroom or students.classroom_of(self.shared.platform),
        }
        return self.model_copy(update={"student": self.student.model_copy(update=told)})

    def _warned(self, *warnings: str) -> Self:
        self._warnings = warnings
        return self
