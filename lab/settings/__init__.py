"""The lab's settings: what they are called, what they default to, what is refused and why.

`Settings.load` is the only code that looks at Pulumi's configuration. Pulumi itself lets a misspelt key pass, so
every key is enumerated here and every mistake is reported in one go.
"""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Self

import pulumi
from pydantic import PrivateAttr, ValidationError
from pydantic.alias_generators import to_camel

from lab.core import paths, tags, versions
from lab.core.errors import LabError
from lab.settings import rules
from lab.settings.compatibility import Pair, Verdict, check, hub_warnings, minor
from lab.settings.groups import ApiServer, Azure, Group, Kubeconfig, Mesh, Nodes, Shared, Student, Tutorial
from lab.settings.observability import Observability
from lab.settings.rollouts import Rollouts
from lab.settings.rules import NAMESPACE
from lab.settings.shop import Shop
from lab.settings.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Mapping


class Target(StrEnum):
    """Where the lab can stand."""

    EMBEDDED = "embedded"
    AZURE = "azure"
    KUBECONFIG = "kubeconfig"
    SHARED = "shared"


_MOVED = {"azure.expires": "expires"}
"""Settings that have another place now."""

RUNS = {Target.EMBEDDED: Pair(versions.KUBERNETES, versions.ISTIO)}
"""What a target runs whatever is asked for: its control plane is pinned, unlike one that is ordered from a cloud."""


class Settings(Group):
    """Everything a user can choose, checked; the fields are the only home of the defaults.

    Attributes:
        target: where the lab stands.
        kubernetes_version: a minor or an exact version.
        istio_version: an exact version.
        istio_hub: the image repository prefix of Istio's images.
        expires: until when the lab is wanted, a day or a moment; empty for ever.
        nodes: the simulated nodes of the embedded target.
        azure: what the azure target makes.
        kubeconfig: the cluster of the kubeconfig target.
        mesh: what the mesh does.
        observability: what watches the mesh.
        tutorial: what runs in the namespace `tutorial`.
        shop: the course's own applications.
        traffic: the lessons on what the mesh does with requests.
        rollouts: how new versions are rolled out.
        student: whose lab it is, in a class.
        shared: a student's share of the cluster of another stack.
    """

    target: Annotated[Target, rules.one_of(Target)] = Target.EMBEDDED
    kubernetes_version: Annotated[str, rules.KUBERNETES] = minor(versions.KUBERNETES)
    istio_version: Annotated[str, rules.ISTIO] = versions.ISTIO
    istio_hub: Annotated[str, rules.HUB] = versions.ISTIO_HUB
    expires: Annotated[str, rules.expiry()] = ""
    nodes: Annotated[Nodes, rules.section()] = Nodes()
    azure: Annotated[Azure, rules.section()] = Azure()
    kubeconfig: Annotated[Kubeconfig, rules.section()] = Kubeconfig()
    mesh: Annotated[Mesh, rules.section()] = Mesh()
    observability: Annotated[Observability, rules.section()] = Observability()
    tutorial: Annotated[Tutorial, rules.section()] = Tutorial()
    shop: Annotated[Shop, rules.section()] = Shop()
    traffic: Annotated[Traffic, rules.section()] = Traffic()
    rollouts: Annotated[Rollouts, rules.section()] = Rollouts()
    student: Annotated[Student, rules.section()] = Student()
    shared: Annotated[Shared, rules.section()] = Shared()

    _warnings: tuple[str, ...] = PrivateAttr(default=())

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should know about settings that are let through, one sentence each."""
        return self._warnings

    def tags(self, stack: str) -> dict[str, str]:
        """The tags by which the project knows what is its own.

        Args:
            stack: name of the stack that has these settings.
        """
        who = self.student
        return tags.tags(
            stack=stack, owner=self.azure.owner, expires=self.expires, class_=who.classroom, student=who.id
        )

    @property
    def shares(self) -> bool:
        """Whether it is a student's part of the cluster of another stack."""
        return self.target is Target.SHARED

    @classmethod
    def load(cls) -> Self:
        """Reads and checks the configuration of the current stack.

        Raises:
            pulumi.RunError: something is wrong; all of it is listed. The engine shows this error without a stack trace.
        """
        # The language host and `set_all_config` fill CONFIG; the variable alone is there when neither has run.
        config = {**(pulumi.runtime.get_config_env() or {}), **pulumi.runtime.config.CONFIG.get()}
        own = {
            key.removeprefix(f"{NAMESPACE}:"): value for key, value in config.items() if key.startswith(f"{NAMESPACE}:")
        }
        stack = pulumi.get_stack()
        try:
            settings = cls.from_mapping(own, source=f"Pulumi.{stack}.yaml")
        except LabError as error:
            raise pulumi.RunError(str(error)) from None
        folder = paths.class_workspace(stack)
        if folder.is_dir() and not settings.student.classroom:
            raise pulumi.RunError(f"stack {stack} is of a class, and its settings are not in this folder: cd {folder}")
        return settings

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, object], *, source: str, today: date | None = None) -> Self:
        """Checks settings given as a mapping of the keys users write, without their namespace.

        Args:
            mapping: values as text, as JSON text for objects, or already parsed.
            source: the file or row that the user has to edit, for messages.
            today: the day that support dates are held against; the current one if left out.

        Raises:
            LabError: something is wrong; all of it is listed.
        """
        given = {str(key): value for key, value in mapping.items()}
        settings, problems = None, []
        try:
            settings = cls.model_validate(given, by_alias=True, by_name=False)
        except ValidationError as error:
            problems = [_problem(details["loc"], details) for details in error.errors(include_url=False)]
        problems += (
            [*_incomplete(settings), *_exposed(settings), *_unserved(settings), *_unwatched(settings)]
            if settings
            else []
        )
        verdict = Verdict()
        if not {problem.key for problem in problems} & {"kubernetesVersion", "istioVersion"}:
            asked = _asked(given)
            runs = RUNS.get(settings.target) if settings else None
            verdict = check(asked.kubernetes, asked.istio, today=today or datetime.now(tz=UTC).date(), runs=runs)
            problems += [_refused_pair(asked, reason) for reason in verdict.refused]
        if settings is None or problems:
            raise _error(source, problems, verdict.proposal)
        settings._warnings = (*verdict.warnings, *hub_warnings(settings.istio_hub), *_simulated(settings))  # noqa: SLF001 - set once, here
        return settings


def _simulated(settings: Settings) -> list[str]:
    """What the embedded target cannot give, though everything else of the setting works there."""
    if settings.target is not Target.EMBEDDED:
        return []
    chosen, group = settings.observability, f"{NAMESPACE}:observability"
    said = [
        f"{group}.{name}.serviceType: the embedded target has no load balancers, so the Service stays a ClusterIP here."
        for name in chosen.public
    ]
    if settings.rollouts.public:
        said.append(
            f"{NAMESPACE}:rollouts.example.serviceType: the embedded target has no load balancers, so the Service "
            "stays a ClusterIP here."
        )
    stores = {group: chosen.persistence, f"{NAMESPACE}:shop.mysql": settings.shop.mysql.persistence}
    said += [
        f"{name}.persistence.enabled: the embedded target has no volumes, so nothing is kept here."
        for name, persistence in stores.items()
        if persistence.enabled
    ]
    return said


@dataclass(frozen=True)
class _Problem:
    key: str
    text: str


def _incomplete(settings: Settings) -> list[_Problem]:
    """What a target cannot do without."""
    azure, chosen = settings.azure, settings.kubeconfig
    match settings.target:
        case Target.AZURE if azure.api_server is ApiServer.ALLOWLIST and not azure.allowed_ranges:
            text = "found []; allowed: at least one range, or nobody reaches the API server; `lab up` fills in yours"
            return [_Problem("azure.allowedRanges", text)]
        case Target.KUBECONFIG:
            missing = [key for key, value in (("file", chosen.file), ("context", chosen.context)) if not value]
            text = 'found ""; the kubeconfig target never takes whatever cluster happens to be the current one: name it'
            return [_Problem(f"kubeconfig.{key}", text) for key in missing]
        case Target.SHARED:
            wanted = {"shared.platform": settings.shared.platform, "student.id": settings.student.id}
            text = (
                "found \"\"; the shared target is one student's part of another stack's cluster: `lab class up` sets it"
            )
            return [_Problem(key, text) for key, value in wanted.items() if not value]
        case _:
            return []


def _exposed(settings: Settings) -> list[_Problem]:
    """What would be open to more people than it must be."""
    return [_Problem(f"observability.{key}", text) for key, text in settings.observability.exposed_wrongly().items()]


def _unserved(settings: Settings) -> list[_Problem]:
    """Rules for traffic that nobody would answer, or that contradict each other."""
    shop = settings.shop.enabled and settings.tutorial.shop
    wrong = settings.traffic.wrong(bookinfo=settings.tutorial.bookinfo, shop=shop)
    return [_Problem(f"traffic.{key}", text) for key, text in wrong.items()]


def _unwatched(settings: Settings) -> list[_Problem]:
    """New versions that nobody could look at, or that nobody would roll out."""
    wrong = settings.rollouts.wrong(
        shop=settings.shop.enabled,
        metrics=settings.observability.prometheus.enabled,
        access_log=settings.mesh.access_log or settings.target is not Target.EMBEDDED,
    )
    return [_Problem(f"rollouts.{key}", text) for key, text in wrong.items()]


def _asked(given: Mapping[str, object]) -> Pair:
    fields = Settings.model_fields
    return Pair(
        str(given.get("kubernetesVersion", fields["kubernetes_version"].default)),
        str(given.get("istioVersion", fields["istio_version"].default)),
    )


def _refused_pair(asked: Pair, reason: str) -> _Problem:
    with_kubernetes = f'with {NAMESPACE}:kubernetesVersion "{asked.kubernetes}"'
    return _Problem("istioVersion", f'found "{asked.istio}" {with_kubernetes}; not allowed: {reason}')


def _problem(location: tuple[int | str, ...], details: Mapping[str, Any]) -> _Problem:
    key = ".".join(str(part) for part in location)
    found = _show(details["input"])
    if moved := _MOVED.get(key):
        text = f"found {found}; it holds for every target now, and is {NAMESPACE}:{moved}"
        return _Problem(key, f"{text}: pulumi config set {NAMESPACE}:{moved} {found}")
    if details["type"] == "extra_forbidden":
        return _Problem(key, f"found {found}; there is no such setting; {_did_you_mean(location)}")
    # A default that is refused is named as in Python, not as people write it.
    key = ".".join(to_camel(str(part)) if "_" in str(part) else str(part) for part in location)
    return _Problem(key, f"found {found}; allowed: {details['ctx']['error']}")


def _did_you_mean(location: tuple[int | str, ...]) -> str:
    *path, wrong = (str(part) for part in location)
    model: Any = Settings
    for part in path:
        model = next(field.annotation for field in model.model_fields.values() if field.alias == part)
    names = [str(field.alias) for field in model.model_fields.values()]
    if "." in wrong and wrong.split(".", maxsplit=1)[0] in names:
        return (
            f"did you mean `pulumi config set --path {NAMESPACE}:{wrong}`? Without --path the dot is part of the name"
        )
    near = difflib.get_close_matches(_plain(wrong), plain := {_plain(name): name for name in names}, n=1)
    hint = f"did you mean `{plain[near[0]]}`? " if near else ""
    return f"{hint}The names {'here' if path else 'of all settings'} are: {', '.join(names)}"


def _plain(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())


def _show(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:77]}..."  # noqa: PLR2004 - room for the rest of the line


def _error(source: str, problems: list[_Problem], proposal: Pair | None) -> LabError:
    count = "1 setting is" if len(problems) == 1 else f"{len(problems)} settings are"
    lines = [f"{source}: {count} wrong:", *(f"  {NAMESPACE}:{problem.key}: {problem.text}" for problem in problems)]
    remedy = [f"Edit {source}, or go back to a default: pulumi config rm --path {NAMESPACE}:{problems[0].key}"]
    if proposal:
        remedy = [
            f"The nearest pair that works is Kubernetes {proposal.kubernetes} with Istio {proposal.istio}:",
            f"  pulumi config set {NAMESPACE}:kubernetesVersion {proposal.kubernetes}",
            f"  pulumi config set {NAMESPACE}:istioVersion {proposal.istio}",
        ]
    return LabError("\n".join(lines), "\n".join(remedy))
