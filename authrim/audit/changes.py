"""Changes by administrators, by clients to themselves and by the server: which fields, from what to what, who made
them, how that was allowed, and from where."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from authrim.audit import recorded
from authrim.audit.long_work import beside_the_loop
from authrim.audit.search import Wanted, search
from authrim.audit.sentences import authority_in_words
from authrim.audit.timeline import Line, time_of
from authrim.store.codec import REGISTRIES
from authrim.store.contract import StoredEvent
from authrim.store.log_reading import LogReading
from domain import stream as streams
from domain.changed_fields import CHANGEABLE, ChangedField, Fields, differences, thing_of
from domain.client.events import ClientRegistered, ClientSecretSet, RegistrationTokenSet
from domain.event import tag_of
from domain.person.account_events import ConsentRemembered
from domain.stream import ACCOUNT, CLAIM, CLIENT, REGISTRATION, SCOPE, SETTING
from projections.followed import (
    COMMAND_LINE,
    CONSENT_PAGE,
    INITIAL_ACCESS_TOKEN,
    METADATA_DOCUMENT,
    OPEN_REGISTRATION,
    REGISTRATION_ACCESS_TOKEN,
    SELF_REGISTRATION,
    SERVER_START,
)

#: The kinds of what can be changed.
KINDS: Final = tuple(CHANGEABLE)
#: Kinds of which a tenant has one stream for all.
_IN_ONE_STREAM: Final[Mapping[str, str]] = {SCOPE: "descriptions", CLAIM: "definitions", SETTING: "server"}
#: What people do all the time. It is told where changes of accounts are asked for.
_BY_PEOPLE: Final = frozenset({tag_of(ConsentRemembered)})


class Authority(msgspec.Struct, frozen=True):
    """What allowed a change. ``recorded`` is False where the event is older than the record of it, and what it is and
    who acted leave one way only."""

    name: str = ""
    credential: str = ""
    recorded: bool = True


class ChangeRecord(msgspec.Struct, frozen=True):
    """One change. ``thing`` is what was changed, by its id or name. ``readable`` is False where an event up to this one
    cannot be read by this version, so that old or new values are not known."""

    line: Line
    kind: str
    thing: str
    authority: Authority
    fields: tuple[ChangedField, ...] = ()
    readable: bool = True

    @property
    def by(self) -> str:
        """Who, and how it was allowed, in words."""
        who = {"admin": "administrator", "system": "server"}.get(self.line.metadata.actor, self.line.by)
        operator = self.line.metadata.operator
        how = authority_in_words(self.authority.name, self.authority.credential)
        return " ".join(part for part in (who, f"({operator})" if operator else "", how) if part)

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        line = self.line
        return {
            "position": line.position,
            "time": time_of(line.recorded_at),
            "recorded_at": line.recorded_at,
            "kind": self.kind,
            "id": self.thing,
            "type": line.type,
            "what": line.what,
            "reason": line.fields.get("reason"),
            "by": self.by,
            "authority": msgspec.to_builtins(self.authority),
            "metadata": msgspec.to_builtins(line.metadata),
            "readable": self.readable,
            "fields": msgspec.to_builtins(self.fields),
        }


class ChangePage(msgspec.Struct, frozen=True):
    """Some changes, with the ``position`` and ``done`` of ``Lines``."""

    changes: tuple[ChangeRecord, ...]
    position: int
    done: bool


def where(tenant: str, kind: str, thing: str) -> dict[str, tuple[str, ...]]:
    """The conditions of a search for changes: of one thing, of a kind, or (empty) of all."""
    if thing:
        return {"stream": (str(streams.StreamId(tenant, kind, _IN_ONE_STREAM.get(kind, thing))),)}
    kinds = (kind,) if kind else KINDS
    types = [type_ for one in kinds for type_ in REGISTRIES[one]]
    return {"type": tuple(type_ for type_ in types if kind or type_ not in _BY_PEOPLE)}


async def changes(
    store: LogReading, wanted: Wanted, limit: int, thing: str = "", field: str = ""
) -> ChangePage:
    """At most ``limit`` changes in the log's order: of ``thing`` where its stream holds others too, and with ``field``
    those of that field alone. Raises Unavailable."""
    found: list[ChangeRecord] = []
    position, done = wanted.after, False
    while len(found) < limit and not done:
        page = await search(store, msgspec.structs.replace(wanted, after=position), limit - len(found))
        found += narrowed(await told(store, page.lines), thing, field)
        position, done = page.position, page.done
    return ChangePage(tuple(found), position, done)


def narrowed(records: Iterable[ChangeRecord], thing: str = "", field: str = "") -> list[ChangeRecord]:
    """The changes of one thing, and of one field."""
    of_thing = [one for one in records if not thing or one.thing == thing]
    if not field:
        return of_thing
    of_field = [_only(one, field) for one in of_thing]
    return [one for one in of_field if one.fields or not one.readable]


def _only(record: ChangeRecord, field: str) -> ChangeRecord:
    fields = tuple(one for one in record.fields if one.field == field)
    return msgspec.structs.replace(record, fields=fields)


async def told(store: LogReading, lines: Sequence[Line]) -> list[ChangeRecord]:
    """What the events of some lines changed. Each stream is read once."""
    by_version: dict[tuple[str, int], ChangeRecord] = {}
    for name in dict.fromkeys(line.stream for line in lines):
        of_stream = {line.version: line for line in lines if line.stream == name}
        events = await store.read_whole_stream(name)
        changes = partial(list[ChangeRecord], _of_stream(events, of_stream))
        for record in await beside_the_loop(events, changes):
            by_version[name, record.line.version] = record
    return [by_version[line.stream, line.version] for line in lines]


def _of_stream(events: Iterable[StoredEvent], wanted: Mapping[int, Line]) -> Iterable[ChangeRecord]:
    """The changes of one stream: its state is folded event by event, and compared around those that are wanted."""
    stream, state, readable = streams.StreamId("", "", ""), None, True
    for number, stored in enumerate(events):
        stream = streams.parse(stored.stream)
        kind = CHANGEABLE[stream.kind]
        before = kind.nothing if number == 0 else state
        line = wanted.get(stored.version)
        try:
            entry = recorded.read(stored)
            assert entry is not None
            state = kind.apply(before, entry.event)
        except Exception:  # whatever is wrong with one event: what comes after it has no known state
            readable = False
            if line is not None:
                yield ChangeRecord(line, stream.kind, stream.id, Authority(), readable=False)
            continue
        if line is None:
            continue
        thing = thing_of(stream.kind, stream.id, entry.event)
        authority = _authority(entry.type, line, stream.id, kind.fields(state, thing))
        if not readable:
            yield ChangeRecord(line, stream.kind, thing, authority, readable=False)
            continue
        fields = differences(kind.fields(before, thing), kind.fields(state, thing))
        if number == 0:
            fields = tuple(msgspec.structs.replace(one, old=None) for one in fields)
        yield ChangeRecord(line, stream.kind, thing, authority, fields)


def _authority(type_: str, line: Line, stream_id: str, fields: Fields) -> Authority:
    """What allowed the change: as recorded, or for events from before it was, as the event itself shows."""
    if line.metadata.authority:
        return Authority(line.metadata.authority, line.metadata.credential)
    kind = type_.partition(".")[0]
    match line.metadata.actor:
        case "admin":
            return Authority(COMMAND_LINE, recorded=False)
        case "system":
            return Authority(SERVER_START, recorded=False)
    if kind == CLIENT:
        return _of_client(type_, fields)
    if kind == REGISTRATION:
        return Authority(INITIAL_ACCESS_TOKEN, stream_id, recorded=False)
    if type_ in _BY_PEOPLE:
        return Authority(CONSENT_PAGE)
    return Authority(SELF_REGISTRATION if kind == ACCOUNT else "", recorded=False)


def _of_client(type_: str, fields: Fields) -> Authority:
    """How a client of before was let in, or changed itself. A secret may have come with either."""
    if fields["source"] == "metadata_document":
        return Authority(METADATA_DOCUMENT, recorded=False)
    if type_ == tag_of(ClientRegistered):
        token = fields["initial_access_token"]
        return Authority(INITIAL_ACCESS_TOKEN if token else OPEN_REGISTRATION, token or "", recorded=False)
    either_way = type_ in (tag_of(ClientSecretSet), tag_of(RegistrationTokenSet))
    return Authority("" if either_way else REGISTRATION_ACCESS_TOKEN, recorded=False)
