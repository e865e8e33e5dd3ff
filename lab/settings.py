"""The lab's settings: what they are called, what they default to, what is refused and why.

`Settings.load` is the only code that looks at Pulumi's configuration. Pulumi itself lets a misspelt key pass, so
every key is enumerated here and every mistake is reported in one go.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Self

import pulumi
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
)
from pydantic.alias_generators import to_camel

from lab import versions
from lab.compatibility import Pair, Verdict, check, hub_warnings, minor
from lab.errors import LabError

NAMESPACE = "istio-lab"
"""The project's name in `Pulumi.yaml`, and so the namespace of its keys."""


class Target(StrEnum):
    """Where the lab can stand."""

    EMBEDDED = "embedded"


RUNS = {Target.EMBEDDED: Pair(versions.KUBERNETES, versions.ISTIO)}
"""What a target runs whatever is asked for: its control plane is pinned, unlike one that is ordered from a cloud."""


def _rule(allowed: str, parse: Callable[[object], Any]) -> BeforeValidator:
    """Makes a field's whole check, so that the message about a bad value is always ours.

    `parse` gives the value, or none for a value that is not allowed. It also takes the text of a number or a switch:
    Pulumi stores every scalar as text.
    """

    def validate(value: object) -> object:
        parsed = parse(value)
        if parsed is None:
            raise ValueError(allowed)
        return parsed

    return BeforeValidator(validate)


def _number(value: object, pattern: str, low: float, high: float) -> Decimal | None:
    text = str(value)
    return Decimal(text) if re.fullmatch(pattern, text, re.ASCII) and low <= Decimal(text) <= high else None


def _whole(low: int, high: int) -> BeforeValidator:
    def parse(value: object) -> int | None:
        number = _number(value, r"\d{1,9}", low, high)
        return None if number is None else int(number)

    return _rule(f"a whole number from {low} to {high}", parse)


def _percent() -> BeforeValidator:
    def parse(value: object) -> float | None:
        number = _number(value, r"\d{1,3}(\.\d{1,2})?", 0, 100)
        return None if number is None else float(number)

    # Envoy counts sampling in steps of one in 10 000.
    return _rule("a percentage from 0 to 100 in steps of 0.01, such as 0.5", parse)


def _switch() -> BeforeValidator:
    words = {"true": True, "false": False}
    return _rule(
        "true or false", lambda value: words.get(str(value).lower() if isinstance(value, bool) else _word(value))
    )


def _text(pattern: str, allowed: str) -> BeforeValidator:
    return _rule(allowed, lambda value: value if re.fullmatch(pattern, _word(value), re.ASCII) else None)


def _one_of(names: type[StrEnum]) -> BeforeValidator:
    members = {member.value: member for member in names}
    return _rule(" or ".join(f'"{name}"' for name in names), lambda value: members.get(_word(value)))


def _memory(low: str, high: str) -> BeforeValidator:
    def size(text: str) -> Decimal:
        match = re.fullmatch(r"(\d{1,15}(?:\.\d{1,3})?)([kMGT]|[KMGT]i)?", text, re.ASCII)
        return Decimal(match[1]) * _FACTORS[match[2] or ""] if match else Decimal(0)

    def parse(value: object) -> object:
        return value if size(low) <= size(_word(value)) <= size(high) else None

    return _rule(f"a Kubernetes quantity of bytes from {low} to {high}, such as 16Gi", parse)


def _section() -> BeforeValidator:
    """A group of settings: Pulumi hands objects over as JSON text."""

    def parse(value: object) -> dict[str, object] | None:
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError:
                return None
        return {str(key): item for key, item in value.items()} if isinstance(value, Mapping) else None

    return _rule("an object of settings; set one of them with `pulumi config set --path`", parse)


def _word(value: object) -> str:
    return value if isinstance(value, str) else ""


_FACTORS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}

_N = r"(0|[1-9]\d{0,2})"
_KUBERNETES = _text(
    rf"{_N}\.{_N}(\.{_N})?",
    'a minor in quotes such as "1.36", or an exact version such as "1.36.3", without a v',
)
_ISTIO = _text(rf"{_N}\.{_N}\.{_N}", 'an exact version such as "1.31.1", without a v')
_HOST = r"[a-z0-9]+([.-]+[a-z0-9]+)*(:\d{1,5})?"
_PATH = r"[a-z0-9]+([._-]+[a-z0-9]+)*"
_TAG = r":\w[\w.-]{0,127}"
_HUB = _text(
    rf"{_HOST}(/{_PATH})+",
    "an image repository prefix such as docker.io/istio: lower case, without scheme, tag, space or trailing slash",
)
_IMAGE = _text(
    rf"({_HOST}/)?{_PATH}(/{_PATH})*((?!:latest$){_TAG}|({_TAG})?@sha256:[0-9a-f]{{64}})",
    "an image with a tag such as nginx:1.29; latest, or no tag, is another image tomorrow and cannot be rolled back",
)


class _Group(BaseModel):
    """Settings are frozen, closed to unknown names, and spelt in camelCase by users."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True, validate_by_name=True)


def _at_most_count(zones: int, info: ValidationInfo) -> int:
    count = info.data.get("count", zones)
    if zones > count:
        raise ValueError(f"at most {NAMESPACE}:nodes.count, which is {count}: every zone needs a node")
    return zones


class Nodes(_Group):
    """The simulated nodes of the embedded target.

    Attributes:
        count: how many there are.
        zones: how many zones they are spread over, at most one for each node.
        cpu: cores of each node.
        memory: memory of each node, a Kubernetes quantity.
    """

    count: Annotated[int, _whole(1, 50)] = 3
    # Checked as a default too: two nodes cannot be spread over the three zones that nobody asked for.
    zones: Annotated[int, _whole(1, 5), AfterValidator(_at_most_count)] = Field(default=3, validate_default=True)
    cpu: Annotated[int, _whole(1, 64)] = 4
    memory: Annotated[str, _memory("2Gi", "512Gi")] = "16Gi"


class Mesh(_Group):
    """What the mesh does beyond its defaults; as Istio's demo profile has it.

    Attributes:
        access_log: whether every proxy logs each request.
        trace_sampling: the percentage of requests that are traced.
        egress_gateway: whether there is an egress gateway besides the ingress gateway.
    """

    access_log: Annotated[bool, _switch()] = True
    trace_sampling: Annotated[float, _percent()] = 100.0
    egress_gateway: Annotated[bool, _switch()] = True


class Tutorial(_Group):
    """What runs in the namespace `tutorial`.

    Attributes:
        hello_nginx: whether the course's first deployment is there.
        hello_nginx_image: its image; the notes say `nginx:latest`, which moves.
        bookinfo: whether Istio's sample application is there.
    """

    hello_nginx: Annotated[bool, _switch()] = True
    hello_nginx_image: Annotated[str, _IMAGE] = "nginx:1.29"
    bookinfo: Annotated[bool, _switch()] = True


class Settings(_Group):
    """Everything a user can choose, checked; the fields are the only home of the defaults.

    Attributes:
        target: where the lab stands.
        kubernetes_version: a minor or an exact version.
        istio_version: an exact version.
        istio_hub: the image repository prefix of Istio's images.
        nodes: the simulated nodes of the embedded target.
        mesh: what the mesh does.
        tutorial: what runs in the namespace `tutorial`.
    """

    target: Annotated[Target, _one_of(Target)] = Target.EMBEDDED
    kubernetes_version: Annotated[str, _KUBERNETES] = minor(versions.KUBERNETES)
    istio_version: Annotated[str, _ISTIO] = versions.ISTIO
    istio_hub: Annotated[str, _HUB] = versions.ISTIO_HUB
    nodes: Annotated[Nodes, _section()] = Nodes()
    mesh: Annotated[Mesh, _section()] = Mesh()
    tutorial: Annotated[Tutorial, _section()] = Tutorial()

    _warnings: tuple[str, ...] = PrivateAttr(default=())

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should know about settings that are let through, one sentence each."""
        return self._warnings

    @classmethod
    def load(cls) -> Self:
        """Reads and checks the configuration of the current stack.

        Raises:
            pulumi.RunError: something is wrong; all of it is listed. The engine shows this error without a stack trace.
        """
        # The language host and `set_all_config` fill CONFIG; the variable alone is there when neither has run.
        config = {**(pulumi.runtime.get_config_env() or {}), **pulumi.runtime.config.CONFIG.get()}
        own = {
            key.removeprefix(f"{NAMESPACE}:"): value for key, value in config.items() if key.startswith(f"{NAMESPACE}:")
        }
        try:
            return cls.from_mapping(own, source=f"Pulumi.{pulumi.get_stack()}.yaml")
        except LabError as error:
            raise pulumi.RunError(str(error)) from None

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, object], *, source: str, today: date | None = None) -> Self:
        """Checks settings given as a mapping of the keys users write, without their namespace.

        Args:
            mapping: values as text, as JSON text for objects, or already parsed.
            source: the file or row that the user has to edit, for messages.
            today: the day that support dates are held against; the current one if left out.

        Raises:
            LabError: something is wrong; all of it is listed.
        """
        given = {str(key): value for key, value in mapping.items()}
        settings, problems = None, []
        try:
            settings = cls.model_validate(given, by_alias=True, by_name=False)
        except ValidationError as error:
            problems = [_problem(details["loc"], details) for details in error.errors(include_url=False)]
        verdict = Verdict()
        if not {problem.key for problem in problems} & {"kubernetesVersion", "istioVersion"}:
            asked = _asked(given)
            runs = RUNS.get(settings.target) if settings else None
            verdict = check(asked.kubernetes, asked.istio, today=today or datetime.now(tz=UTC).date(), runs=runs)
            problems += [_refused_pair(asked, reason) for reason in verdict.refused]
        if settings is None or problems:
            raise _error(source, problems, verdict.proposal)
        settings._warnings = (*verdict.warnings, *hub_warnings(settings.istio_hub))  # noqa: SLF001 - set once, here
        return settings


@dataclass(frozen=True)
class _Problem:
    key: str
    text: str


def _asked(given: Mapping[str, object]) -> Pair:
    fields = Settings.model_fields
    return Pair(
        str(given.get("kubernetesVersion", fields["kubernetes_version"].default)),
        str(given.get("istioVersion", fields["istio_version"].default)),
    )


def _refused_pair(asked: Pair, reason: str) -> _Problem:
    with_kubernetes = f'with {NAMESPACE}:kubernetesVersion "{asked.kubernetes}"'
    return _Problem("istioVersion", f'found "{asked.istio}" {with_kubernetes}; not allowed: {reason}')


def _problem(location: tuple[int | str, ...], details: Mapping[str, Any]) -> _Problem:
    key = ".".join(str(part) for part in location)
    found = _show(details["input"])
    if details["type"] == "extra_forbidden":
        return _Problem(key, f"found {found}; there is no such setting; {_did_you_mean(location)}")
    return _Problem(key, f"found {found}; allowed: {details['ctx']['error']}")


def _did_you_mean(location: tuple[int | str, ...]) -> str:
    *path, wrong = (str(part) for part in location)
    model: Any = Settings
    for part in path:
        model = next(field.annotation for field in model.model_fields.values() if field.alias == part)
    names = [str(field.alias) for field in model.model_fields.values()]
    if "." in wrong and wrong.split(".", maxsplit=1)[0] in names:
        return (
            f"did you mean `pulumi config set --path {NAMESPACE}:{wrong}`? Without --path the dot is part of the name"
        )
    near = difflib.get_close_matches(_plain(wrong), plain := {_plain(name): name for name in names}, n=1)
    hint = f"did you mean `{plain[near[0]]}`? " if near else ""
    return f"{hint}The names {'here' if path else 'of all settings'} are: {', '.join(names)}"


def _plain(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())


def _show(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:77]}..."  # noqa: PLR2004 - room for the rest of the line


def _error(source: str, problems: list[_Problem], proposal: Pair | None) -> LabError:
    count = "1 setting is" if len(problems) == 1 else f"{len(problems)} settings are"
    lines = [f"{source}: {count} wrong:", *(f"  {NAMESPACE}:{problem.key}: {problem.text}" for problem in problems)]
    remedy = [f"Edit {source}, or go back to a default: pulumi config rm --path {NAMESPACE}:{problems[0].key}"]
    if proposal:
        remedy = [
            f"The nearest pair that works is Kubernetes {proposal.kubernetes} with Istio {proposal.istio}:",
            f"  pulumi config set {NAMESPACE}:kubernetesVersion {proposal.kubernetes}",
            f"  pulumi config set {NAMESPACE}:istioVersion {proposal.istio}",
        ]
    return LabError("\n".join(lines), "\n".join(remedy))
