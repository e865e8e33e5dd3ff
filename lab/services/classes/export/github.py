"""A class as a workflow of GitHub Actions: a job for each student, each on a machine of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.core.errors import LabError
from lab.services.classes.export import demands
from lab.services.classes.plan import CANARY
from lab.settings import Target
from lab.settings import students as names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.services.classes.plan import Action, Plan

MOST_JOBS = 250
"""Students in one matrix: GitHub makes at most 256 jobs of it."""

MOST_PARALLEL = 256
LONGEST_FILE = 500_000
"""Bytes of a workflow's file that GitHub still runs."""

ONE_STUDENT = "--only"
ONLY_CLUSTER = "--platform"
"""Options of `lab class up`, `down` and `preview`: one student and nothing else, or the shared cluster alone."""

_LAB = ".venv/bin/python -m lab class"
_DOWN = "inputs.verb == 'down'"
_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
_RUNNER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_ADDRESS = re.compile(r"[A-Za-z0-9_.:/?&=%@+,~-]+")


@dataclass(frozen=True, kw_only=True)
class GithubOptions:
    """What the workflow has to know beside the class.

    Attributes:
        class_file: path of the class file in the repository.
        backend: where Pulumi's state is.
        secrets_provider: a service that holds the key of the secrets in it.
        preparation: the steps that prepare a runner; see `preparation`.
        parallel: how many students are worked on at a time.
        runner: label of the machines.
    """

    class_file: str
    backend: str
    secrets_provider: str
    preparation: str
    parallel: int = 20
    runner: str = "ubuntu-24.04"


@dataclass(frozen=True, kw_only=True)
class _Job:
    """One job, or as many as it has students.

    Attributes:
        name: of the job.
        after: jobs that must have ended.
        condition: when it runs at all.
        group: what no other job may work on at the same time.
        student: what `STUDENT` is; empty for the shared cluster.
        students: ids of a matrix; empty without one.
    """

    name: str
    after: Sequence[str]
    condition: str
    group: str
    student: str = ""
    students: Sequence[str] = ()


def preparation(own: str) -> str:
    """The steps that prepare a runner, in the words of the repository's own workflow: actions are pinned there alone.

    Args:
        own: the text of .github/workflows/shop.yml.

    Raises:
        LabError: it has none.
    """
    found = re.search(r"^  deploy:\n.*?^    steps:\n(.*?)(?=^      - run: )", own, re.MULTILINE | re.DOTALL)
    if not found or "actions/checkout@" not in found[1]:
        raise LabError(
            "the job deploy of .github/workflows/shop.yml has no steps any more that prepare a runner",
            "git checkout .github/workflows/shop.yml",
        )
    return found[1].rstrip("\n")


def workflow(plan: Plan, options: GithubOptions) -> str:
    """The workflow of a class.

    An `up` goes from the shared cluster over the student who finds out for all to everybody else; a `down` ends with
    the cluster.

    Args:
        plan: of the whole class, nothing of which stands yet.
        options: what the workflow has to know.

    Raises:
        LabError: something of the class or of the options cannot work there.
    """
    target = demands.target(plan)
    _require(options)
    jobs = [_job(each, options, logs_in=target is Target.AZURE) for each in _jobs(plan)]
    whole = "\n".join([_head(plan, options, target), _check(options), *jobs])
    if len(whole.encode()) > LONGEST_FILE:
        raise LabError(
            f"the workflow would have {len(whole.encode())} bytes; GitHub runs files of at most {LONGEST_FILE}",
            "make several class files of it, each with a cluster of its own",
        )
    return whole


def _jobs(plan: Plan) -> list[_Job]:
    """What is done, in order: nobody begins before what it leans on stands."""
    shared = demands.cluster(plan)
    canary = next((action for action in plan.actions if action.student and action.wave == CANARY), None)
    rest = [action.student for action in plan.actions if action.student and action is not canary]
    jobs: list[_Job] = []
    if shared:
        jobs.append(_cluster_job("platform", shared, ["plan"], "inputs.verb != 'down'"))
    if canary:
        condition = _when_it_stands("platform" if shared else "")
        jobs.append(
            _Job(
                name="canary",
                after=["plan", *(job.name for job in jobs)],
                condition=condition,
                group=names.stack(canary.student),
                student=canary.student,
            )
        )
    leaned_on = [job.name for job in jobs]
    condition = _when_it_stands(leaned_on[-1] if leaned_on else "")
    former: list[str] = []
    for number, begin in enumerate(range(0, len(rest), MOST_JOBS), start=1):
        jobs.append(
            _Job(
                name=f"students-{number}",
                # One matrix after the other: each may have as many jobs at a time as all together.
                after=["plan", *leaned_on, *former[-1:]],
                condition=condition,
                group=names.stack("${{ matrix.student }}"),
                student="${{ matrix.student }}",
                students=rest[begin : begin + MOST_JOBS],
            )
        )
        former.append(jobs[-1].name)
    if shared:
        students = [job.name for job in jobs if job.student]
        gone = " && ".join(["!cancelled()", _DOWN, *(f"needs.{name}.result == 'success'" for name in students)])
        jobs.append(_cluster_job("platform-down", shared, ["plan", *students], gone))
    return jobs


def _cluster_job(name: str, shared: Action, after: Sequence[str], condition: str) -> _Job:
    return _Job(name=name, after=after, condition=condition, group=shared.stack)


def _when_it_stands(job: str) -> str:
    """Run when a job has succeeded; on the way down nobody leans on anything.

    A status function keeps GitHub from skipping what comes after a job that was skipped.
    """
    stands = f" && ({_DOWN} || needs.{job}.result == 'success')" if job else ""
    return f"!cancelled() && needs.plan.result == 'success'{stands}"


def _head(plan: Plan, options: GithubOptions, target: Target) -> str:
    # The login wants to know where it leads, and `azure` is the stack of this repository that stands there.
    place = ["  ISTIO_LAB_STACK: azure", "  ISTIO_LAB_TARGET: azure"] if target is Target.AZURE else []
    who = [
        f"  {name}: ${{{{ vars.{name} }}}}"
        for name in (
            "AZURE_STORAGE_ACCOUNT",
            "ISTIO_LAB_CLIENT_ID",
            "ISTIO_LAB_TENANT_ID",
            "ISTIO_LAB_SUBSCRIPTION_ID",
        )
    ]
    return "\n".join(
        [
            demands.mark("github"),
            f"name: class {plan.classroom}",
            "",
            "on:",
            "  workflow_dispatch:",
            "    inputs:",
            "      verb:",
            "        description: What is done to the class",
            "        type: choice",
            "        options: [preview, up, down]",
            "        default: preview",
            "",
            "permissions:",
            "  contents: read",
            "",
            "env:",
            f'  ISTIO_LAB_BACKEND_URL: "{options.backend}"',
            f'  ISTIO_LAB_SECRETS_PROVIDER: "{options.secrets_provider}"',
            *place,
            *who,
            "  # What somebody chose is handed over as a variable, and is never a part of a command's text.",
            "  VERB: ${{ inputs.verb }}",
            "  # Nobody is there to be asked.",
            '  ISTIO_LAB_YES: "true"',
            "",
            "jobs:",
        ]
    )


def _check(options: GithubOptions) -> str:
    """The job that reads the class file, before anybody is worked on."""
    return "\n".join(
        [
            "  plan:",
            f"    runs-on: {options.runner}",
            "    timeout-minutes: 90",
            "    steps:",
            options.preparation,
            # Once for all: whatever has to be built is in the cache when the others begin.
            "      - run: pipelines/run tools",
            f"      - run: {_LAB} plan {options.class_file}",
            "",
        ]
    )


def _job(job: _Job, options: GithubOptions, *, logs_in: bool) -> str:
    matrix = [
        "    strategy:",
        "      fail-fast: false",
        f"      max-parallel: {options.parallel}",
        "      matrix:",
        "        student:",
        # In quotes: there are people called On, No and Null.
        *(f'          - "{student}"' for student in job.students),
    ]
    whom = f'{ONE_STUDENT} "$STUDENT"' if job.student else ONLY_CLUSTER
    return "\n".join(
        [
            f"  {job.name}:",
            f"    needs: [{', '.join(job.after)}]",
            f"    if: ${{{{ {job.condition} }}}}",
            f"    runs-on: {options.runner}",
            "    timeout-minutes: 90",
            "    permissions:",
            "      contents: read",
            *(["      id-token: write"] if logs_in else []),
            *(matrix if job.students else []),
            "    # One at a time for each stack, and never cancelled in the middle.",
            "    concurrency:",
            f'      group: "stack-{job.group}"',
            "      cancel-in-progress: false",
            *(["    env:", f'      STUDENT: "{job.student}"'] if job.student else []),
            "    steps:",
            options.preparation,
            "      - run: pipelines/run tools",
            *(["      - run: pipelines/run login"] if logs_in else []),
            f'      - run: {_LAB} "$VERB" {options.class_file} {whom}',
            "",
        ]
    )


def _require(options: GithubOptions) -> None:
    demands.require_shared_backend(options.backend)
    if not demands.has_key_service(options.secrets_provider):
        raise LabError(
            f"--secrets-provider: found {options.secrets_provider!r}; a passphrase would have to be stored at GitHub, "
            f"so only these are allowed: {', '.join(f'{each}://...' for each in demands.KEY_SERVICES)}",
            "give for example --secrets-provider azurekeyvault://VAULT.vault.azure.net/keys/pulumi",
        )
    # All of these stand in the workflow's text, and some in commands.
    for option, found, allowed in (
        ("--backend", options.backend, _ADDRESS),
        ("--secrets-provider", options.secrets_provider, _ADDRESS),
        ("the class file", options.class_file, _PATH),
        ("--runner", options.runner, _RUNNER),
    ):
        if not allowed.fullmatch(found):
            raise LabError(f"{option}: found {found!r}, which a workflow cannot name", "use plain letters and digits")
    if not 1 <= options.parallel <= MOST_PARALLEL:
        raise LabError(f"--parallel: found {options.parallel}; allowed: 1 to {MOST_PARALLEL}", "")
