"""Blast radius: everything that some events touched, counted by kind, and what of it is still in force."""

from collections.abc import AsyncIterator
from typing import Final

import msgspec

from authrim.audit.search import Wanted, search
from authrim.audit.timeline import Line, line_of
from authrim.store.log_reading import LogReading
from domain import stream as streams
from domain.event import Event, tag_of
from domain.grant import events as grant
from domain.grant import grant as grants
from domain.grant.standing import ENDED, EXPIRED, last_expiry, standing_of, tokens_of
from domain.key import key as keys
from domain.key.events import KeyRevoked
from domain.liveness import ACTIVE
from domain.person import session as sessions
from domain.person.session_events import SessionEnded
from domain.stream import GRANT, KEY, REFUSAL, SESSION
from domain.units import MICROSECONDS

_PAGE: Final = 500
_KINDS: Final = {
    tag_of(grant.AccessTokenIssued): "access_tokens",
    tag_of(grant.IdTokenIssued): "id_tokens",
    tag_of(grant.RefreshTokenIssued): "refresh_tokens",
    tag_of(grant.RefreshTokenRotated): "refresh_tokens",
    tag_of(grant.CodeIssued): "codes",
}
#: The kinds of what is counted, in the order in which people read them.
COUNTED: Final = (
    "grants", "sessions", "keys", "access_tokens", "refresh_tokens", "id_tokens", "codes", "accounts", "clients",
    "refusals",
)  # fmt: skip
#: What can be in force, and ended.
ENDABLE: Final = ("keys", "sessions", "grants")


class Thing(msgspec.Struct, frozen=True):
    """A grant, session or key that was touched. ``ended_for``: the reason of its end, if it was ended."""

    id: str
    in_force: bool
    ended_for: str = ""


class Radius(msgspec.Struct, frozen=True):
    """What was touched, in the positions from ``first`` to ``last``.

    ``things`` are the grants, sessions and keys; ``named`` the accounts and clients; ``counts`` the rest;
    ``active_tokens`` the access tokens that are still good. ``unreadable`` are the positions of events that this
    version cannot read: what they touched is not known."""

    first: int
    last: int
    things: dict[str, tuple[Thing, ...]]
    named: dict[str, tuple[str, ...]]
    counts: dict[str, int]
    active_tokens: int = 0
    unreadable: tuple[int, ...] = ()

    def touched(self, kind: str) -> int:
        """How many of a kind were touched."""
        if kind in self.things:
            return len(self.things[kind])
        return len(self.named[kind]) if kind in self.named else self.counts.get(kind, 0)

    def in_force(self, kind: str) -> int | None:
        """How many of them are in force; None where that is not asked of the kind."""
        if kind == "access_tokens":
            return self.active_tokens
        return sum(thing.in_force for thing in self.things[kind]) if kind in self.things else None


class _Found:
    """What the events name so far."""

    def __init__(self) -> None:
        self.ids: dict[str, dict[str, None]] = {
            kind: {} for kind in ("grants", "sessions", "keys", "accounts", "clients")
        }
        self.refusals = 0
        self.unreadable: list[int] = []

    def note(self, line: Line) -> None:
        """Take in what one event names."""
        stream = streams.parse(line.stream)
        if not line.readable:
            self.unreadable.append(line.position)
        fields = line.fields
        self.refusals += stream.kind == REFUSAL
        for kind, value in (
            ("grants", stream.id if stream.kind == GRANT else None),
            ("sessions", stream.id if stream.kind == SESSION else fields.get("session_id")),
            ("keys", stream.id if stream.kind == KEY else None),
            ("accounts", fields.get("subject") or line.metadata.subject),
            ("clients", fields.get("client_id") or line.metadata.client_id),
        ):
            if isinstance(value, str) and value and stream.kind != streams.AUDIT:
                self.ids[kind][value] = None


async def radius_of(store: LogReading, wanted: Wanted, server: str | None) -> Radius:
    """What the events touched that fit ``wanted`` and that a server of version ``server`` wrote. Raises Unavailable.

    Found by the index; by a version alone, that part of the log itself is read.
    """
    head = await store.head()
    last = head.position if wanted.until is None else min(wanted.until, head.position)
    wanted = msgspec.structs.replace(wanted, until=last)
    found = _Found()
    async for line in _by_index(store, wanted) if wanted.values else _by_position(store, wanted):
        if server is None or line.metadata.server == server:
            found.note(line)
    for kid in wanted.values.get("key_id", ()):
        if (await store.read_stream(streams.key_stream(wanted.tenant, kid))).version:
            found.ids["keys"][kid] = None
    counts: dict[str, int] = {"refusals": found.refusals}
    now, active, things = head.now // MICROSECONDS, 0, []
    for grant_id in found.ids["grants"]:
        thing, tokens = await _grant(store, wanted, server, grant_id, (counts, now))
        things.append(thing)
        active += tokens
    return Radius(
        wanted.after + 1, last,
        {
            "grants": tuple(things),
            "sessions": tuple([await _session(store, wanted.tenant, one, now) for one in found.ids["sessions"]]),
            "keys": tuple([await _key(store, wanted.tenant, one) for one in found.ids["keys"]]),
        },
        {kind: tuple(found.ids[kind]) for kind in ("accounts", "clients")},
        counts, active, tuple(found.unreadable),
    )  # fmt: skip


async def _by_index(store: LogReading, wanted: Wanted) -> AsyncIterator[Line]:
    done = False
    while not done:
        page = await search(store, wanted, _PAGE)
        for line in page.lines:
            yield line
        done, wanted = page.done, msgspec.structs.replace(wanted, after=page.position)


async def _by_position(store: LogReading, wanted: Wanted) -> AsyncIterator[Line]:
    """The part of the log itself, by its positions."""
    after, last = wanted.after, wanted.until or 0
    while after < last:
        page = await store.read_log(after, min(_PAGE, last - after))
        if not page:
            return
        for stored in page:
            stream = streams.parse(stored.stream)
            if stream.tenant == wanted.tenant and stream.kind != "es":
                yield line_of(stored)[0]
        after = page[-1].position


async def _grant(
    store: LogReading, wanted: Wanted, server: str | None, grant_id: str, into: tuple[dict[str, int], int]
) -> tuple[Thing, int]:
    """A grant, and how many of its tokens in the radius are good. What it handed out is counted. With an event that
    cannot be read the grant counts as in force: nobody knows."""
    counts, now = into
    stored = await store.read_whole_stream(streams.grant_stream(wanted.tenant, grant_id))
    read = [line_of(one) for one in stored if one.type != tag_of(grant.GrantSummarized)]
    events = [event for _, event in read if event is not None]
    issued: set[str] = set()
    for line, event in read:
        kind = _KINDS.get(line.type)
        if kind is None or not _fits(line, wanted, server):
            continue
        counts[kind] = counts.get(kind, 0) + 1
        if isinstance(event, grant.AccessTokenIssued):
            issued.add(event.token_id)
    state = grants.fold(events)
    given = [one for one in tokens_of(events) if one.revoked_at is None and state.revoked_at is None]
    until = last_expiry(state, [one.issued.expires_at for one in given])
    standing, reason = standing_of(state, "", until, now)
    over = len(events) == len(read) and standing in (ENDED, EXPIRED)
    good = sum(one.issued.token_id in issued and one.issued.expires_at > now for one in given)
    return Thing(grant_id, not over, reason), good


def _fits(line: Line, wanted: Wanted, server: str | None) -> bool:
    """Whether what a grant handed out is in the radius. The index has no address of a token, the log does."""
    within = wanted.after < line.position <= (wanted.until or 0)
    kids, addresses = wanted.values.get("key_id"), wanted.values.get("address")
    return (
        within
        and (server is None or line.metadata.server == server)
        and (kids is None or line.fields.get("signing_kid") in kids)
        and (addresses is None or line.metadata.address in addresses)
    )


async def _session(store: LogReading, tenant: str, session_id: str, now: int) -> Thing:
    events, whole = await _events(store, streams.session_stream(tenant, session_id))
    ended = next((event.reason for event in events if isinstance(event, SessionEnded)), "")
    lives = sessions.status_at(sessions.fold(events), now) == ACTIVE
    return Thing(session_id, lives or not whole, ended)


async def _key(store: LogReading, tenant: str, kid: str) -> Thing:
    events, whole = await _events(store, streams.key_stream(tenant, kid))
    ended = next((event.reason for event in events if isinstance(event, KeyRevoked)), "")
    return Thing(kid, keys.fold(events).status == ACTIVE or not whole, ended)


async def _events(store: LogReading, stream: str) -> tuple[list[Event], bool]:
    """The events that can be read, and whether those are all. What has others counts as in force, like a grant."""
    read = [line_of(stored)[1] for stored in await store.read_whole_stream(stream)]
    events = [event for event in read if event is not None]
    return events, len(events) == len(read)
