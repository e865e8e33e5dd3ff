"""The one place that starts programs: their environment, their output as text, their time limit, their end."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

from lab.adapters import environment as environments
from lab.adapters import files
from lab.adapters.process_tree import GRACE, stop_tree
from lab.core import signals
from lab.core.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

_LAST_LINES = 20
"""Of a failed command's output that an error shows."""

_LIMIT = 3600.0
"""Seconds that a command may take for which nobody sets a limit of its own: longer than any that the lab runs."""

_READER_TIMEOUT = 5.0
"""Seconds to wait for the last output of a process that has ended; a child that left it may hold the pipe open."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """A command that has ended.

    Attributes:
        code: its exit code; negative for the number of the signal that ended it.
        stdout: all that it printed.
        stderr: all its messages.
    """

    code: int
    stdout: str
    stderr: str

    @property
    def last_words(self) -> str:
        """The end of its messages, else of what it printed, else how it ended."""
        output = self.stderr.strip() or self.stdout.strip()
        return "\n".join(output.splitlines()[-_LAST_LINES:]) or _ending(self.code)


class ProcessFailedError(LabError):
    """A command ended with an error.

    Attributes:
        result: its code and its output.
    """

    def __init__(self, message: str, remedy: str, result: Result) -> None:
        super().__init__(message, remedy)
        self.result = result


class ProcessTimeoutError(LabError):
    """A command did not end in time and was ended with all that it had started."""


class CannotStartError(LabError):
    """A program is not installed, or cannot be run."""


def run(  # noqa: PLR0913 - options, each with a default
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str = "",
    timeout: float = _LIMIT,
    check: bool = True,
    title: str = "",
    remedy: str = "",
    new_session: bool = False,
    umask: int = files.PRIVATE,
) -> Result:
    """Run a command to its end; an interrupt and a timeout end all that it has started.

    Args:
        command: program and arguments; a secret is never among them.
        environment: all its variables; those of a local program if left out.
        cwd: where it runs.
        stdin: what it reads.
        timeout: seconds.
        check: raise an error when it ends with a code other than 0.
        title: the command as error messages call it.
        remedy: what the user can do about a failure or a timeout.
        new_session: for a command that leaves servers behind, which Ctrl-C in this terminal must not reach.
        umask: of the files that it creates.

    Raises:
        ProcessFailedError: with its last words.
        ProcessTimeoutError: it did not end in time.
        CannotStartError: the program is missing.
    """
    title = title or _title(command)
    with _started(
        command,
        environment,
        cwd=cwd,
        stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=new_session,
        umask=umask,
    ) as process:
        try:
            stdout, stderr = process.communicate(stdin or None, timeout)
        except subprocess.TimeoutExpired:
            stop_tree(process.pid, grace=0)
            raise ProcessTimeoutError(f"{title} did not answer within {timeout:.0f} s", remedy) from None
        except BaseException:
            stop_tree(process.pid)
            process.wait()
            raise
    result = Result(code=process.returncode, stdout=stdout, stderr=stderr)
    if check and result.code:
        raise ProcessFailedError(f"{title} failed: {result.last_words}", remedy, result)
    return result


def interact(command: Sequence[str], *, environment: Mapping[str, str] | None = None, cwd: Path | None = None) -> int:
    """Run a command in the user's terminal and return its exit code.

    Ctrl-C reaches every process of the terminal's group: the command ends as it likes, and this process waits for it.

    Raises:
        CannotStartError: the program is missing.
    """
    with signals.ignored(signal.SIGINT), _started(command, environment, cwd=cwd) as process:
        code = process.wait()
    return code if code >= 0 else 128 - code


class Running:
    """A command that runs beside this process, until a `with` block ends or it does.

    Args:
        command: program and arguments.
        environment: all its variables; those of a local program if left out.
        cwd: where it runs.
        log: where its output and its messages are appended as far as nobody takes them.
        on_line: takes each line of its output, in a thread.
        on_message: takes each line of its standard error, in a thread; without it and a log they are output as well.
        stdin: keep its standard input open until the end: the command is one that ends with it, and so also ends
            when this process is killed.
        new_group: Ctrl-C in the terminal is for this process, which ends the other one.
        grace: seconds between two ways to end it, the next one always harder; 0 kills at once.
        umask: of the files that it creates.

    Raises:
        CannotStartError: the program is missing.
    """

    def __init__(  # noqa: PLR0913 - options, each with a default
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        log: Path | None = None,
        on_line: Callable[[str], object] | None = None,
        on_message: Callable[[str], object] | None = None,
        stdin: bool = False,
        new_group: bool = False,
        grace: float = GRACE,
        umask: int = files.PRIVATE,
    ) -> None:
        self._grace = grace
        with contextlib.ExitStack() as opened:
            file = opened.enter_context(files.append(log)) if log else None
            self._process = _started(
                command,
                environment,
                cwd=cwd,
                stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
                stdout=subprocess.PIPE if on_line else file or subprocess.DEVNULL,
                stderr=subprocess.PIPE if on_message else file or subprocess.STDOUT,
                process_group=0 if new_group else None,
                umask=umask,
            )
        self._readers = [
            threading.Thread(target=_read, args=(stream, take), daemon=True)
            for stream, take in ((self._process.stdout, on_line), (self._process.stderr, on_message))
            if stream and take
        ]
        for reader in self._readers:
            reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def code(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._process.poll()

    @property
    def finished(self) -> bool:
        """Whether it has ended and all of its output has been taken."""
        return self.code is not None and not any(reader.is_alive() for reader in self._readers)

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for its end, and for its last line; return its exit code, or None when the time is up."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout)
            for reader in self._readers:
                reader.join(_READER_TIMEOUT)
        return self.code

    def close_stdin(self) -> None:
        """Tell it to end."""
        if self._process.stdin:
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    def stop(self) -> None:
        """End it with all that it has started: by its standard input, by SIGTERM, by SIGKILL."""
        self.close_stdin()
        if self._process.stdin and self._grace:
            self.wait(self._grace)
        if self.code is None:
            stop_tree(self.pid, grace=self._grace)
        self.wait(GRACE)


_DETACHED: list[subprocess.Popen[str]] = []
"""Python warns of a child that it forgets while it runs; these are meant to outlive this process."""


def start_detached(
    command: Sequence[str], *, pid_file: Path, log: Path, environment: Mapping[str, str] | None = None
) -> None:
    """Start a server that outlives this process, in a session of its own, which Ctrl-C does not reach.

    Args:
        command: program and arguments.
        pid_file: written once it runs; it starts in the folder of this file.
        log: where its output is appended.
        environment: all its variables; those of a local program if left out.

    Raises:
        CannotStartError: the program is missing.
    """
    files.folder(pid_file.parent)
    if not log.parent.exists():
        files.folder(log.parent)
    with files.append(log) as out:
        child = _started(
            command,
            environment,
            cwd=pid_file.parent,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    files.write(pid_file, f"{child.pid}\n")
    _DETACHED.append(child)


def tail(log: Path, lines: int = 5) -> str:
    """Return the last lines of a log, for an error message."""
    try:
        return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


def _started(  # noqa: PLR0913 - what the library needs
    command: Sequence[str],
    environment: Mapping[str, str] | None,
    *,
    cwd: Path | None = None,
    stdin: int | None = None,
    stdout: int | IO[bytes] | None = None,
    stderr: int | IO[bytes] | None = None,
    start_new_session: bool = False,
    process_group: int | None = None,
    umask: int = files.PRIVATE,
) -> subprocess.Popen[str]:
    try:
        return subprocess.Popen(
            command,
            env=environments.make() if environment is None else environment,
            cwd=cwd,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            encoding="utf-8",
            errors="replace",
            start_new_session=start_new_session,
            process_group=process_group,
            umask=umask,
        )
    except FileNotFoundError as error:
        if cwd and not cwd.is_dir():
            raise LabError(f"{command[0]} cannot be started: there is no folder {cwd}") from error
        raise CannotStartError(f"{command[0]} is not installed", "install it, or put it on PATH") from error
    except OSError as error:
        raise CannotStartError(f"{command[0]} cannot be started: {error.strerror}") from error


def _read(stream: IO[str], take: Callable[[str], object]) -> None:
    """Read to the end: a process whose output nobody takes stops when its pipe is full."""
    with stream:
        for line in stream:
            take(line.rstrip("\n"))


def _title(command: Sequence[str]) -> str:
    """The program and its first words; options say little and are long."""
    words = [Path(command[0]).name]
    for word in command[1:]:
        if word.startswith("-"):
            break
        words.append(word)
    return " ".join(words)


def _ending(code: int) -> str:
    if code >= 0:
        return f"it ended with code {code} and gave no reason"
    try:
        return f"it was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"it was ended by signal {-code}"
