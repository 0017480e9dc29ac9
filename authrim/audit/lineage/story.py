"""Reads a story from the log: some grants, and of their sessions, clients and accounts what bears on them."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from authrim.audit.follow import Follower
from authrim.audit.lineage.causes import Entry, Told, causes
from authrim.audit.long_work import beside_the_loop
from authrim.audit.search import Wanted, search
from authrim.audit.timeline import line_of
from authrim.crypto.ids import constant_time_equal
from authrim.store.log_reading import LogReading
from domain import stream as streams
from domain.event import tag_of
from domain.grant.events import GrantSummarized, SubjectAuthenticated
from domain.incident import IncidentContinued, IncidentOpened, incident_of
from domain.stream import ACCOUNT, CLIENT, GRANT, REFUSAL, SESSION
from projections.audit import AUDIT

#: Rows of the index read at a time.
_PAGE: Final = 500
#: Events of clients and accounts that decide what grants are worth. The rest of their streams is another story.
_STANDING: Final = frozenset({
    "client.registered.v1", "client.disabled.v1", "client.enabled.v1", "client.deleted.v1",
    "account.created.v1", "account.disabled.v1", "account.enabled.v1", "account.person_erased.v1",
    "account.password_set.v1", "account.grants_ended.v1",
    "account.consent_remembered.v1", "account.consent_withdrawn.v1",
})  # fmt: skip
#: Of an incident the story has its beginnings: what it ended elsewhere is another story.
_BEGINS: Final = frozenset({tag_of(IncidentOpened), tag_of(IncidentContinued)})
_SUMMARY: Final = tag_of(GrantSummarized)
#: Members of an event that are the digest of what was handed out.
_DIGESTS: Final = ("code_hash", "token_hash", "token_id", "request_uri_hash", "sent_hash")


class Start(msgspec.Struct, frozen=True):
    """Where a story begins: the streams that were found. ``subject``: the one person whom it is about; of grants in
    which somebody else signed in too, their part is left out. ``more``: the position from which there are more."""

    streams: tuple[str, ...]
    subject: str | None = None
    more: int | None = None


class Story(msgspec.Struct, frozen=True):
    """Events in the order of the log, each with its cause."""

    told: tuple[Told, ...]
    more: int | None = None

    @property
    def subjects(self) -> list[str]:
        """The persons who signed in."""
        signed = tag_of(SubjectAuthenticated)
        named = [
            one.line.fields["subject"] for one in self.told if one.line.type == signed and one.line.fields
        ]
        return list(dict.fromkeys(named))

    @property
    def grants(self) -> list[str]:
        """The ids of the grants."""
        known = (streams.parse(one.line.stream) for one in self.told)
        return list(dict.fromkeys(stream.id for stream in known if stream.kind == GRANT))

    @property
    def readable(self) -> bool:
        """Whether every event could be read."""
        return all(one.line.readable for one in self.told)


def as_json(one: Told) -> dict[str, Any]:
    """One line of ``--json``."""
    causes_of = {"step": one.step, "caused_by": one.caused_by, "relies_on": list(one.relies_on)}
    return {**one.line.as_json(), **causes_of}


async def of_digest(store: LogReading, tenant: str, grant_id: str, digest: str) -> Start | None:
    """A grant, if something with this digest was handed out by it."""
    stream = streams.grant_stream(tenant, grant_id)
    for stored in await store.read_whole_stream(stream):
        fields = msgspec.json.decode(stored.payload)
        handed_out = [fields[name] for name in _DIGESTS if isinstance(fields.get(name), str)]
        if any(constant_time_equal(one, digest) for one in handed_out):
            return Start((stream,))
    return None


async def of_error(store: LogReading, tenant: str, error_id: str) -> Start | None:
    """What was recorded of an error."""
    await Follower(store, AUDIT).catch_up()
    rows = await store.audit.of_error(error_id)
    found = tuple(dict.fromkeys(row["stream"] for row in rows if row["tenant"] == tenant))
    return Start(found) if found else None


async def of_index(store: LogReading, wanted: Wanted, limit: int) -> Start | None:
    """At most ``limit`` grants, sessions and refusals that the index has under these values, from the oldest on."""
    found: dict[str, None] = {}
    done, more = False, None
    while not done and more is None:
        page = await search(store, wanted, _PAGE)
        for line in page.lines:
            if streams.parse(line.stream).kind not in (GRANT, SESSION, REFUSAL) or line.stream in found:
                continue
            if len(found) == limit:
                more = line.position
                break
            found[line.stream] = None
        done, wanted = page.done, msgspec.structs.replace(wanted, after=page.position)
    return Start(tuple(found), more=more) if found else None


async def read_story(store: LogReading, tenant: str, start: Start) -> Story:
    """The story of some streams, and of the sessions, clients and accounts that they name. Raises Unavailable."""
    entries: dict[int, Entry] = {}
    for name in start.streams:
        read = await _entries(store, name)
        if start.subject is not None and streams.parse(name).kind == GRANT:
            read = list(_of_one_person(read, start.subject))
        entries |= {entry.line.position: entry for entry in read}
    clients = _named(entries.values(), "client_id")
    for session_id in _named(entries.values(), "session_id"):
        of_session = await _entries(store, streams.session_stream(tenant, session_id))
        entries |= {entry.line.position: entry for entry in of_session}
    subjects = _named(entries.values(), "subject")
    beside = [(CLIENT, one) for one in clients] + [(ACCOUNT, one) for one in subjects]
    for kind, identifier in beside:
        for entry in await _entries(store, str(streams.StreamId(tenant, kind, identifier))):
            if entry.line.type in _STANDING and entry.line.fields.get("client_id") in (None, *clients):
                entries[entry.line.position] = entry
    for incident_id in filter(None, map(incident_of, _named(entries.values(), "reason"))):
        begun = await _entries(store, streams.incident_stream(tenant, incident_id))
        entries |= {e.line.position: e for e in begun if e.line.type in _BEGINS}
    return await beside_the_loop(entries, lambda: Story(tuple(causes(entries.values())), start.more))


async def _entries(store: LogReading, stream: str) -> list[Entry]:
    """The events of a stream."""
    events = await store.read_whole_stream(stream)
    return await beside_the_loop(
        events, lambda: [Entry(*line_of(stored)) for stored in events if stored.type != _SUMMARY]
    )


def _of_one_person(entries: Iterable[Entry], subject: str) -> Iterable[Entry]:
    """The entries of a grant but for those after somebody else had signed in (A246)."""
    present: str | None = None
    for entry in entries:
        if isinstance(entry.event, SubjectAuthenticated):
            present = entry.event.subject
        if present in (None, subject) and getattr(entry.event, "subject", None) in (None, subject):
            yield entry


def _named(entries: Iterable[Entry], field: str) -> list[str]:
    """The values of a field in the events of grants, sessions and refusals, each once."""
    values = [entry.line.fields.get(field) for entry in entries]
    return list(dict.fromkeys(value for value in values if isinstance(value, str)))
