"""Values as Pulumi's engine sends them: protobuf structs with marks for what is unknown or secret."""

from __future__ import annotations

from typing import Any

from google.protobuf import json_format, struct_pb2  # type: ignore[import-untyped]
from pulumi.runtime.rpc import UNKNOWN

Values = dict[str, Any]

__all__ = ["UNKNOWN", "Values", "decode", "encode", "is_unknown", "secret_keys"]

_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - the mark of a secret in Pulumi's wire format


def is_unknown(value: object) -> bool:
    """Whether a value stays open until the deployment is real; text made from an open value is open, too."""
    return isinstance(value, str) and UNKNOWN in value


def decode(struct: struct_pb2.Struct) -> Values:
    """The values of a request, their secrets revealed, whole numbers as such."""
    revealed: Values = _reveal(json_format.MessageToDict(struct))
    return revealed


def secret_keys(struct: struct_pb2.Struct) -> frozenset[str]:
    """The top-level properties that are a secret or have one inside."""
    return frozenset(key for key, value in json_format.MessageToDict(struct).items() if _has_secret(value))


def encode(values: Values, secret: frozenset[str] = frozenset()) -> struct_pb2.Struct:
    """Values for a response.

    Args:
        values: by property.
        secret: the properties to mark; the engine must have said that it accepts marks.
    """
    marked = {
        key: {_SIGNATURE: _SECRET, "value": value} if key in secret else value
        for key, value in values.items()
        if value is not None
    }
    return json_format.ParseDict(marked, struct_pb2.Struct())


def _is_secret(value: object) -> bool:
    return isinstance(value, dict) and value.get(_SIGNATURE) == _SECRET


def _has_secret(value: object) -> bool:
    if isinstance(value, dict):
        return _is_secret(value) or any(map(_has_secret, value.values()))
    return isinstance(value, list) and any(map(_has_secret, value))


def _reveal(value: Any) -> Any:  # noqa: ANN401 - of any shape
    if _is_secret(value):
        return _reveal(value["value"])
    if isinstance(value, dict):
        return {key: _reveal(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_reveal(child) for child in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
