"""Checks a receipt or another signed answer against the log: who signed it, and whether its events are there."""

from typing import Any, Final

import msgspec

from authrim.crypto import base64url, strict_json
from authrim.crypto.jws import JwsRefused, KeySet, verify
from authrim.crypto.key_pair import SIGNING_ALGORITHMS
from authrim.crypto.strict_json import JsonRefused
from authrim.store.chain import leaf_hash
from authrim.store.contract import Store
from authrim.tokens.signed_answers import SIGNED_TYPES
from domain.errors import Refusal, invalid_request

#: An answer names few events; this many are read at most.
_MOST_EVENTS: Final = 1000

NOT_OURS: Final = invalid_request(
    "This is no receipt or signed answer of this server.",
    hint="Give the whole of it, as it was received. A key that was revoked verifies nothing any more.",
)


class _Named(msgspec.Struct):
    """An event as an answer names it."""

    position: int
    type: str
    recorded_at: int
    leaf: str


class CheckedEvent(msgspec.Struct, frozen=True):
    """An event that an answer names. ``problem`` is empty when the log has it there, unchanged."""

    position: int
    type: str
    problem: str


class CheckedAnswer(msgspec.Struct, frozen=True):
    """A genuine answer: its type, the key that signed it, its claims, and its events."""

    typ: str
    kid: str
    claims: dict[str, Any]
    events: tuple[CheckedEvent, ...]

    @property
    def holds(self) -> bool:
        """Whether the log has every event that the answer names."""
        return not any(event.problem for event in self.events)


async def check_answer(store: Store, keys: KeySet, issuer: str, answer: str) -> CheckedAnswer | Refusal:
    """Check an answer. ``keys`` are all of ours that were not revoked. Raises Unavailable."""
    try:
        verified = verify(answer, keys, algorithms=frozenset(SIGNING_ALGORITHMS), typ=frozenset(SIGNED_TYPES))
        claims: Any = strict_json.loads(verified.payload)
        named = msgspec.convert(claims["events"], list[_Named])
    except (JwsRefused, JsonRefused, KeyError, TypeError, msgspec.ValidationError):
        return NOT_OURS
    if claims.get("iss") != issuer or len(named) > _MOST_EVENTS:
        return NOT_OURS
    events = tuple([CheckedEvent(one.position, one.type, await _problem(store, one)) for one in named])
    return CheckedAnswer(str(verified.header["typ"]), verified.kid, claims, events)


async def _problem(store: Store, named: _Named) -> str:
    found = await store.read_log(named.position - 1, 1)
    if not found or found[0].position != named.position:
        return "the log has no such position"
    event = found[0]
    found_there = event.type, event.recorded_at, base64url.encode(event.leaf)
    if found_there != (named.type, named.recorded_at, named.leaf):
        return "the log has another event there"
    if leaf_hash(event.stream, event.version, event.type, event.payload, event.metadata) != event.leaf:
        return "the event was changed"
    return ""
