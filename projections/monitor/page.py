"""One page of the log, held against the rules.

The check is a generator: it asks for what it needs (rows, streams) and is sent the answers, so that it works on every
database in the page's own transaction. A grant without a row is read from its stream: a row is nothing but a stream
that need not be read again, so what is found does not depend on which rows are there.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from domain.client.events import CLIENT_EVENTS
from domain.event import tag_of
from domain.grant.events import (
    GRANT_EVENTS,
    AccessTokenIssued,
    AccessTokenRevoked,
    GrantRevoked,
)
from domain.monitor_events import RuleBreakAcknowledged, RuleBroken
from domain.person.account_events import ACCOUNT_EVENTS
from domain.person.session_events import SESSION_EVENTS
from domain.resource.events import RESOURCE_EVENTS
from domain.stream import ACCOUNT, AUDIT, CLIENT, GRANT, RESOURCE, SESSION
from domain.units import HOUR, MICROSECONDS
from projections.monitor import grants, reading, rules, surroundings
from projections.monitor.grant_state import GrantState
from projections.monitor.grants import CHANGES_NOTHING_OVER, GrantCheck
from projections.monitor.named import NAMES, depends_on
from projections.monitor.questions import ActiveTokens, Answers, Checked, LogRow, States, Streams, Told
from projections.monitor.rules import Breach
from projections.monitor.surroundings import Surroundings
from projections.tables import token_key

#: How long after its last token the row of a grant is kept, in seconds, because clocks differ; and that of a grant in
#: which a rule was broken, so that it is not told again and again from the stream.
KEPT: Final = HOUR
KEPT_BROKEN: Final = 24 * HOUR
#: Times at which rows leave are multiples of this: a row that is written again need not move in their index.
_STEP: Final = 6 * HOUR


_READS: Final[Mapping[str, Any]] = {
    **grants.READS,
    **surroundings.READS,
    tag_of(RuleBroken): reading.Broken,
    tag_of(RuleBreakAcknowledged): reading.Nothing,
}
_DECODE: Final = {tag: msgspec.json.Decoder(read).decode for tag, read in _READS.items()}
#: The kinds of stream that a rule speaks of, with all their events. What is not among them cannot be read.
_KNOWN: Final[Mapping[str, Mapping[str, Any]]] = {
    GRANT: GRANT_EVENTS,
    CLIENT: CLIENT_EVENTS,
    ACCOUNT: ACCOUNT_EVENTS,
    SESSION: SESSION_EVENTS,
    RESOURCE: RESOURCE_EVENTS,
    AUDIT: {tag: None for tag in _READS if tag.startswith("audit.")},
}
_IGNORED: Final = frozenset(tag for known in _KNOWN.values() for tag in known) - frozenset(_READS)
_REVOCATIONS: Final = frozenset(map(tag_of, (GrantRevoked, AccessTokenRevoked)))
_TOKEN_GIVEN: Final = tag_of(AccessTokenIssued)
_BROKEN: Final = tag_of(RuleBroken)


#: The events that a kind of stream has (None: no rule speaks of it), the tenant and the kind.
_Place = tuple[Mapping[str, Any] | None, str, str]
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _Unreadable(NamedTuple):
    """An event that cannot be read, and the kind of error."""

    kind: str


def check_page(events: Sequence[LogRow], issuer: str, *, complete: bool) -> Answers:
    """Check the events of a page, which follow each other in the log. ``complete``: its last append ends with it."""
    page = _Page(issuer)
    for row in events:
        page.read(row)
    rows: Mapping[str, str] = yield States(page.streams_to_load())
    earlier: Sequence[LogRow] = []
    missing = page.take_grants(rows)
    if missing:
        earlier = yield Streams(missing, events[0].position)
    page.replay(earlier)
    around = page.streams_around()
    page.surroundings.load(around, (yield States(around)))
    unknown = [stream for stream in around if f":{CLIENT}:" in stream and page.surroundings.lacks(stream)]
    if unknown:
        page.learn((yield Streams(unknown, events[0].position)))
    page.check()
    revoked = page.revoked
    active: Sequence[str] = (yield ActiveTokens(list(revoked))) if revoked else ()
    if active:
        streams = sorted({stream for stream, _ in revoked.values()})
        page.hold_against(active, (yield Streams(streams, events[-1].position + 1)))
    return page.result(events[-1], complete=complete)


class _Page:
    """The work on one page. ``revoked``: keys of tokens that must be revoked, with stream and position."""

    def __init__(self, issuer: str) -> None:
        self.surroundings = Surroundings()
        self.revoked: dict[str, tuple[str, int]] = {}
        self._issuer = issuer
        self._steps: list[tuple[LogRow, str, Any]] = []
        self._grants: dict[str, GrantCheck] = {}
        self._places: dict[str, _Place] = {}
        self._around: set[str] = set()
        self._begun: set[str] = set()
        self._needed: set[str] = set()
        self._read: Mapping[str, str] = {}
        self._breaches: list[Breach] = []
        self._told: list[Told] = []
        self._acknowledged: list[str] = []

    def read(self, row: LogRow) -> None:
        """Decode an event that a rule speaks of; set aside what cannot be read."""
        _, stream, version, type_, payload, _ = row
        if type_ in _IGNORED:
            return
        known, tenant, kind = self._places.get(stream) or self._place(stream)
        if known is None or (kind == AUDIT and type_ not in known):
            return
        try:
            seen = _DECODE[type_](payload) if type_ in known else _Unreadable("UnknownType")
        except _UNREADABLE as error:
            seen = _Unreadable(type(error).__name__)
        if kind == GRANT:
            if version == 1:
                self._begun.add(stream)
            elif type_ not in CHANGES_NOTHING_OVER:
                self._needed.add(stream)
            if type_ in NAMES and type(seen) is not _Unreadable:
                self._around.update(NAMES[type_](tenant, seen))
        elif kind != AUDIT:
            self._around.add(stream)
        self._steps.append((row, kind, seen))

    def _place(self, stream: str) -> _Place:
        """The events that streams of its kind have, its tenant and its kind."""
        tenant, _, rest = stream.partition(":")
        kind = rest.partition(":")[0]
        place = self._places[stream] = (_KNOWN.get(kind), tenant, kind)
        return place

    def streams_to_load(self) -> list[str]:
        """The grants of the page that began before it."""
        return list({row.stream for row, kind, _ in self._steps if kind == GRANT} - self._begun)

    def take_grants(self, rows: Mapping[str, str]) -> list[str]:
        """Take the rows of the grants; the streams of those that have none and need one."""
        self._read = rows
        for stream, document in rows.items():
            self._grants[stream] = GrantCheck(stream, _decode_state(document), self._issuer)
        for stream in self._begun:
            self._grants[stream] = GrantCheck(stream, GrantState(), self._issuer)
        return list(self._needed - self._grants.keys())

    def replay(self, earlier: Sequence[LogRow]) -> None:
        """Bring grants without a row to where the page begins."""
        for stream in self._needed - self._grants.keys():
            self._grants[stream] = GrantCheck(stream, GrantState(), self._issuer)
        for row in earlier:
            if row.type in grants.READS:
                seen, check = _seen(row), self._grants[row.stream]
                if isinstance(seen, _Unreadable):
                    check.unreadable(row.position, seen.kind)
                else:
                    check.apply(row.type, seen, row.position)
            elif row.type not in GRANT_EVENTS:
                self._grants[row.stream].unreadable(row.position, "UnknownType")

    def streams_around(self) -> list[str]:
        """What the page's grants depend on, and what the page changes."""
        for check in self._grants.values():
            self._around.update(depends_on(check.tenant, check.state))
        return list(self._around)

    def learn(self, earlier: Sequence[LogRow]) -> None:
        """Clients without a row, from their streams."""
        for row in earlier:
            seen = _seen(row) if row.type in surroundings.READS else None
            if seen is not None and not isinstance(seen, _Unreadable):
                self._surround(row, seen)

    def check(self) -> None:
        """Hold each event against the rules, in the order of the log."""
        for check in self._grants.values():
            check.surroundings = self.surroundings
        for row, kind, seen in self._steps:
            if type(seen) is _Unreadable:
                self._set_aside(row, kind, seen)
            elif kind == GRANT:
                if row.type in _REVOCATIONS:
                    self._revoked(row, seen)
                grant = self._grants.get(row.stream)
                if grant is not None:  # else it is over, and stays so
                    grant.apply(row.type, seen, row.position)
            elif kind == AUDIT:
                self._follow_alarm(row, seen)
            else:
                self._surround(row, seen)

    def _set_aside(self, row: LogRow, kind: str, seen: _Unreadable) -> None:
        if kind == GRANT:
            fresh = GrantCheck(row.stream, GrantState(), self._issuer)
            self._grants.setdefault(row.stream, fresh).unreadable(row.position, seen.kind)
        else:
            about = f"{row.position} {seen.kind}"
            self._breaches.append(Breach(rules.READABLE_EVENTS, row.stream, (row.position,), about))

    def _revoked(self, row: LogRow, seen: Any) -> None:
        tenant, _, identifier = row.stream.split(":", 2)
        key = token_key(tenant, identifier, getattr(seen, "token_id", "*"))
        self.revoked[key] = (row.stream, row.position)

    def _surround(self, row: LogRow, seen: Any) -> None:
        seconds = row.recorded_at // MICROSECONDS
        self.surroundings.apply(row.stream, row.type, seen, row.position, seconds)

    def _follow_alarm(self, row: LogRow, seen: Any) -> None:
        """The alarms are in the log too: what is known of a breach comes back from there, if need be."""
        if row.type == _BROKEN:
            breach = Breach(seen.rule, seen.stream, seen.positions, seen.about)
            self._told.append(Told(breach, row.position))
        else:
            self._acknowledged.append(row.stream.split(":", 2)[2])

    def hold_against(self, active: Sequence[str], events: Sequence[LogRow]) -> None:
        """Tokens that are not revoked in their rows, though the log says so after they were issued."""
        issued = {
            (row.stream, token.token_id): row.position
            for row in events
            if row.type == _TOKEN_GIVEN and isinstance(token := _seen(row, _given_token), reading.TokenGiven)
        }
        for key in active:
            grant, _, token = key.rpartition(":")
            place = self.revoked.get(key) or self.revoked.get(f"{grant}:*")
            if place is not None and issued.get((place[0], token), place[1]) < place[1]:
                self._breaches.append(Breach(rules.REVOKED_IS_INACTIVE, place[0], (place[1],), token))

    def result(self, last: LogRow, *, complete: bool) -> Checked:
        """What the page changes. The last event's grant stays if its append may go on in the next page."""
        puts, drops = self.surroundings.changes()
        for stream, check in self._grants.items():
            self._breaches.extend(check.found)
            state = check.state
            known = self._read.get(stream)
            if state.is_over and not state.told and (complete or stream != last.stream):
                if known is not None:
                    drops.append(stream)
                continue
            document = _encode(state).decode()
            if document != known:
                puts.append((stream, document, _leaves_at(state, last.recorded_at // MICROSECONDS)))
        return Checked(puts, drops, self._breaches, self._told, self._acknowledged)


_given_token: Final = msgspec.json.Decoder(reading.TokenGiven).decode
_decode_state: Final = msgspec.json.Decoder(GrantState).decode
_encode: Final = msgspec.json.Encoder().encode


def _seen(row: LogRow, decode: Callable[[bytes], Any] | None = None) -> Any:
    """What is read of an event, or why it cannot be."""
    try:
        return (decode or _DECODE[row.type])(row.payload)
    except _UNREADABLE as error:
        return _Unreadable(type(error).__name__)


def _leaves_at(state: GrantState, now: int) -> int:
    """When the row may go, in seconds."""
    kept = max(state.expires_at, now) + (KEPT_BROKEN if state.told else KEPT)
    return kept + _STEP - kept % _STEP
