"""The stand-in's Azure: what it does with requests, without a word of Pulumi's protocol."""

from __future__ import annotations

import threading
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tests.azure.standin import credentials, faults, hook, outputs, preconditions, resources
from tests.azure.standin.errors import AzureError, StandinError, resource_not_found
from tests.azure.standin.request import Request
from tests.azure.standin.store import Entry, State, Store, Written

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.azure.standin.account import Account
    from tests.azure.standin.request import Method
    from tests.azure.standin.resources import ResourceType

Values = dict[str, Any]


class Azure:
    """One signed-in account's view of Azure."""

    def __init__(self, store: Store, account: Account) -> None:
        self._store = store
        self._account = account
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """Give up waiting; what has begun stays as it is, as in Azure."""
        self._cancelled.set()

    def preview(self, type_: ResourceType, inputs: Values, id_: str = "") -> Values:
        """What a resource would look like; nothing happens.

        Args:
            type_: of the resource.
            inputs: how it should be.
            id_: its ARM id if it exists.
        """
        return outputs.foreseen(self._request("create", type_, inputs, id_), id_is_known=bool(id_))

    def create(self, type_: ResourceType, inputs: Values, hidden: frozenset[str] = frozenset()) -> tuple[str, Values]:
        """Make a resource and return its id and properties.

        Args:
            type_: of the resource.
            inputs: how it should be.
            hidden: the inputs that must not be stored.
        """
        request = self._request("create", type_, inputs)
        ordered = faults.configured(self._store.folder)
        with self._store.opened() as state:
            _admit(request, state, ordered)
            begun = outputs.shown(request, "Creating")
            state.add(request.id, type_.token, _without(inputs, hidden), _without(begun, hidden))
        # Nothing answers for a process that dies here: as in Azure, the resource then stays without being known.
        if self._cancelled.wait(faults.delay(request, ordered)):
            raise StandinError("context canceled")
        if type_ == resources.CLUSTER:
            self._bring_cluster(request)
        return request.id, self._settle(request, hidden)

    def update(self, type_: ResourceType, id_: str, inputs: Values, hidden: frozenset[str] = frozenset()) -> Values:
        """Change a resource and return its properties.

        Args:
            type_: of the resource.
            id_: its ARM id.
            inputs: how it should be.
            hidden: the inputs that must not be stored.
        """
        request = self._request("update", type_, inputs, id_)
        with self._store.opened() as state:
            _admit(request, state, faults.configured(self._store.folder))
            if state.find(id_) is None:
                raise resource_not_found(type_.arm_type, request.name, request.group)
        return self._settle(request, hidden)

    def read(self, id_: str) -> Entry | None:
        """A resource as it is now, or None if it is gone."""
        return self._store.read().find(id_)

    def delete(self, type_: ResourceType, id_: str) -> None:
        """Remove a resource and everything that goes with it; one that is gone already is no error."""
        request = self._request("delete", type_, {}, id_)
        with self._store.opened() as state:
            _admit(request, state, faults.configured(self._store.folder))
            clusters = [each for each in state.within(id_) if each.type == resources.CLUSTER.token]
        for _ in clusters:
            hook.tell("delete")
        with self._store.opened() as state:
            state.remove(id_)

    def invoke(self, token: str, arguments: Values) -> Values:
        """The answer of a function."""
        functions: dict[str, tuple[Callable[[Values], Values], set[str]]] = {
            "azure-native:authorization:getClientConfig": (self._client_config, set()),
            "azure-native:containerservice:getManagedCluster": (
                self._managed_cluster,
                {"resourceGroupName", "resourceName"},
            ),
            "azure-native:containerservice:listManagedClusterUserCredentials": (
                self._user_credentials,
                {"resourceGroupName", "resourceName", "format", "serverFqdn"},
            ),
            "azure-native:containerservice:listManagedClusterAdminCredentials": (
                self._admin_credentials,
                {"resourceGroupName", "resourceName", "serverFqdn"},
            ),
        }
        if token not in functions:
            raise StandinError(f"the stand-in for azure-native does not know the function {token}")
        function, parameters = functions[token]
        if unknown := arguments.keys() - parameters:
            raise StandinError(f"{token} has no argument {', '.join(sorted(unknown))}: {', '.join(sorted(parameters))}")
        return function(arguments)

    def _request(self, method: Method, type_: ResourceType, inputs: Values, id_: str = "") -> Request:
        return Request(
            method=method,
            type=type_,
            id=id_ or type_.id_of(inputs, self._account.subscription),
            inputs=inputs,
            account=self._account,
        )

    def _bring_cluster(self, request: Request) -> None:
        try:
            hook.tell("create")
        except StandinError:
            with self._store.opened() as state:
                state.remove(request.id)
            raise

    def _settle(self, request: Request, hidden: frozenset[str]) -> Values:
        properties = outputs.shown(request)
        with self._store.opened() as state:
            if (entry := state.find(request.id)) is None:
                raise resource_not_found(request.type.arm_type, request.name, request.group)
            entry.inputs = _without(request.inputs, hidden)
            entry.properties = _without(properties, hidden)
        return properties

    def _managed_cluster(self, arguments: Values) -> Values:
        cluster = self._cluster(arguments)
        return {**cluster.properties, "id": cluster.id}

    def _client_config(self, _arguments: Values) -> Values:
        faults.demand_login(self._store.folder, "invoke")
        return {
            "clientId": self._account.client,
            "objectId": self._account.principal,
            "subscriptionId": self._account.subscription,
            "tenantId": self._account.tenant,
        }

    def _user_credentials(self, arguments: Values) -> Values:
        format_ = arguments.get("format")
        if format_ not in (None, *_formats()):
            raise AzureError(
                HTTPStatus.BAD_REQUEST,
                "InvalidParameter",
                f"The value of parameter format is invalid: allowed is one of {', '.join(_formats())}",
            )
        return credentials.user(self._cluster(arguments), self._kubeconfig, self._account.tenant, format_)

    def _admin_credentials(self, arguments: Values) -> Values:
        return credentials.admin(self._cluster(arguments), self._kubeconfig)

    @property
    def _kubeconfig(self) -> Path:
        return self._store.folder / "kubeconfig"

    def _cluster(self, arguments: Values) -> Entry:
        id_ = resources.CLUSTER.id_of(arguments, self._account.subscription)
        if (cluster := self.read(id_)) is None:
            raise resource_not_found(
                resources.CLUSTER.arm_type, arguments["resourceName"], arguments["resourceGroupName"]
            )
        return cluster


def _admit(request: Request, state: State, ordered: Values) -> None:
    """Log a request, and refuse it if a fault is ordered for it or if what exists does not allow it."""
    written = Written(request.method, request.type.token, request.id)
    state.log.append(written)
    try:
        faults.strike(request, state, ordered)
        preconditions.demand(request, state)
    except StandinError as error:
        written.refused = error.code if isinstance(error, AzureError) else "refused"
        raise


def _without(values: Values, hidden: frozenset[str]) -> Values:
    return {key: value for key, value in values.items() if key not in hidden}


def _formats() -> tuple[str, ...]:
    from azure.mgmt.containerservice import models

    return tuple(each.value for each in models.Format)
