"""Which event caused which: a tree in time, over the events of some grants and of what they depend on."""

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

import msgspec

from authrim.audit.timeline import Line
from domain import stream as streams
from domain.event import Event, tag_of
from domain.grant import events as grant
from domain.incident import reason_of
from domain.person.account_events import (
    AccountDisabled,
    ConsentWithdrawn,
    GrantsEnded,
    PasswordSet,
    PersonErased,
)
from domain.person.session_events import (
    BackChannelLogoutDelivered,
    BackChannelLogoutFailed,
    SessionEnded,
    SessionReauthenticated,
    SessionStarted,
)

#: What events were in the story.
_EVENTS_OF: Final[dict[str, tuple[type[Event], ...]]] = {
    "request": (grant.AuthorizationRequested,),
    "sign-in": (grant.SubjectAuthenticated,),
    "another account": (grant.AnotherAccountRequested,),
    "failed sign-in": (grant.SignInFailed,),
    "consent": (grant.ConsentGranted,),
    "refusal": (grant.AuthorizationRefused,),
    "answer": (grant.AuthorizationAnswered,),
    "code": (grant.CodeIssued,),
    "exchange": (grant.CodeRedeemed,),
    "replay": (grant.CodeReplayed, grant.RefreshTokenReused),
    "void code": (grant.CodeVoided,),
    "client's own grant": (grant.ClientCredentialsGranted,),
    "access token": (grant.AccessTokenIssued,),
    "ID token": (grant.IdTokenIssued,),
    "refresh token": (grant.RefreshTokenIssued, grant.RefreshTokenRotated),
    "refresh": (grant.RefreshTokenUsed, grant.RefreshTokenRepeated),
    "revocation": (grant.AccessTokenRevoked, grant.GrantRevoked),
    "session": (SessionStarted, SessionReauthenticated),
    "session's end": (SessionEnded,),
    "logout notice": (BackChannelLogoutDelivered, BackChannelLogoutFailed),
}
#: The step of an event, by its type.
STEPS: Final = {tag_of(event): step for step, events in _EVENTS_OF.items() for event in events}
#: What hands tokens out: the tokens that follow in the stream are its.
_GIVERS: Final = (
    grant.AuthorizationAnswered, grant.CodeIssued, grant.CodeRedeemed, grant.ClientCredentialsGranted,
    grant.RefreshTokenRotated, grant.RefreshTokenUsed, grant.RefreshTokenRepeated,
)  # fmt: skip
#: What ends grants that are not in its own stream.
_ENDINGS: Final = (SessionEnded, AccountDisabled, ConsentWithdrawn, GrantsEnded, PasswordSet, PersonErased)
#: A reason of a revocation that is another word than the one of what caused it.
_BY_REASON: Final[dict[str, tuple[type[Event], ...]]] = {
    "session_ended": (SessionEnded,),
    "account_not_active": (AccountDisabled, PersonErased),
    "consent_withdrawn": (ConsentWithdrawn,),
    "password_changed": (PasswordSet,),
}


class Entry(NamedTuple):
    """An event that was read: as a line, and decoded; None when this version cannot read it."""

    line: Line
    event: Event | None


class Told(msgspec.Struct, frozen=True):
    """One event of the story. ``caused_by`` and ``relies_on`` are positions: the event that brought it about, and those
    without which it would not have been."""

    line: Line
    step: str
    caused_by: int | None = None
    relies_on: tuple[int, ...] = ()


class _Grant:
    """What happened in one grant so far, by position."""

    def __init__(self) -> None:
        self.first: int | None = None
        self.signed: int | None = None
        self.agreed: int | None = None
        self.code: int | None = None
        self.giver: int | None = None
        self.generations: dict[int, int] = {}
        self.tokens: dict[str, int] = {}
        self.newest: tuple[int, int] = (0, 0)

    @property
    def asked(self) -> int | None:
        """The newest step of the person."""
        return self.agreed or self.signed or self.first

    def note(self, line: Line, event: Event) -> None:
        """Take one more event in."""
        at = line.position
        self.first = at if self.first is None else self.first
        self.newest = (line.recorded_at, at)
        if isinstance(event, _GIVERS):
            self.giver = at
        match event:
            case grant.SubjectAuthenticated():
                self.signed, self.agreed = at, None
            case grant.AnotherAccountRequested():
                self.signed, self.agreed = at, None
            case grant.ConsentGranted():
                self.agreed = at
            case grant.CodeIssued():
                self.code = at
            case grant.RefreshTokenIssued() | grant.RefreshTokenRotated():
                self.generations[event.generation] = at
            case grant.AccessTokenIssued():
                self.tokens[event.token_id] = at

    def cause_of(self, event: Event) -> int | None:
        """The position of what brought the event about, as far as this grant knows."""
        match event:
            case grant.SubjectAuthenticated() | grant.SignInFailed():
                return self.first
            case grant.ConsentGranted() | grant.AnotherAccountRequested():
                return self.signed or self.first
            case grant.AuthorizationRefused() | grant.AuthorizationAnswered() | grant.CodeIssued():
                return self.asked
            case grant.CodeRedeemed() | grant.CodeReplayed() | grant.CodeVoided():
                return self.code or self.first
            case grant.RefreshTokenRotated() | grant.RefreshTokenRepeated():
                return self.generations.get(event.generation - 1, self.giver)
            case grant.RefreshTokenUsed() | grant.RefreshTokenReused():
                return self.generations.get(event.generation, self.giver)
            case grant.AccessTokenRevoked():
                return self.tokens.get(event.token_id, self.giver)
            case _:
                return self.giver or self.first


class _Causes:
    """Goes through the events of a story in the order of the log."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries = sorted(entries, key=lambda entry: entry.line.position)
        self._grants: dict[str, _Grant] = {}
        self._begun: dict[str, int] = {}
        self._endings: list[Entry] = []
        #: The newest start of each incident, by the reason of what it ended.
        self._incidents: dict[str, int] = {}
        #: Positions by the time of the append and the session: a sign-in and its session are appended together.
        self._signed_in: dict[tuple[int, str], int] = {}
        self._agreed: dict[int, int] = {}
        for line, event in self._entries:
            if isinstance(event, grant.SubjectAuthenticated) and not event.by_session:
                self._signed_in[line.recorded_at, event.session_id] = line.position
            if isinstance(event, grant.ConsentGranted) and not event.remembered:
                self._agreed[line.recorded_at] = line.position

    def told(self) -> list[Told]:
        """Each event with its cause."""
        return [self._one(entry) for entry in self._entries]

    def _one(self, entry: Entry) -> Told:
        line, event = entry
        stream = streams.parse(line.stream)
        step = STEPS.get(line.type, stream.kind)
        if event is None:
            return Told(line, step)
        if stream.kind == streams.GRANT:
            return self._of_grant(entry, step)
        if isinstance(event, _ENDINGS):
            self._endings.append(entry)
        if stream.kind == streams.INCIDENT:
            self._incidents[reason_of(stream.id)] = line.position
        begun = self._begun.setdefault(line.stream, line.position)
        cause = None if begun == line.position else begun
        match event:
            case SessionEnded():
                cause = self._incidents.get(event.reason, cause)
            case SessionStarted() | SessionReauthenticated():
                cause = self._signed_in.get((line.recorded_at, stream.id), cause)
            case BackChannelLogoutDelivered() | BackChannelLogoutFailed():
                cause = self._newest(lambda one: one.line.stream == line.stream) or cause
            case _ if line.type == "account.consent_remembered.v1":
                cause = self._agreed.get(line.recorded_at, cause)
        return Told(line, step, cause)

    def _of_grant(self, entry: Entry, step: str) -> Told:
        line, event = entry
        assert event is not None
        known = self._grants.setdefault(line.stream, _Grant())
        relies: list[int] = []
        cause = known.cause_of(event)
        if isinstance(event, grant.SubjectAuthenticated) and event.by_session:
            begun = self._begun.get(
                streams.session_stream(streams.parse(line.stream).tenant, event.session_id)
            )
            relies = [] if begun is None else [begun]
        if isinstance(event, grant.GrantRevoked):
            together = known.newest[1] if known.newest[0] == line.recorded_at else None
            cause = together or self._ending_of(event.reason) or known.first
        known.note(line, event)
        return Told(line, step, cause, tuple(relies))

    def _ending_of(self, reason: str) -> int | None:
        """The newest event beside the grant that ended grants for this reason; an incident that did, itself."""
        if reason in self._incidents:
            return self._incidents[reason]
        kinds = _BY_REASON.get(reason, ())
        return self._newest(
            lambda one: isinstance(one.event, kinds) or getattr(one.event, "reason", None) == reason
        )

    def _newest(self, fits: Callable[[Entry], bool]) -> int | None:
        return next((one.line.position for one in reversed(self._endings) if fits(one)), None)


def causes(entries: Iterable[Entry]) -> list[Told]:
    """The events in the order of the log, each with its cause."""
    return _Causes(entries).told()
