"""The backend that keeps the state of stacks, and the login to it.

By default it is a folder of the project. `ISTIO_LAB_BACKEND_URL` names another one: an address, or `login` for the one
that the user's own pulumi is logged in to. Logins, tokens and passphrases are then those of the user's shell.
"""

from __future__ import annotations

import json
import os
import pwd
import re
from pathlib import Path
from urllib.parse import unquote

import yaml

from lab.core import paths
from lab.core.errors import LabError

VARIABLE = "ISTIO_LAB_BACKEND_URL"

LOGIN = "login"
"""Value of the variable for the backend that plain `pulumi` in the same shell uses."""

CLAIM = "backend"
"""File in the folder of an embedded lab: the address of the backend that keeps its state."""

_SCHEMES = ("file", "s3", "azblob", "gs", "postgres", "https", "http")
_FILE = "file://"
_NO_METADATA = "?metadata=skip"
"""Behind the address of the project's own folder: beside each state the backend would write its metadata, and not
atomically. An engine killed just then would leave an empty file, and no command could read the state any more."""

_LOCKED = ("is currently locked by", "Another update is currently in progress")
_PASSPHRASE = "PULUMI_CONFIG_PASSPHRASE"  # noqa: S105 - the name of a variable
_PASSPHRASE_FILE = "PULUMI_CONFIG_PASSPHRASE_FILE"  # noqa: S105 - the name of a variable
_UNREAD = f"unable to read {_PASSPHRASE_FILE}"


class BackendError(LabError):
    """A backend, its login or the passphrase of its secrets is not what pulumi needs."""


class NoSuchStackError(BackendError):
    """The backend does not have a stack."""


class PassphraseError(BackendError):
    """A passphrase does not decrypt what it should."""


def local() -> bool:
    """Whether state is kept in the project's own folder."""
    return not os.environ.get(VARIABLE)


def url() -> str:
    """Return the address of the backend; empty if pulumi is not logged in.

    Raises:
        LabError: the variable names no backend.
    """
    if local():
        return own()
    given = _given()
    if given != LOGIN:
        return _absolute(given)
    return of_pulumi()


def own() -> str:
    """Return the address of the project's own folder."""
    return f"{paths.state_dir().as_uri()}{_NO_METADATA}"


def of_pulumi() -> str:
    """Return the address that pulumi itself uses in this process' environment, in its own order of sources."""
    return _absolute(os.environ.get("PULUMI_BACKEND_URL") or _of_project() or _current())


def folder() -> Path | None:
    """Return the folder of a file backend."""
    return _folder(url())


def keeper(directory: Path) -> str:
    """Return the address of the backend that keeps the lab in a folder, if that is another one; else nothing.

    Args:
        directory: of a stack.
    """
    try:
        owner = (directory / CLAIM).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
    if not owner or owner == masked(url()):
        return ""
    # The own folder of a clone that was moved is gone from where it was.
    moved = owner.endswith(_NO_METADATA) and (place := _folder(owner)) is not None and not place.is_dir()
    return "" if moved else owner


def variables() -> dict[str, str]:
    """Return the variables by which pulumi finds the backend, its login and the passphrase, from any folder."""
    if local():
        return {"PULUMI_BACKEND_URL": url(), _PASSPHRASE_FILE: str(paths.passphrase_file())}
    # Plugins and logs stay in the project also then; only logins and the default organization are the user's.
    found = {"PULUMI_CREDENTIALS_PATH": str(credentials())}
    if address := url():
        found["PULUMI_BACKEND_URL"] = address
    if file := os.environ.get(_PASSPHRASE_FILE):
        found[_PASSPHRASE_FILE] = str(Path(file).absolute())
    return found


def credentials() -> Path:
    """Return the folder in which the user's own pulumi keeps its logins."""
    given = os.environ.get("PULUMI_CREDENTIALS_PATH") or os.environ.get("PULUMI_HOME")
    return Path(given).absolute() if given else _user_home() / ".pulumi"


def described() -> str:
    """Return the backend as messages call it: with the variable that chose it, and without a password."""
    if local():
        return str(paths.state_dir())
    address = masked(url())
    if _given() != LOGIN:
        return f"{VARIABLE}={address}"
    return f"{VARIABLE}={LOGIN}, which is {address or 'nowhere yet'}"


def explained(text: str, *, stack: str, settings: str, embedded: bool = False) -> BackendError | None:
    """Return the cause of a failure of pulumi that the backend, the login or the passphrase has; None for others.

    Args:
        text: pulumi's messages.
        stack: name of the stack; empty if it is about none.
        settings: name of the stack's file.
        embedded: whether the stack is on this machine alone.
    """
    if "incorrect passphrase" in text or (local() and _UNREAD in text):
        return _wrong_passphrase(stack, settings, embedded=embedded)
    if "passphrase must be set" in text or _UNREAD in text:
        return _no_passphrase(stack)
    if "no stack named" in text:
        return NoSuchStackError(
            f"there is no stack {stack} in {described()}",
            f"lab up --stack {stack}, or name its backend with {VARIABLE}",
        )
    if any(sign in text for sign in _LOCKED):
        return BackendError(
            f"stack {stack} is locked in {described()}, so somebody works on it or was killed",
            f"if nobody does any more, say so: pulumi cancel --yes --stack {stack}",
        )
    if "must be set for login" in text and not local():
        return _not_logged_in()
    return None


def unusable(text: str) -> BackendError:
    """Return the error for a backend that did not answer.

    Args:
        text: pulumi's messages.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    cause = next((line for line in lines if line.startswith("error: ")), lines[0] if lines else "no message")
    return BackendError(
        f"the backend cannot be used, {described()}: {masked(cause.removeprefix('error: '))}",
        f"correct {VARIABLE}, or what its login needs; without the variable, state is kept in {paths.state_dir()}",
    )


def masked(text: str) -> str:
    """Return the text without the user and the password of an address in it."""
    return re.sub(r"//[^/@\s]*@", "//...@", text)


def _folder(address: str) -> Path | None:
    return Path(unquote(address.removeprefix(_FILE).partition("?")[0])) if address.startswith(_FILE) else None


def _given() -> str:
    given = os.environ[VARIABLE]
    if given != LOGIN and given.partition("://")[0] not in _SCHEMES:
        schemes = ", ".join(f"{scheme}://..." for scheme in _SCHEMES)
        raise BackendError(
            f"{VARIABLE}: found {given!r}, which names no backend",
            f"set it to {LOGIN} for the backend of your own pulumi, or to one of {schemes}",
        )
    return given


def _no_passphrase(stack: str) -> BackendError:
    unset = f"neither {_PASSPHRASE} nor {_PASSPHRASE_FILE} is set"
    found = f"{_PASSPHRASE_FILE}={file} cannot be read" if (file := os.environ.get(_PASSPHRASE_FILE)) else unset
    return BackendError(
        f"secrets of stack {stack} are encrypted with a passphrase, and {found}",
        f"export {_PASSPHRASE_FILE}=FILE, with the passphrase in it",
    )


def _wrong_passphrase(stack: str, settings: str, *, embedded: bool) -> BackendError:
    if local():
        return _wrong_own_passphrase(stack, settings, embedded=embedded)
    chosen = (
        f"{_PASSPHRASE} (its value is not shown)"
        if _PASSPHRASE in os.environ
        else f"{_PASSPHRASE_FILE}={os.environ.get(_PASSPHRASE_FILE, '')}"
    )
    return PassphraseError(
        f"{chosen} is not the passphrase of the encryptionsalt in {settings}",
        f"set {_PASSPHRASE} or {_PASSPHRASE_FILE} to the one that the stack was made with in {described()}",
    )


def _wrong_own_passphrase(stack: str, settings: str, *, embedded: bool) -> PassphraseError:
    """Return the error for a passphrase of the project's own that was changed or lost."""
    file, suffix = paths.passphrase_file(), "" if stack == "dev" else f" STACK={stack}"
    if settings_are_encrypted(paths.PROJECT / settings):
        return PassphraseError(
            f"values in {settings} are encrypted with another passphrase than the one in {file}",
            f"put the former passphrase back into that file; if it is lost, delete the encrypted values and the line "
            f"encryptionsalt from {settings}, then: make recover{suffix}",
        )
    lost = f"put it back into that file; if your own pulumi keeps the stack: {VARIABLE}={LOGIN}; if it is lost, "
    cause = f"another passphrase than the one in {file}" if file.is_file() else f"a passphrase that was in {file}"
    return PassphraseError(
        f"the secrets in the state of stack {stack} are encrypted with {cause}. Without it that state cannot be used",
        f"{lost}so is what was made in the lab's cluster: make down{suffix} && make up{suffix}"
        if embedded
        else f"{lost}move the state away, {paths.stacks_dir() / stack}.json, and list what is left with: lab audit",
    )


def settings_are_encrypted(file: Path) -> bool:
    """Check for values in a stack's file that cannot be read without its salt."""
    return file.is_file() and re.search(rb"\bsecure:", file.read_bytes()) is not None


def _not_logged_in() -> BackendError:
    address = url()
    return BackendError(
        f"pulumi is not logged in to {described()}: there is no login in {credentials() / 'credentials.json'} and no "
        "PULUMI_ACCESS_TOKEN",
        f"pulumi login {address}" if address else f"pulumi login URL, or {VARIABLE}=URL",
    )


def _absolute(address: str) -> str:
    """Return the address for any working folder: pulumi takes a relative one from where it is called."""
    if not address.startswith(_FILE):
        return address
    path, mark, query = address.removeprefix(_FILE).partition("?")
    if path.startswith("~"):
        path = str(_user_home() / path[2:])
    return f"{_FILE}{os.path.normpath(Path(path).absolute())}{mark}{query}"


def _of_project() -> str:
    try:
        found = yaml.safe_load((paths.PROJECT / "Pulumi.yaml").read_text(encoding="utf-8"))
        return str((found.get("backend") or {}).get("url") or "")
    except (OSError, ValueError, AttributeError, yaml.YAMLError):
        return ""


def _current() -> str:
    try:
        return str(json.loads((credentials() / "credentials.json").read_text(encoding="utf-8")).get("current") or "")
    except (OSError, ValueError, AttributeError):
        return ""


def _user_home() -> Path:
    """Return the user's folder as pulumi finds it: by the system's list of users before the variable."""
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return paths.user_home() or paths.home()
