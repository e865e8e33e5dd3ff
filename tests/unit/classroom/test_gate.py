"""Where students wait who have started early: shut until it is decided, and then for good one or the other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from lab.core.errors import LabError
from lab.services.classes.gate import Gate


def test_all_who_wait_pass_when_it_opens_and_nobody_before() -> None:
    gate = Gate()
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(gate.wait) for _ in range(3)]
        assert not any(each.done() for each in waiting)
        assert not gate.refuses

        gate.decide(opens=True)

        assert [each.result(timeout=10) for each in waiting] == [None] * 3
    assert not gate.refuses


def test_nobody_passes_a_gate_that_stays_shut() -> None:
    gate = Gate()
    gate.decide(opens=False)

    assert gate.refuses
    with pytest.raises(LabError, match="not its turn"):
        gate.wait()


@pytest.mark.parametrize("opens", [True, False])
def test_the_first_decision_counts(opens: bool) -> None:  # noqa: FBT001 - a case
    gate = Gate()
    gate.decide(opens=opens)
    gate.decide(opens=not opens)

    assert gate.refuses is not opens
