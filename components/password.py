"""Generated passwords that stay the same for the life of a stack.

This module keeps its path: the state of every stack names the provider below by it.
"""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, Resource, ResourceProvider


class _PasswordProvider(ResourceProvider):
    def create(self, props: dict[str, Any]) -> CreateResult:
        import secrets

        return CreateResult("password", {"value": secrets.token_hex(int(props["length"]) // 2)})


class Password(Resource, module="lab", name="Password"):
    """A generated password; its value is a secret."""

    value: pulumi.Output[str]

    def __init__(self, name: str, length: int, opts: pulumi.ResourceOptions) -> None:
        """Generate it once, with an even number of hexadecimal digits."""
        secret = pulumi.ResourceOptions(additional_secret_outputs=["value"])
        super().__init__(
            _PasswordProvider(), name, {"length": length, "value": None}, pulumi.ResourceOptions.merge(opts, secret)
        )
