"""All checks of the lessons, by name."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import partial
from typing import TYPE_CHECKING

from lab.core.errors import LabError
from lab.services.grading import strategies, traffic
from lab.services.grading.probe import Probe
from lab.services.grading.rollout_inspector import RolloutInspector

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lab.adapters.stack import Stack
    from lab.services.grading.evaluation import CheckResult


def matching(stack: Stack, patterns: Sequence[str]) -> Mapping[str, Callable[[], CheckResult]]:
    """The checks whose names match one of the patterns, ready to run on a stack."""
    probe, inspector = Probe(stack=stack), RolloutInspector(stack=stack)
    checks: dict[str, Callable[[], CheckResult]] = {
        **{name: partial(check, probe) for name, check in traffic.CHECKS.items()},
        **{name: partial(check, inspector) for name, check in strategies.CHECKS.items()},
    }
    if unknown := [each for each in patterns if not any(fnmatchcase(name, each) for name in checks)]:
        raise LabError(f'lab check: found "{unknown[0]}"', f"allowed: {', '.join(checks)}, or a pattern of them")
    return {name: check for name, check in checks.items() if any(fnmatchcase(name, each) for each in patterns)}
