"""Pulumi's provider protocol, spoken for the stand-in's Azure."""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any, TypeVar

import grpc  # type: ignore[import-untyped]
from google.protobuf import empty_pb2  # type: ignore[import-untyped]
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from tests.azure.standin import faults, models, rules
from tests.azure.standin.account import Account
from tests.azure.standin.azure import Azure
from tests.azure.standin.differences import difference, drifted
from tests.azure.standin.errors import StandinError
from tests.azure.standin.resources import resource_type
from tests.azure.standin.wire import Values, decode, encode, secret_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.azure.standin.store import Store

VERSION = "3.29.0"

_KUBECONFIGS = "kubeconfigs"

Answer = TypeVar("Answer")


def _told(serve: Callable[..., Answer]) -> Callable[..., Answer]:
    """Make refusals the request's error; anything else is the stand-in's own failure and shows as such."""

    @functools.wraps(serve)
    def served(self: Servicer, request: Any, context: grpc.ServicerContext) -> Answer:  # noqa: ANN401
        try:
            return serve(self, request)
        except StandinError as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))
            raise

    return served


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """What Pulumi's engine takes for azure-native."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._accepts_secrets = False
        self._account = Account.configured({})
        self._azure = Azure(store, self._account)

    def GetPluginInfo(self, _request: Any, _context: Any) -> plugin_pb2.PluginInfo:  # noqa: ANN401, N802
        """Say which azure-native this stands in for."""
        return plugin_pb2.PluginInfo(version=VERSION)

    def GetSchema(self, _request: Any, _context: Any) -> provider_pb2.GetSchemaResponse:  # noqa: ANN401, N802
        """Give the least that is a schema; the SDKs carry their own."""
        return provider_pb2.GetSchemaResponse(schema=json.dumps({"name": "azure-native", "version": VERSION}))

    def CheckConfig(self, request: Any, _context: Any) -> provider_pb2.CheckResponse:  # noqa: ANN401, N802
        """Take any configuration."""
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, _context: Any) -> provider_pb2.DiffResponse:  # noqa: ANN401, N802
        """Compare configurations; none of them makes the provider another one."""
        old, new = decode(request.olds), decode(request.news)
        return _differing(key for key in sorted({*old, *new}) if old.get(key) != new.get(key))

    @_told
    def Configure(self, request: Any) -> provider_pb2.ConfigureResponse:  # noqa: ANN401, N802
        """Sign in."""
        faults.demand_login(self._store.folder, "configure")
        self._accepts_secrets = request.acceptSecrets
        self._account = Account.configured(
            {key: value for key, value in decode(request.args).items() if isinstance(value, str)}
        )
        self._azure = Azure(self._store, self._account)
        return provider_pb2.ConfigureResponse(acceptSecrets=True, acceptResources=True, supportsPreview=True)

    @_told
    def Check(self, request: Any) -> provider_pb2.CheckResponse:  # noqa: ANN401, N802
        """Hold a resource's inputs against Microsoft's models and Azure's rules, and report all that is wrong."""
        type_ = resource_type(_token(request))
        inputs, secret = decode(request.news), secret_keys(request.news)
        if self._account.location and "location" in models.known(type_):
            inputs.setdefault("location", self._account.location)
        misfits = models.problems(type_, inputs)
        told = {each.path for each in misfits}
        found = [*misfits, *(each for each in rules.problems(type_, inputs) if each.path not in told)]
        failures = [
            provider_pb2.CheckFailure(property=each.path, reason=each.told(type_.token, secret=each.property in secret))
            for each in found
        ]
        return provider_pb2.CheckResponse(inputs=self._encode(inputs, secret), failures=failures)

    @_told
    def Diff(self, request: Any) -> provider_pb2.DiffResponse:  # noqa: ANN401, N802
        """Compare a resource's inputs."""
        type_ = resource_type(_token(request))
        found = difference(type_, decode(request.old_inputs), decode(request.news))
        response = _differing(found.changed)
        response.replaces.extend(found.replacing)
        response.deleteBeforeReplace = bool(found.replacing) and found.same_name
        return response

    @_told
    def Create(self, request: Any) -> provider_pb2.CreateResponse:  # noqa: ANN401, N802
        """Make a resource, or foresee it."""
        type_, inputs, secret = (
            resource_type(_token(request)),
            decode(request.properties),
            secret_keys(request.properties),
        )
        if request.preview:
            foreseen = self._azure.preview(type_, inputs)
            return provider_pb2.CreateResponse(properties=self._encode(foreseen, secret))
        id_, properties = self._azure.create(type_, inputs, hidden=secret)
        return provider_pb2.CreateResponse(id=id_, properties=self._encode(properties, secret))

    @_told
    def Update(self, request: Any) -> provider_pb2.UpdateResponse:  # noqa: ANN401, N802
        """Change a resource, or foresee the change."""
        type_, inputs, secret = resource_type(_token(request)), decode(request.news), secret_keys(request.news)
        if request.preview:
            properties = self._azure.preview(type_, inputs, request.id)
        else:
            properties = self._azure.update(type_, request.id, inputs, hidden=secret)
        return provider_pb2.UpdateResponse(properties=self._encode(properties, secret))

    @_told
    def Read(self, request: Any) -> provider_pb2.ReadResponse:  # noqa: ANN401, N802
        """Show a resource as it is now; an answer without an id says that it is gone."""
        resource_type(_token(request))
        if (entry := self._azure.read(request.id)) is None:
            return provider_pb2.ReadResponse()
        before, inputs = decode(request.properties), decode(request.inputs) or entry.inputs
        hidden = secret_keys(request.properties)
        kept = {key: value for key, value in before.items() if key in hidden}
        now = {**entry.properties, **kept}
        return provider_pb2.ReadResponse(
            id=entry.id,
            properties=self._encode(now, hidden),
            inputs=self._encode(drifted(inputs, before or now, now), secret_keys(request.inputs)),
        )

    @_told
    def Delete(self, request: Any) -> empty_pb2.Empty:  # noqa: ANN401, N802
        """Remove a resource."""
        self._azure.delete(resource_type(_token(request)), request.id)
        return empty_pb2.Empty()

    @_told
    def Invoke(self, request: Any) -> provider_pb2.InvokeResponse:  # noqa: ANN401, N802
        """Answer a function."""
        answer = self._azure.invoke(request.tok, decode(request.args))
        return provider_pb2.InvokeResponse(**{"return": self._encode(answer, frozenset({_KUBECONFIGS}))})

    def Cancel(self, _request: Any, _context: Any) -> empty_pb2.Empty:  # noqa: ANN401, N802
        """Give up what takes long."""
        self.cancel()
        return empty_pb2.Empty()

    def cancel(self) -> None:
        """Give up what takes long, without being asked by an engine."""
        self._azure.cancel()

    def _encode(self, values: Values, secret: frozenset[str]) -> Any:  # noqa: ANN401 - protobuf has no types here
        return encode(values, secret if self._accepts_secrets else frozenset())


def _token(request: Any) -> str:  # noqa: ANN401 - protobuf has no types here
    """The type of the resource that a request is about; a URN lists the parents' types before it."""
    token: str = request.urn.split("::")[2].rpartition("$")[2]
    return token


def _differing(keys: Iterable[str]) -> provider_pb2.DiffResponse:
    changed = list(keys)
    kinds = provider_pb2.DiffResponse
    return kinds(changes=kinds.DIFF_SOME if changed else kinds.DIFF_NONE, diffs=changed)
