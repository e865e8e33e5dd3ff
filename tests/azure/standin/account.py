"""Who is signed in to which subscription, and the ids that Azure would give out there."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAMESPACE = uuid.UUID("5a0b4a52-8e0e-4f0c-9a51-0c5d2d1f9b11")


def uuid_of(*words: str) -> str:
    """An id that is the same in every process; ARM ids are alike whatever their case."""
    return str(uuid.uuid5(_NAMESPACE, "\n".join(words).lower()))


@dataclass(frozen=True, kw_only=True)
class Account:
    """The signed-in service principal, its subscription and its directory.

    Attributes:
        subscription: id of the subscription.
        tenant: id of the directory.
        client: application id of the service principal.
        principal: its object id, which roles are given to.
        location: the provider's default for resources without one, or empty.
    """

    subscription: str
    tenant: str
    client: str
    principal: str
    location: str

    @classmethod
    def configured(cls, provider: Mapping[str, str]) -> Account:
        """The account of a provider's configuration; as with azure-native, ARM_* variables fill the gaps."""
        client = _setting(provider, "clientId", "ARM_CLIENT_ID")
        return cls(
            subscription=_setting(provider, "subscriptionId", "ARM_SUBSCRIPTION_ID"),
            tenant=_setting(provider, "tenantId", "ARM_TENANT_ID"),
            client=client,
            principal=uuid_of(client, "principal"),
            location=provider.get("location", ""),
        )


def _setting(provider: Mapping[str, str], name: str, variable: str) -> str:
    return provider.get(name) or os.environ.get(variable) or uuid_of(name)


def client_id(identity: str) -> str:
    """The application id of a managed identity, given its ARM id."""
    return uuid_of(identity, "client")


def principal_id(identity: str) -> str:
    """The object id of a managed identity, given its ARM id."""
    return uuid_of(identity, "principal")
