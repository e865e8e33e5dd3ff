"""A lab comes back, by at most two commands, from whatever is killed in the middle of an `up` or a `down`."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.engine import killing
from tests.engine.killing import Aim, Killer, Moment, Victim

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.engine.laboratory import Laboratory

SEED = int(os.environ.get("KILLS_SEED") or random.randrange(10_000))  # noqa: S311 - a sample
"""Of the random sample; that of a failure repeats it."""

DONE = Path(os.environ.get("KILLS_DONE") or "/dev/null")
"""Where the slow tests note each shot after which the lab came back; those are left out the next time."""

ROUNDS = 2
KILLED_UPS = 5
"""In each round; every one begins with what the one before left. Then one `down` is killed: twelve shots in all."""

MISSES = 6
"""Shots whose victim was not there, or whose moment did not come, before the next one has to hit."""

PROVIDERS = (Victim.PROGRAM, Victim.KUBERNETES, Victim.DYNAMIC)
"""Processes that do not run all the time: a `down` runs no program, and a provider starts with its first resource."""


@pytest.fixture(scope="module")
def killer(laboratory: Laboratory) -> Iterator[Killer]:
    """It knows every resource of the lab, of which nothing stands."""
    laboratory.lab("down").succeeded()
    found = Killer(laboratory)
    found.resources = found.steps("up")
    found.deleted = found.steps("down")
    yield found
    found.disarm()


@pytest.mark.parametrize("number", range(ROUNDS))
def test_a_lab_comes_back_from_a_random_kill_in_each_up_and_down(killer: Killer, number: int) -> None:
    dice = random.Random(f"{SEED}/{number}")  # noqa: S311 - a sample
    laboratory = killer.laboratory
    _say(f"KILLS_SEED={SEED}, round {number}")
    for _ in range(KILLED_UPS):
        _kill_one_up(killer, dice)
    _say("came back by", *killing.converge(laboratory))
    killing.require_standing(laboratory)
    for _ in range(MISSES):
        aim = Aim(
            verb="down",
            victim=dice.choice(list(Victim)),
            moment=Moment.BEGIN,
            resource=dice.choice(killer.resources),
        )
        shot = killer.shoot(aim)
        _say(aim, "hit" if shot.hit else "missed", shot.code)
        if shot.hit:
            break
        killing.converge(laboratory)
    else:
        pytest.fail(f"nothing was hit by {MISSES} shots")
    if number == 0:
        killing.converge(laboratory)
        killing.require_standing(laboratory)
    laboratory.lab("down").succeeded()
    killing.require_nothing(laboratory)


def test_plain_pulumi_goes_on_after_its_engine_was_killed(killer: Killer) -> None:
    laboratory = killer.laboratory
    release = next(step for step in killer.resources if step.endswith("Release::grafana"))
    assert killer.shoot(Aim(verb="up", victim=Victim.ENGINE, moment=Moment.BEGIN, resource=release)).hit
    laboratory.pulumi("cancel", "--yes").succeeded()
    laboratory.pulumi("up", "--yes", "--skip-preview").succeeded()
    killing.converge(laboratory)
    killing.require_standing(laboratory)
    laboratory.lab("down").succeeded()
    killing.require_nothing(laboratory)


@pytest.mark.slow
@pytest.mark.parametrize("victim", list(Victim))
@pytest.mark.parametrize("verb", ["up", "down"])
def test_a_lab_comes_back_from_a_kill_at_each_resource(killer: Killer, verb: str, victim: Victim) -> None:
    """Kill at one resource after the other; each command goes on with what the killed one has left.

    Hours in all; it notes what is done, and goes on there.
    """
    order = killer.resources if verb == "up" else killer.deleted
    done = set(DONE.read_text(encoding="utf-8").splitlines())
    aims = [Aim(verb=verb, victim=victim, moment=Moment.BEGIN, resource=resource) for resource in order]
    left = [aim for aim in aims if str(aim) not in done]
    missed: set[Aim] = set()
    while left:
        hit, miss = _kill_in_turn(killer, left)
        with DONE.open("a", encoding="utf-8") as file:
            file.writelines(f"{aim}\n" for aim in hit)
        # Once more in the next round, where it has come late.
        left = [aim for aim in left if aim not in hit and not (aim == miss and aim in missed)]
        missed = (missed | {miss}) - set(hit) if miss else missed - set(hit)
    absent = [str(aim) for aim in missed]
    _say(f"{len(aims) - len(absent)} of {len(aims)} were hit; no {victim} was there at:", *absent)
    assert victim in PROVIDERS or not absent


def _kill_in_turn(killer: Killer, aims: list[Aim]) -> tuple[list[Aim], Aim | None]:
    """Kill at each resource whose turn comes; return those hit, after which the lab came back, and the first missed."""
    laboratory, hit, missed = killer.laboratory, list[Aim](), None
    if aims[0].verb == "down":
        laboratory.lab("up").succeeded()
    for aim in aims:
        if (aim.resource in killer.missing()) == (aim.verb == "down"):
            continue
        shot = killer.shoot(aim)
        _say(aim, "hit" if shot.hit else "missed", shot.code)
        if not shot.hit:
            missed = aim
            break
        hit.append(aim)
    if aims[0].verb == "up" or len(hit) % 2:
        _say("came back by", *killing.converge(laboratory))
        killing.require_standing(laboratory)
    laboratory.lab("down").succeeded()
    killing.require_nothing(laboratory)
    return hit, missed


def _kill_one_up(killer: Killer, dice: random.Random) -> None:
    """Kill an `up`; where that refuses to begin, the `recover` that it advises."""
    for _ in range(MISSES):
        missing = killer.missing()
        if not missing:
            # The engine of a `lab` that was killed has gone on to the end.
            killing.require_standing(killer.laboratory)
            killer.laboratory.lab("down").succeeded()
            missing = killer.resources
        aim = Aim(
            verb="up",
            victim=dice.choice(list(Victim)),
            moment=dice.choice([Moment.BEGIN, Moment.BEGIN, Moment.END]),
            # Those of the first half leave the next shot more to aim at.
            resource=dice.choice(missing[: max(4, len(missing) // 2)]),
        )
        shot = killer.shoot(aim)
        if not shot.hit and shot.code and "make recover" in shot.output:
            shot = killer.shoot(Aim(verb="recover", victim=aim.victim, moment=aim.moment, resource=aim.resource))
            assert shot.hit or shot.code == 0, f"{shot.aim} did not come about:\n{shot.output}"
        _say(shot.aim, "hit" if shot.hit else "missed", shot.code)
        if shot.hit:
            return
    pytest.fail(f"nothing was hit by {MISSES} shots")


def _say(*words: object) -> None:
    """Print what was done, which pytest shows with a failure."""
    sys.stdout.write(f"{' '.join(map(str, words))}\n")
