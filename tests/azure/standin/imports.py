"""`az acr import`: what it asks of Azure, and what Azure answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.azure.standin import faults, resources
from tests.azure.standin.account import Account
from tests.azure.standin.errors import AzureError, resource_not_found
from tests.azure.standin.request import Request
from tests.azure.standin.store import Store, Written

if TYPE_CHECKING:
    from collections.abc import Sequence

_OPTIONS = {"--name", "--resource-group", "--subscription", "--source", "--image", "--output"}
_FLAGS = {"--force", "--only-show-errors"}


def body(options: dict[str, Any]) -> dict[str, Any]:
    """The body that az makes of its options, if the source is in a registry that is not Azure's."""
    registry, _, image = options["--source"].partition("/")
    return {
        "source": {"registryUri": registry, "sourceImage": image},
        "targetTags": [options["--image"]],
        "mode": "Force" if options.get("--force") else "NoForce",
    }


def run(words: Sequence[str]) -> None:
    """Copy an image, as far as anybody can tell.

    Raises:
        AzureError: the registry is not there, or a fault is ordered.
    """
    options, account, store = _parsed(words), Account.configured({}), Store.of_environment()
    where = {"resourceGroupName": options["--resource-group"], "registryName": options["--name"]}
    request = Request(
        method="import",
        type=resources.IMPORT,
        id=resources.IMPORT.id_of(where, options["--subscription"]),
        inputs=body(options),
        account=account,
    )
    with store.opened() as state:
        written = Written(request.method, request.type.token, request.id, body=request.inputs)
        state.log.append(written)
        try:
            faults.strike(request, state, faults.configured(store.folder))
            if state.find(request.id) is None:
                raise resource_not_found(resources.REGISTRY.arm_type, request.name, request.group)
        except AzureError as error:
            written.refused = error.code
            raise


def _parsed(words: Sequence[str]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    rest = iter(words)
    for word in rest:
        if word in _OPTIONS:
            options[word] = next(rest)
        elif word in _FLAGS:
            options[word] = True
        else:
            raise ValueError(f"az acr import has no option {word} in these tests")
    return options
