"""The trace that a request belongs to: read from its headers, passed on with whatever is asked on its behalf."""

from __future__ import annotations

import re
import secrets
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

_VISIBLE = re.compile(rb"[\x20-\x7e]{1,512}")
"""What may be passed on: anything else is no trace, and could not be sent."""

_FORMS = {
    **dict.fromkeys((name.encode() for name in PASSED_ON), _VISIBLE),
    # Version, trace, span and flags, as W3C's Trace Context has them; zeros alone are no trace and no span.
    b"traceparent": re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"),
    # Orders are known by it, so none is cut short.
    b"x-request-id": re.compile(rb"[\x21-\x7e]{1,200}"),
}


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
    """Read a request's headers, whose names are in lower case; what is malformed is left out.

    Args:
        headers: as ASGI has them.
    """
    sent = {name: value for name, value in headers if name in _FORMS}
    if not sent:
        return NONE
    found = {name.decode(): value.decode() for name, value in sent.items() if _FORMS[name].fullmatch(value)}
    if b"traceparent" in sent and "traceparent" not in found:
        # The state of a trace that is not known belongs to nothing; as W3C has it, a new trace begins.
        found.pop("tracestate", None)
        if not found.keys() & {"b3", "x-b3-traceid"}:
            found["traceparent"] = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"
    if "traceparent" in found:
        _, trace_id, span_id, _ = found["traceparent"].split("-")
    else:
        single = found.get("b3", "").split("-")
        trace_id = found.get("x-b3-traceid") or (single[0] if len(single) > 1 else "")
        span_id = found.get("x-b3-spanid") or (single[1] if len(single) > 1 else "")
    return Trace(headers=found, trace_id=trace_id, span_id=span_id, request_id=found.get("x-request-id", ""))
