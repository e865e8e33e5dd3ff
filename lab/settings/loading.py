"""The only reader of Pulumi's configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import pulumi

from lab.adapters import stack_file
from lab.core import paths, tags
from lab.core.errors import LabError

if TYPE_CHECKING:
    from lab.settings import Settings

S = TypeVar("S", bound="Settings")


def load(model: type[S]) -> S:
    """Read and check the configuration of the current stack.

    Raises:
        pulumi.RunError: something is wrong; all of it is listed. The engine shows this error without a stack trace.
    """
    # The language host and `set_all_config` fill CONFIG; the variable alone is there when neither has run.
    config = {**(pulumi.runtime.get_config_env() or {}), **pulumi.runtime.config.CONFIG.get()}
    prefix = f"{tags.PROJECT}:"
    own = {key.removeprefix(prefix): value for key, value in config.items() if key.startswith(prefix)}
    stack = pulumi.get_stack()
    if problem := next(filter(None, map(stack_file.misspelt, config)), None):
        raise pulumi.RunError(f"Pulumi.{stack}.yaml: {problem[0]}; {problem[1]}")
    try:
        settings = model.from_mapping(own, source=f"Pulumi.{stack}.yaml", stack=stack)
    except LabError as error:
        raise pulumi.RunError(str(error)) from None
    folder = paths.class_workspace(stack)
    if folder.is_dir() and not settings.student.classroom:
        raise pulumi.RunError(f"stack {stack} is of a class, and its settings are not in this folder: cd {folder}")
    return settings
