"""Where students wait whose engines have started, until the one who goes first for all of them has ended."""

from __future__ import annotations

import threading

from lab.core.errors import LabError


class Gate:
    """Shut until it is decided.

    To start an engine takes half a second of a core, in which nothing is touched; and the first student, who mostly
    waits for Pods, leaves most of a machine idle.
    """

    def __init__(self) -> None:
        """Nothing is decided yet."""
        self._decided = threading.Event()
        self._opens = False

    @property
    def refuses(self) -> bool:
        """Whether it stays shut for good."""
        return self._decided.is_set() and not self._opens

    def decide(self, *, opens: bool) -> None:
        """Let all pass or none; the first decision counts. Only the thread that made the gate decides."""
        if not self._decided.is_set():
            self._opens = opens
            self._decided.set()

    def wait(self) -> None:
        """Come back when it opens.

        Raises:
            LabError: it stays shut.
        """
        self._decided.wait()
        if not self._opens:
            raise LabError("it was not its turn: the first student failed, or everything stops")
