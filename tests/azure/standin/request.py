"""A request to change something, as rules and faults see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from tests.azure.standin.account import Account
    from tests.azure.standin.resources import ResourceType

Method = Literal["create", "update", "delete", "import"]


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked of Azure.

    Attributes:
        method: what to do.
        type: with which type of resource.
        id: with which resource.
        inputs: how it should be; empty if it should not be.
        account: who asks.
    """

    method: Method
    type: ResourceType
    id: str
    inputs: dict[str, Any]
    account: Account

    @property
    def name(self) -> str:
        """The resource's own name."""
        return self.id.rpartition("/")[2]

    @property
    def group(self) -> str:
        """The resource group that the resource is or lies in, or empty."""
        words = self.id.split("/")
        return words[4] if len(words) > 4 and words[3].lower() == "resourcegroups" else ""

    @property
    def action(self) -> str:
        """What Azure's access control calls it."""
        verb = {"delete": "delete", "import": "action"}.get(self.method, "write")
        return f"{self.type.arm_type}/{verb}"
