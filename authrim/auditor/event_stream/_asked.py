"""What a reader of the stream asks for: from which position, which events, in which form."""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from aiohttp import hdrs, web

from authrim.store.codec import REGISTRIES
from authrim.web.params import Params, parse, raw_query
from domain.errors import Refusal, invalid_request

EVENT_STREAM: Final = "text/event-stream"
JSON_LINES: Final = "application/jsonl"
_JSON_LINES: Final = re.compile(r"application/(jsonl|x-ndjson|json-lines)\b")

#: Conditions by what an event concerns; the names are those of ``authrim audit search``.
CONDITIONS: Final = ("client_id", "subject", "session_id", "stream")
_PARAMETERS: Final = frozenset({"after", "type", "follow", *CONDITIONS})
_POSITION: Final = re.compile(r"[0-9]{1,18}")
_TYPES: Final = frozenset(tag for registry in REGISTRIES.values() for tag in registry)
_MOST_TYPES: Final = 64


class Asked(msgspec.Struct, frozen=True):
    """``after`` None: from now on. ``types`` empty: all of them. ``follow``: go on at the end of the log."""

    after: int | None
    types: frozenset[str]
    conditions: Mapping[str, str]
    follow: bool
    json_lines: bool

    def has_type(self, event_type: str) -> bool:
        """Whether events of this type are asked for."""
        return not self.types or event_type in self.types

    def concerns(self, columns: Mapping[str, Any]) -> bool:
        """Whether an event with these columns of the audit index is asked for."""
        return all(columns[name] == value for name, value in self.conditions.items())

    def recorded_conditions(self, after: int) -> dict[str, str]:
        """The conditions as they are recorded of the question; ids and pseudonyms alone."""
        conditions = {name: value for name, value in self.conditions.items() if name != "subject"}
        if self.types:
            conditions["type"] = (
                " ".join(sorted(self.types)) if len(self.types) <= 8 else f"{len(self.types)} types"
            )
        return conditions | {"from": str(after + 1)}


def read_asked(request: web.Request) -> Asked | Refusal:
    """The question of a request, or why it is none. What is not known is refused: a filter that is misspelled would let
    everything through, and so would one without a value (RFC 6749 §3.1 is for requests of clients, where it is as if
    left out)."""
    raw = raw_query(request)
    query = parse(raw)
    if isinstance(query, Refusal):
        return query
    if any(not value for _, value in parse_qsl(raw, keep_blank_values=True)):
        return invalid_request("A parameter has no value.", hint="Leave it out, or say what is asked for.")
    refusal = query.refuse_duplicates(("type",))
    if refusal is not None:
        return refusal
    unknown = sorted(name for name in query.values if name not in _PARAMETERS)
    if unknown:
        return invalid_request(
            "A parameter is not known.", hint=f"Known are {', '.join(sorted(_PARAMETERS))}."
        )
    after, types = _after(request, query), _types(query.get_all("type"))
    if isinstance(after, Refusal):
        return after
    if isinstance(types, Refusal):
        return types
    follow = query.get("follow") or "true"
    if follow not in ("true", "false"):
        return invalid_request("follow is neither true nor false.")
    conditions = {name: value for name in CONDITIONS if (value := query.get(name)) is not None}
    accept = ",".join(request.headers.getall(hdrs.ACCEPT, ())).lower()
    return Asked(after, types, conditions, follow == "true", _JSON_LINES.search(accept) is not None)


def _after(request: web.Request, query: Params) -> int | Refusal | None:
    """The position to go on from. A browser that connects again repeats the query and adds ``Last-Event-ID``, so that
    wins (HTML §9.2.4)."""
    sent = request.headers.get("Last-Event-ID") or query.get("after")
    if sent is None:
        return None
    if not _POSITION.fullmatch(sent):
        return invalid_request(
            "The position is not a number.", hint="Send the id of the last event that was read."
        )
    return int(sent)


def _types(named: tuple[str, ...]) -> frozenset[str] | Refusal:
    """The types of events. ``grant.*`` names all that begin so."""
    if len(named) > _MOST_TYPES:
        return invalid_request(
            "There are too many types.", hint=f"Name at most {_MOST_TYPES}, or use a prefix: grant.*"
        )
    found: set[str] = set()
    for name in named:
        prefix = name[:-1] if name.endswith("*") else None
        matching = {tag for tag in _TYPES if (tag == name if prefix is None else tag.startswith(prefix))}
        if not matching:
            return invalid_request(
                "There is no such type of events.", hint="docs/events.md lists them; grant.* is a prefix."
            )
        found |= matching
    return frozenset(found)
