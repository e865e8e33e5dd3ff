"""Signals, handled for as long as a block lasts."""

from __future__ import annotations

import signal
import threading

import pytest

from lab.core import signals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_plain_kill_and_a_closed_terminal_are_like_ctrl_c(number: signal.Signals) -> None:
    before = signal.getsignal(number)

    with pytest.raises(KeyboardInterrupt), signals.termination_as_interrupt():
        signal.raise_signal(number)

    assert signal.getsignal(number) is before


def test_what_is_ignored_here_is_not_ignored_afterwards() -> None:
    before = signal.getsignal(signal.SIGINT)

    with signals.ignored(signal.SIGINT):
        signal.raise_signal(signal.SIGINT)

    assert signal.getsignal(signal.SIGINT) is before


def test_a_thread_that_gets_no_signals_changes_nothing() -> None:
    inside: list[object] = []

    def work() -> None:
        with signals.termination_as_interrupt():
            inside.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert inside == [signal.getsignal(signal.SIGTERM)]
