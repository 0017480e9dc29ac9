"""The rules of one grant, event by event."""

from collections.abc import Callable
from typing import Any, Final

from domain.event import tag_of
from domain.grant import events
from projections.monitor import reading, rules
from projections.monitor.grant_state import ANSWERED, GIVEN, REDEEMED, VOID, GrantState
from projections.monitor.rules import Breach
from projections.monitor.surroundings import ClientState, Surroundings, over_of

#: What may follow an event, in the same append and at most once each.
ACCESS: Final = 1
IDENTITY: Final = 2
REFRESH: Final = 4

_OFFLINE: Final = "offline_access"
_OPENID: Final = "openid"


class GrantCheck:
    """Holds the events of one grant against the rules. Without ``surroundings`` only the grant's own rules are checked:
    the rest was, when the events were new."""

    def __init__(self, stream: str, state: GrantState, issuer: str) -> None:
        self.stream = stream
        self.state = state
        self.found: list[Breach] = []
        self.surroundings: Surroundings | None = None
        self.tenant = stream.partition(":")[0]
        self._issuer = issuer

    def apply(self, type_: str, seen: Any, position: int) -> None:
        """Check one more event, and keep what it says. One that the check fails on must not stop the others (F19)."""
        if self.state.unreadable:
            return
        try:
            _CHECKS[type_](self, seen, position)
        except Exception as error:
            self.unreadable(position, type(error).__name__)

    def unreadable(self, position: int, kind: str) -> None:
        """An event that cannot be read. The server closes the whole stream; no more can be said of it."""
        self.state.unreadable = True
        self.found.append(Breach(rules.READABLE_EVENTS, self.stream, (position,), f"{position} {kind}"))

    def broke(self, rule: str, *positions: int) -> None:
        """The first breach of each rule of a grant is told."""
        if rule not in self.state.told:
            self.state.told = (*self.state.told, rule)
            self.found.append(Breach(rule, self.stream, tuple(one for one in positions if one)))

    # The request, the person, the agreement

    def requested(self, seen: reading.Requested, _position: int) -> None:
        state = self.state
        state.client_id, state.asked, state.resource = seen.client_id, seen.scope, seen.resource
        state.default_audience, state.generation = seen.default_audience, seen.client_generation
        state.constrained, state.expires_at = bool(seen.sender_constraints), seen.expires_at
        words = seen.response_type.split()
        state.at_once = (ACCESS if "token" in words else 0) | (IDENTITY if "id_token" in words else 0)

    def signed_in(self, seen: reading.SignedIn, _position: int) -> None:
        state = self.state
        state.subject, state.session_id, state.epoch = seen.subject, seen.session_id, seen.account_epoch

    def another_account(self, _seen: Any, _position: int) -> None:
        self.state.subject = self.state.session_id = None
        self.state.epoch = 0

    def consented(self, seen: reading.Consented, position: int) -> None:
        state = self.state
        if not set(seen.scope) <= set(state.asked):
            self.broke(rules.SCOPE_WITHIN_GRANT, position)
        state.scope, state.granted = seen.scope, position
        state.epoch = max(state.epoch, seen.account_epoch)

    def refused(self, _seen: Any, position: int) -> None:
        self.state.ended = self.state.ended or position

    def revoked(self, _seen: Any, position: int) -> None:
        self.state.ended, self.state.revoked = position, True

    # What leads to tokens

    def answered(self, _seen: Any, position: int) -> None:
        self._agreed(position)
        self._leads_to(self.state.at_once, position, present=True)
        self.state.code = ANSWERED

    def code_given(self, seen: reading.CodeGiven, position: int) -> None:
        self._agreed(position)
        self._leads_to(self.state.at_once, position, present=True)
        self.state.code, self.state.expires_at = GIVEN, seen.expires_at

    def redeemed(self, seen: reading.Redeemed, position: int) -> None:
        state = self.state
        if state.code == REDEEMED:
            self.broke(rules.ONE_REDEMPTION, state.redeemed, position)
        elif state.code != GIVEN or seen.redeemed_at >= state.expires_at:
            self.broke(rules.LIVE_CODE, state.granted, position)
        self._leads_to(ACCESS | IDENTITY | REFRESH, position, present=True)
        state.code, state.redeemed = REDEEMED, position

    def code_void(self, _seen: Any, _position: int) -> None:
        self.state.code = VOID

    def client_granted(self, seen: reading.ClientGranted, position: int) -> None:
        state = self.state
        state.client_id, state.of_client = seen.client_id, True
        state.scope, state.resource, state.granted = seen.scope, seen.audience, position
        self._leads_to(ACCESS, position)
        if self.surroundings is not None and not self._names(seen.audience, ()):
            self.broke(rules.AUDIENCE_WITHIN_GRANT, position)

    def rotated(self, seen: reading.Rotated, position: int) -> None:
        state = self.state
        follows = state.refresh and seen.generation == state.refresh + 1
        if not follows or seen.rotated_at >= state.expires_at:
            self.broke(rules.ONE_REFRESH_LINE, state.refreshed, position)
        self._leads_to(ACCESS | IDENTITY, position)
        state.refresh, state.expires_at = max(state.refresh, seen.generation), seen.expires_at
        state.grace_until, state.refreshed = seen.grace_until, position

    def used(self, seen: reading.Used, position: int) -> None:
        state = self.state
        if not state.refresh or seen.generation != state.refresh or seen.used_at >= state.expires_at:
            self.broke(rules.ONE_REFRESH_LINE, state.refreshed, position)
        self._leads_to(ACCESS | IDENTITY, position)

    def repeated(self, seen: reading.Repeated, position: int) -> None:
        state = self.state
        if seen.generation != state.refresh or seen.repeated_at >= state.grace_until:
            self.broke(rules.ONE_REFRESH_LINE, state.refreshed, position)
        self._leads_to(ACCESS | IDENTITY, position)

    # The tokens

    def access_given(self, seen: reading.AccessGiven, position: int) -> None:
        state = self.state
        self._follows(ACCESS, position)
        if not set(seen.scope) <= set(state.scope or ()):
            self.broke(rules.SCOPE_WITHIN_GRANT, state.granted, position)
        if (seen.client_id, seen.subject) != (state.client_id, state.subject):
            self.broke(rules.SAME_CLIENT_AND_PERSON, state.granted, position)
        if self.surroundings is not None and not self._names(seen.audience, state.resource):
            self.broke(rules.AUDIENCE_WITHIN_GRANT, state.granted, position)

    def identity_given(self, _seen: Any, position: int) -> None:
        self._follows(IDENTITY, position)

    def refresh_given(self, seen: reading.RefreshGiven, position: int) -> None:
        state = self.state
        self._follows(REFRESH, position)
        if state.refresh or seen.generation != 1:
            self.broke(rules.ONE_REFRESH_LINE, state.refreshed, position)
        state.refresh, state.expires_at, state.refreshed = seen.generation, seen.expires_at, position

    def nothing(self, _seen: Any, _position: int) -> None:
        """The event is only read: it says nothing that a rule speaks of."""

    # What they share

    def _agreed(self, position: int) -> None:
        state = self.state
        if state.subject is None or state.scope is None or state.code:
            self.broke(rules.LIVE_GRANT, position)

    def _leads_to(self, tokens: int, position: int, *, present: bool = False) -> None:
        """Something from which tokens follow. ``present``: the client must be as it was when it asked (A206)."""
        state = self.state
        if state.ended:
            rule = rules.NOTHING_AFTER_REVOCATION if state.revoked else rules.LIVE_GRANT
            self.broke(rule, state.ended, position)
        if self.surroundings is not None:
            self._live(self.surroundings, position, present=present)
        state.may, state.at = tokens, position

    def _follows(self, token: int, position: int) -> None:
        """A token follows from the event directly before it, in the same append."""
        state = self.state
        if state.may & token and position == state.at + 1:
            state.may &= ~token
        elif state.revoked:
            self.broke(rules.NOTHING_AFTER_REVOCATION, state.ended, position)
        else:
            self.broke(rules.LIVE_GRANT, position)
        state.at = position

    def _live(self, around: Surroundings, position: int, *, present: bool) -> None:
        state = self.state
        client = around.client(self.tenant, state.client_id)
        over = _end_of(client, state, present=present)
        if over is not None:
            self.broke(rules.LIVE_CLIENT, over, position)
        if state.subject is None:
            return
        session = around.session(self.tenant, state.session_id or "")
        if session is not None and session.over and _OFFLINE not in (state.scope or ()):
            self.broke(rules.LIVE_SESSION, session.over, position)
        account = around.account(self.tenant, state.subject)
        if account is not None:
            unbound = not state.constrained or client is None or client.is_public
            ended = over_of(account, state.client_id, state.epoch, unbound=unbound)
            if account.over or ended:
                self.broke(rules.LIVE_ACCOUNT, account.over or ended, position)

    def _names(self, audience: tuple[str, ...], granted: tuple[str, ...]) -> bool:
        """Whether the grant names each member of the audience; where it names none, the client's registration, or the
        resource server that takes any client (RFC 8707 §2.2). We are named with ``openid``, and where nobody is."""
        around = self.surroundings
        assert around is not None
        for uri in audience:
            if uri in granted or (uri == self._issuer and _OPENID in (self.state.scope or ())):
                continue
            if granted:
                return False
            client = around.client(self.tenant, self.state.client_id)
            if not (
                uri in (self._issuer, f"{self._issuer}/userinfo", self.state.default_audience)
                or (client is not None and uri in client.audiences)
                or around.takes_any_client(self.tenant, uri)
            ):
                return False
        return True


def _end_of(client: ClientState | None, state: GrantState, *, present: bool) -> int | None:
    """The position since which the client gets nothing from the grant, 0 when it was never registered; None: it may."""
    if client is None:
        return 0
    if client.over:
        return client.over
    if state.of_client:
        return None
    if state.generation < client.subjects_generation:
        return client.subjects_changed
    return client.changed if present and state.generation != client.generation else None


_TABLE: Final[tuple[tuple[type[Any], type[Any] | None, Callable[[GrantCheck, Any, int], None]], ...]] = (
    (events.AuthorizationRequested, reading.Requested, GrantCheck.requested),
    (events.SubjectAuthenticated, reading.SignedIn, GrantCheck.signed_in),
    (events.AnotherAccountRequested, reading.Nothing, GrantCheck.another_account),
    (events.ConsentGranted, reading.Consented, GrantCheck.consented),
    (events.AuthorizationRefused, reading.Nothing, GrantCheck.refused),
    (events.AuthorizationAnswered, reading.Nothing, GrantCheck.answered),
    (events.CodeIssued, reading.CodeGiven, GrantCheck.code_given),
    (events.CodeRedeemed, reading.Redeemed, GrantCheck.redeemed),
    (events.CodeVoided, reading.Nothing, GrantCheck.code_void),
    (events.ClientCredentialsGranted, reading.ClientGranted, GrantCheck.client_granted),
    (events.AccessTokenIssued, reading.AccessGiven, GrantCheck.access_given),
    (events.IdTokenIssued, reading.Nothing, GrantCheck.identity_given),
    (events.RefreshTokenIssued, reading.RefreshGiven, GrantCheck.refresh_given),
    (events.RefreshTokenRotated, reading.Rotated, GrantCheck.rotated),
    (events.RefreshTokenUsed, reading.Used, GrantCheck.used),
    (events.RefreshTokenRepeated, reading.Repeated, GrantCheck.repeated),
    (events.AccessTokenRevoked, reading.AccessRevoked, GrantCheck.nothing),
    (events.GrantRevoked, reading.Nothing, GrantCheck.revoked),
)
#: What is read of each type of event.
READS: Final = {tag_of(event): read for event, read, _ in _TABLE}
_CHECKS: Final = {tag_of(event): check for event, _, check in _TABLE}

#: Events that change nothing of a grant that is over: its state need not be found out for them.
CHANGES_NOTHING_OVER: Final = frozenset(
    tag_of(event)
    for event in (
        events.AuthorizationRefused,
        events.CodeVoided,
        events.AccessTokenRevoked,
        events.GrantRevoked,
    )
)
