"""How Azure refuses a request, in the words that azure-native passes on to the user."""

from __future__ import annotations

from http import HTTPStatus


class StandinError(Exception):
    """A request that could not be served; its text is what the user sees."""


class AzureError(StandinError):
    """A refusal by Azure.

    Attributes:
        code: Azure's own name of the error.
        message: Azure's words, without the code.
    """

    def __init__(self, status: HTTPStatus, code: str, message: str) -> None:
        super().__init__(f'Status={status.value} Code="{code}" Message="{message}"')
        self.code = code
        self.message = message


def resource_not_found(arm_type: str, name: str, group: str) -> AzureError:
    """What Azure says of a resource that is not there."""
    return AzureError(
        HTTPStatus.NOT_FOUND,
        "ResourceNotFound",
        f"The Resource '{arm_type}/{name}' under resource group '{group}' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
    )


def principal_not_found(principal: str, tenant: str) -> AzureError:
    """What Azure says when a directory does not know, or not yet know, who is to get a role."""
    return AzureError(
        HTTPStatus.BAD_REQUEST,
        "PrincipalNotFound",
        f"Principal {principal.replace('-', '')} does not exist in the directory {tenant}. Check that you have the "
        "correct principal ID. If you are creating this principal and then immediately assigning a role, this error "
        "might be related to a replication delay. In this case, set the role assignment principalType property to a "
        "value, such as ServicePrincipal, User, or Group.  See https://aka.ms/docs-principaltype",
    )
