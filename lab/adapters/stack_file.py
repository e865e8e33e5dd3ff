"""A stack's file, `Pulumi.<stack>.yaml`: what it says of the lab's own settings, read as Pulumi reads it."""

from __future__ import annotations

import difflib
import json
import re
from typing import TYPE_CHECKING

from lab.adapters import process, text_files, workspace
from lab.core import paths
from lab.core.errors import LabError
from lab.core.tags import PROJECT

if TYPE_CHECKING:
    from pathlib import Path

NAMESPACE = f"{PROJECT}:"
"""Before each of the lab's own keys in a stack's configuration."""

_SECURE = "secure"
"""The only key of a value that is encrypted."""

_NEAR = 0.75
"""Similarity to the lab's own namespace from which another is a misspelling; that of Pulumi's `gitlab` is 0.71."""


def read(file: Path) -> dict[str, object]:
    """Return all that a stack's file says; nothing where there is none.

    Raises:
        LabError: it cannot be used; with file, line and what to do.
    """
    if not file.exists() and not file.is_symlink():
        return {}
    text = text_files.read(file)
    found = text_files.mapping(text, file.name)
    config = found.get("config")
    if config is not None and not isinstance(config, dict):
        line = text_files.line_of(text, "config")
        shown = json.dumps(config, ensure_ascii=False, default=str)[:60]
        raise LabError(
            f"{file.name}:{line}: config: found {shown}; allowed: keys with values",
            f"write them below it, such as {NAMESPACE}target: embedded",
        )
    for key in config or {}:
        problem = misspelt(key)
        if ":" not in key and f"{NAMESPACE}{key}" in (config or {}):
            problem = f"{key} is {NAMESPACE}{key}, which stands there too", "keep one of them"
        if problem:
            line = text_files.line_of(text, "config", key)
            raise LabError(f"{file.name}:{line}: {problem[0]}", problem[1])
    return found


def misspelt(key: str) -> tuple[str, str] | None:
    """Return what is wrong with a key that no program would ever read, and what to do; None for any other."""
    namespace, colon, name = key.partition(":")
    own, given = _plain(PROJECT), _plain(namespace)
    if colon and namespace != PROJECT and difflib.SequenceMatcher(None, own, given).ratio() >= _NEAR:
        return f"{key}: no setting of the lab begins with {namespace}:", f"write {NAMESPACE}{name}"
    return None


def _plain(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())


def settings(file: Path, stack: str, *only: str) -> dict[str, object]:
    """Return the lab's own settings in a stack's file, by their names without the namespace; unchecked.

    Args:
        file: the stack's file.
        stack: its name.
        only: return no others than these: to decrypt a setting takes pulumi half a second.

    Raises:
        LabError: the file cannot be used, or a setting in it cannot be decrypted.
    """
    config = read(file).get("config")
    values = config if isinstance(config, dict) else {}
    # Pulumi takes a key without a namespace for one of the project's.
    own = {key.removeprefix(NAMESPACE): value for key, value in values.items() if _is_own(key)}
    own = {key: value for key, value in own.items() if not only or key in only}
    if encrypted := [key for key, value in own.items() if _is_encrypted(value)]:
        plain = _decrypted(file, stack)
        own |= {key: plain[f"{NAMESPACE}{key}"] for key in encrypted if f"{NAMESPACE}{key}" in plain}
    return own


def _is_own(key: str) -> bool:
    return key.startswith(NAMESPACE) or ":" not in key


def _is_encrypted(value: object) -> bool:
    if isinstance(value, dict):
        return set(value) == {_SECURE} or any(map(_is_encrypted, value.values()))
    return isinstance(value, list) and any(map(_is_encrypted, value))


def _decrypted(file: Path, stack: str) -> dict[str, object]:
    try:
        done = process.run(
            [str(paths.bin_dir() / "pulumi"), *_SHOW, "--stack", stack, "--non-interactive"],
            environment=workspace.environment(),
            cwd=file.parent,
            timeout=60.0,
            title="pulumi config",
        )
        found: dict[str, dict[str, object]] = json.loads(done.stdout)
    except (LabError, ValueError) as error:
        words = str(error).strip().splitlines()
        raise LabError(
            f"{file.name}: a setting in it is encrypted, and cannot be decrypted: {words[0] if words else error}",
            "settings of the lab are no secrets; write it in plain: pulumi config set --plaintext "
            f"{NAMESPACE}KEY VALUE --stack {stack}",
        ) from None
    return {key: each.get("objectValue", each.get("value")) for key, each in found.items()}


_SHOW = ("config", "--json", "--show-secrets")
