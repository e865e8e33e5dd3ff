"""Passwords that nobody chooses and that stay the same as long as the stack stands."""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, Resource, ResourceProvider


class _PasswordProvider(ResourceProvider):
    # The engine pickles this class into the state, so it stays tiny.
    def create(self, props: dict[str, Any]) -> CreateResult:
        import secrets

        return CreateResult("password", {"value": secrets.token_hex(int(props["length"]) // 2)})


class Password(Resource, module="lab", name="Password"):
    """A generated password.

    Attributes:
        value: a secret.
    """

    value: pulumi.Output[str]

    def __init__(self, name: str, length: int, opts: pulumi.ResourceOptions) -> None:
        """Generate it once.

        Args:
            name: logical name.
            length: hexadecimal digits of it, an even number; each is worth four bits.
            opts: parent.
        """
        secret = pulumi.ResourceOptions(additional_secret_outputs=["value"])
        super().__init__(
            _PasswordProvider(), name, {"length": length, "value": None}, pulumi.ResourceOptions.merge(opts, secret)
        )
