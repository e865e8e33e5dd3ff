"""The trace that a request belongs to: read from its headers, passed on with whatever is asked on its behalf."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PASSED_ON = (
    "traceparent",
    "tracestate",
    "baggage",
    "b3",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-parentspanid",
    "x-b3-sampled",
    "x-b3-flags",
    "x-ot-span-context",
    "x-request-id",
)
"""What Istio's proxies need to put the spans of one trace together."""

_NAMES = {name.encode(): name for name in PASSED_ON}
_LONGEST = 512
"""Characters of a header that are passed on: what is longer is no trace."""

_PARTS = 4
"""Of a traceparent: version, trace, span, flags."""


@dataclass(frozen=True, kw_only=True)
class Trace:
    """What the headers of a request say of its trace.

    Attributes:
        headers: those that are passed on.
        trace_id: empty when there is none.
        span_id: empty when there is none.
        request_id: the proxy's own name for the request; empty when there is none.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    trace_id: str = ""
    span_id: str = ""
    request_id: str = ""


NONE = Trace()
CURRENT: ContextVar[Trace] = ContextVar("trace", default=NONE)
"""Of the request that is being answered."""


def of(headers: Iterable[tuple[bytes, bytes]]) -> Trace:
    """Read a request's headers, whose names are in lower case.

    Args:
        headers: as ASGI has them.
    """
    found = {_NAMES[name]: value.decode("latin-1")[:_LONGEST] for name, value in headers if name in _NAMES}
    if not found:
        return NONE
    parts = found.get("traceparent", "").split("-")
    if len(parts) == _PARTS:
        trace_id, span_id = parts[1], parts[2]
    else:
        single = found.get("b3", "").split("-")
        trace_id = found.get("x-b3-traceid") or (single[0] if len(single) > 1 else "")
        span_id = found.get("x-b3-spanid") or (single[1] if len(single) > 1 else "")
    return Trace(headers=found, trace_id=trace_id, span_id=span_id, request_id=found.get("x-request-id", ""))
