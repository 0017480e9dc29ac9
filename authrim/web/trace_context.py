"""The trace context of a caller (W3C Trace Context §3.2). Nobody knows who sends it, so only names come from it."""

import random
import re
from collections.abc import Callable
from typing import Final, NamedTuple

from multidict import MultiMapping

TraceId = Callable[[MultiMapping[str]], str]
"""Names the trace of a request by its headers: 32 lower-case hex digits."""

#: Version ff is invalid, version 00 has four fields, and later ones may have more (§3.2.2.1, §3.2.4).
_TRACEPARENT: Final = re.compile(
    r"(?!ff|00-.{52}.)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?"
)
_SAMPLED: Final = 0x01


class Caller(NamedTuple):
    """The trace of a caller, the span in it that the request comes from, and whether the caller records it."""

    trace_id: str
    span_id: str
    is_sampled: bool


def caller_of(headers: MultiMapping[str]) -> Caller | None:
    """The one valid ``traceparent`` of a request, or None."""
    sent = headers.getall("traceparent", ())
    match = _TRACEPARENT.fullmatch(sent[0]) if len(sent) == 1 else None
    return None if match is None else Caller(match[1], match[2], bool(int(match[3], 16) & _SAMPLED))


def trace_id_of(headers: MultiMapping[str]) -> str:
    """The trace id of the caller, or a new one."""
    caller = caller_of(headers)
    if caller is not None:
        return caller.trace_id
    # Unique is enough, and the system's random bytes would cost a system call each.
    return f"{random.getrandbits(128):032x}"
