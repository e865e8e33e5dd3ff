"""Runs Pulumi programs without an engine and remembers all that an engine would have been told.

Pulumi's own `Mocks` see a resource's type, name and inputs. The contracts of the lab are about the rest: parents,
providers, dependencies, `deletedWith`, secrets. So this stands in for the whole resource monitor.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeGuard, cast

import pulumi
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.mocks import MockMonitor, Mocks, set_mocks
from pulumi.runtime.proto import engine_pb2, resource_pb2
from pulumi.runtime.stack import run_in_stack

if TYPE_CHECKING:
    import pytest

PROJECT = "istio-lab"
ORGANIZATION = "organization"
"""Of every stack of a backend that knows no organizations."""

STACK = "seoul-classroom"
"""Unlike any word of the program, so that a name made from it is found."""

_STACK_TYPE = "pulumi:pulumi:Stack"
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - the mark of a secret in Pulumi's wire format

_OWN_STATE = {"pulumi:pulumi:readStackOutputs", "pulumi:pulumi:readStackResourceOutputs"}
"""Questions to the engine about the stack's own state, in which there is nothing yet."""

OWN_RESOURCES: dict[str, Any] = {}
"""Resources of that state by URN, if a test wants some."""

_USERS_VARIABLES = ("ARM_", "AZURE_", "KUBECONFIG", "PULUMI_", "ISTIO_LAB_")

Outputs = Mapping[str, object]
Answers = Callable[[str, str, Outputs], Outputs]
"""What a provider would add to a resource's outputs, given its type, name and inputs."""


def forget_the_users_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what could make a test meet a real cloud, cluster, backend or setting."""
    for name in list(os.environ):
        if name.startswith(_USERS_VARIABLES):
            monkeypatch.delenv(name)


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """One resource as the engine was told of it.

    Attributes:
        type: its type token.
        name: its logical name.
        urn: what other resources call it.
        inputs: its inputs without the marks of secrets.
        secrets: the names of inputs that are a secret or have one inside.
        plain: its inputs as JSON text with every secret left out.
        parent: URN of the parent.
        providers: URNs of the providers it, or a remote component's content, is made with.
        depends_on: URNs of what must be there before it, by option or by data flow.
        deleted_with: URN of the resource that takes it along, its own or, as the engine does, its parent's; else empty.
        secret_outputs: outputs that the engine is told to keep secret.
        ignored: paths of inputs that are written once and then left alone.
        replaced_by: paths of inputs of which a change makes it anew.
        deleted_first: whether it is deleted before it is made anew.
        custom: whether a provider makes it, so false for components.
        read: whether it is only looked up.
        before_create: names of the hooks that are called before it is created.
    """

    type: str
    name: str
    urn: str
    inputs: dict[str, Any]
    secrets: frozenset[str]
    plain: str
    parent: str
    providers: frozenset[str]
    depends_on: frozenset[str]
    deleted_with: str
    secret_outputs: frozenset[str]
    ignored: tuple[str, ...]
    replaced_by: tuple[str, ...]
    deleted_first: bool
    custom: bool
    read: bool
    before_create: tuple[str, ...]


@dataclass
class Recording:
    """Everything that one run of a program asked for; `hooks` are its callbacks by their names."""

    resources: list[Recorded] = field(default_factory=list)
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    hooks: dict[str, pulumi.ResourceHook | pulumi.ErrorHook] = field(default_factory=dict)

    def one(self, name: str, type_: str = "") -> Recorded:
        """The only resource of this name whose type ends so."""
        found = [each for each in self.resources if each.name == name and each.type.endswith(type_)]
        assert len(found) == 1, f"{len(found)} resources are called {name} ({type_ or 'any type'}): {self.listing()}"
        return found[0]

    def has(self, name: str) -> bool:
        return any(each.name == name for each in self.resources)

    def kubernetes(self) -> list[Recorded]:
        """What lies inside the cluster; the provider itself does not."""
        return [each for each in self.resources if each.type.startswith("kubernetes:")]

    def components(self) -> list[Recorded]:
        """The lab's own components."""
        return [each for each in self.resources if each.type.startswith(f"{PROJECT}:")]

    def comes_after(self, later: Recorded, earlier: Recorded) -> bool:
        """Whether the engine must finish one before the other, directly or through others."""
        by_urn = {each.urn: each for each in self.resources}
        waiting, seen = set(later.depends_on), set[str]()
        while waiting:
            seen.add(urn := waiting.pop())
            waiting |= by_urn[urn].depends_on - seen if urn in by_urn else set()
        return earlier.urn in seen

    def listing(self) -> list[str]:
        """`type -> name` of every resource, sorted."""
        return sorted(f"{each.type} -> {each.name}{' (looked up)' if each.read else ''}" for each in self.resources)

    @property
    def stack_outputs(self) -> dict[str, Any]:
        """What `pulumi stack output` would show, secrets still marked."""
        return next(found for urn, found in self.outputs.items() if urn.split("::")[2] == _STACK_TYPE)


def is_secret(value: object) -> TypeGuard[dict[str, object]]:
    """Whether a recorded value is marked as a secret as a whole."""
    return isinstance(value, dict) and value.get(_SIGNATURE) == _SECRET


def reveal(value: object) -> Any:  # noqa: ANN401 - of any shape
    """A recorded value without the marks of secrets."""
    if is_secret(value):
        return reveal(value["value"])
    if isinstance(value, dict):
        return {key: reveal(child) for key, child in value.items()}
    return [reveal(child) for child in value] if isinstance(value, list) else value


def without_secrets(value: object) -> Any:  # noqa: ANN401 - of any shape
    """A recorded value as whoever has no passphrase sees it."""
    if is_secret(value):
        return "[secret]"
    if isinstance(value, dict):
        return {key: without_secrets(child) for key, child in value.items()}
    return [without_secrets(child) for child in value] if isinstance(value, list) else value


def record(
    program: Callable[[], object],
    *,
    config: Mapping[str, str] | None = None,
    answers: Answers = lambda _type, _name, _inputs: {},
    stack: str = STACK,
    preview: bool = False,
) -> Recording:
    """Run a program to its end and return all that it asked for; only then can a test say that something is absent.

    Pulumi keeps everything about a run in context variables, so a copied context leaves nothing behind.

    Args:
        program: what `__main__.py` would be.
        config: the stack's configuration, keys with their namespace.
        answers: what providers would answer.
        stack: the name of the stack.
        preview: nothing exists yet and every answer is unknown, as in a first `pulumi preview`.
    """
    monitor = _Monitor(answers, stack, preview=preview)
    contextvars.copy_context().run(asyncio.run, _run(program, config or {}, monitor))
    return monitor.recording


async def _run(program: Callable[[], object], config: Mapping[str, str], monitor: _Monitor) -> None:
    def run() -> None:
        program()

    # Unless there is a root, set_mocks makes a stack of its own; the real one is made below, as by the language host.
    pulumi.runtime.settings.set_root_resource(cast("pulumi.Resource", object()))
    set_mocks(_NoMocks(), PROJECT, monitor.stack, monitor.preview, monitor=monitor, organization=ORGANIZATION)
    pulumi.runtime.settings.ROOT.set(None)
    pulumi.runtime.settings.SETTINGS.engine = _Engine(monitor.recording)
    pulumi.runtime.settings.SETTINGS.callbacks = cast("Any", _Callbacks(monitor.recording))
    pulumi.runtime.set_all_config(dict(config))
    await run_in_stack(run)


class _Engine:
    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    def Log(self, request: Any) -> None:  # noqa: ANN401, N802 - the protocol's
        if request.severity != engine_pb2.DEBUG:
            self._recording.log.append(request.message)


class _Callbacks:
    """What the engine would call back; `Recording.hooks` has it for tests to call."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    def register_resource_hook(self, hook: pulumi.ResourceHook) -> None:
        self._recording.hooks[hook.name] = hook

    def register_error_hook(self, hook: pulumi.ErrorHook) -> None:
        self._recording.hooks[hook.name] = hook


class _NoMocks(Mocks):
    def call(self, args: pulumi.runtime.MockCallArgs) -> Any:  # noqa: ANN401 - Pulumi's
        raise AssertionError(f"the program asks a provider: {args.token}")

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> Any:  # noqa: ANN401 - Pulumi's
        raise NotImplementedError(args)


class _Monitor(MockMonitor):
    """The engine's side of the wire. Requests are read as they are: no marks are lost on the way."""

    def __init__(self, answers: Answers, stack: str, *, preview: bool) -> None:
        super().__init__(_NoMocks())
        self.stack = stack
        self.recording = Recording()
        self.preview = preview
        self._answers = answers

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        parents = parent.split("::")[2] if parent else _STACK_TYPE
        qualified = type_ if parents == _STACK_TYPE else f"{parents}${type_}"
        return f"urn:pulumi:{self.stack}::{PROJECT}::{qualified}::{name}"

    def RegisterResource(self, request: Any) -> resource_pb2.RegisterResourceResponse:  # noqa: ANN401, N802
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type == _STACK_TYPE:
            return resource_pb2.RegisterResourceResponse(urn=urn)
        inputs = self._keep(request, request.object, urn, read=False)
        id_ = f"id-of-{request.name}" if request.custom and not self.preview else ""
        outputs = self._outputs(request, inputs)
        return resource_pb2.RegisterResourceResponse(urn=urn, id=id_, object=outputs)

    def ReadResource(self, request: Any) -> resource_pb2.ReadResourceResponse:  # noqa: ANN401, N802
        urn = self.make_urn(request.parent, request.type, request.name)
        inputs = self._keep(request, request.properties, urn, read=True)
        return resource_pb2.ReadResourceResponse(urn=urn, properties=self._outputs(request, inputs))

    def Invoke(self, request: Any) -> resource_pb2.ResourceInvokeResponse:  # noqa: ANN401, N802
        assert request.tok in _OWN_STATE, f"the program asks a provider: {request.tok}"
        found = OWN_RESOURCES if request.tok.endswith("readStackResourceOutputs") else {}
        return resource_pb2.ResourceInvokeResponse(
            **{"return": json_format.ParseDict({"outputs": found}, struct_pb2.Struct())}
        )

    def RegisterResourceOutputs(self, request: Any) -> empty_pb2.Empty:  # noqa: ANN401, N802
        self.recording.outputs[request.urn] = json_format.MessageToDict(request.outputs)
        return empty_pb2.Empty()

    def _keep(self, request: Any, raw: struct_pb2.Struct, urn: str, *, read: bool) -> dict[str, Any]:  # noqa: ANN401
        marked: dict[str, Any] = json_format.MessageToDict(raw)
        by_data = () if read else (urn for each in request.propertyDependencies.values() for urn in each.urns)
        # A provider is known by `<its URN>::<its id>`.
        providers = (request.provider, *(() if read else request.providers.values()))
        own_deleted_with = "" if read else request.deletedWith
        above = next((each for each in self.recording.resources if each.urn == request.parent), None)
        self.recording.resources.append(
            Recorded(
                type=request.type,
                name=request.name,
                urn=urn,
                inputs=reveal(marked),
                secrets=frozenset(key for key, value in marked.items() if reveal(value) != without_secrets(value)),
                plain=json.dumps(without_secrets(marked)),
                parent=request.parent,
                providers=frozenset(reference.rpartition("::")[0] for reference in providers if reference),
                depends_on=frozenset(request.dependencies) | frozenset(by_data),
                deleted_with=own_deleted_with or (above.deleted_with if above else ""),
                secret_outputs=frozenset(request.additionalSecretOutputs),
                ignored=() if read else tuple(request.ignoreChanges),
                replaced_by=() if read else tuple(request.replaceOnChanges),
                deleted_first=False if read else request.deleteBeforeReplace,
                custom=True if read else request.custom,
                read=read,
                before_create=() if read else tuple(request.hooks.before_create),
            )
        )
        return marked

    def _outputs(self, request: Any, inputs: dict[str, Any]) -> struct_pb2.Struct:  # noqa: ANN401
        outputs = {**inputs}
        # What another stack says is known, whatever becomes of this one.
        if not self.preview or request.type == "pulumi:pulumi:StackReference":
            outputs |= self._answers(request.type, request.name, reveal(inputs))
        for name in request.additionalSecretOutputs:
            if name in outputs:
                outputs[name] = {_SIGNATURE: _SECRET, "value": outputs[name]}
        return json_format.ParseDict(outputs, struct_pb2.Struct())
