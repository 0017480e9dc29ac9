"""A browser session: who signed in, when and how. Its id is the ``sid`` of ID tokens, except for pairwise clients."""

from typing import Final

import msgspec

from domain.event import Event, folding
from domain.liveness import ACTIVE
from domain.person.session_events import (
    BackChannelLogoutDelivered,
    BackChannelLogoutFailed,
    SessionEnded,
    SessionReauthenticated,
    SessionStarted,
)

ENDED = "ended"
EXPIRED = "expired"


class Session(msgspec.Struct, frozen=True, omit_defaults=True):
    """The state of a session. Times are in seconds since 1970. ``notified``: the clients that were notified of its end,
    or for which that failed finally; ``unreached``: those of them for which it failed."""

    subject: str = ""
    secret_hash: str = ""
    auth_time: int = 0
    acr: str = ""
    amr: tuple[str, ...] = ()
    expires_at: int = 0
    status: str = ""
    notified: tuple[str, ...] = ()
    unreached: tuple[str, ...] = ()

    def is_live(self, now: int) -> bool:
        """Whether the person still counts as signed in."""
        return self.status == ACTIVE and now < self.expires_at


NO_SESSION = Session()


class Authentication(msgspec.Struct, frozen=True):
    """A person has just authenticated. ``secret_hash`` is the digest of the new cookie's secret."""

    subject: str
    secret_hash: str
    acr: str
    amr: tuple[str, ...]


def apply(session: Session, event: Event) -> Session:
    """The session after one more event."""
    match event:
        case SessionStarted():
            return Session(
                event.subject,
                event.secret_hash,
                event.auth_time,
                event.acr,
                event.amr,
                event.expires_at,
                ACTIVE,
            )
        case SessionReauthenticated():
            return msgspec.structs.replace(
                session,
                secret_hash=event.secret_hash,
                auth_time=event.auth_time,
                acr=event.acr,
                amr=event.amr,
                expires_at=event.expires_at,
            )
        case SessionEnded():
            return msgspec.structs.replace(session, status=ENDED)
        case BackChannelLogoutDelivered():
            unreached = tuple(client for client in session.unreached if client != event.client_id)
            return msgspec.structs.replace(
                session, notified=_with(session.notified, event.client_id), unreached=unreached
            )
        case BackChannelLogoutFailed():
            return msgspec.structs.replace(
                session,
                notified=_with(session.notified, event.client_id),
                unreached=_with(session.unreached, event.client_id),
            )
        case _:
            return session


def _with(clients: tuple[str, ...], client: str) -> tuple[str, ...]:
    return clients if client in clients else (*clients, client)


#: The session after some events.
fold: Final = folding(apply, NO_SESSION)


def status_at(session: Session, now: int) -> str:
    """``active``, ``ended`` or ``expired``; empty when there is no such session."""
    return EXPIRED if session.status == ACTIVE and not session.is_live(now) else session.status


def continues(session: Session, signed_in: Authentication, now: int) -> bool:
    """Whether a sign-in renews this session (same person, same ``sid``) instead of starting another."""
    return session.is_live(now) and session.subject == signed_in.subject


def decide_sign_in(session: Session, signed_in: Authentication, now: int, lifetime: int) -> tuple[Event, ...]:
    """Start the session, or renew it with a new cookie secret, so a cookie from before the sign-in is useless
    (A181)."""
    expires_at = now + lifetime
    if continues(session, signed_in, now):
        return (SessionReauthenticated(signed_in.secret_hash, now, signed_in.acr, signed_in.amr, expires_at),)
    return (
        SessionStarted(
            signed_in.subject, signed_in.secret_hash, now, signed_in.acr, signed_in.amr, expires_at
        ),
    )


def decide_end(session: Session, reason: str, now: int) -> tuple[Event, ...]:
    """End the session; ending it again appends nothing."""
    if session.status != ACTIVE:
        return ()
    return (SessionEnded(reason=reason, ended_at=now),)


def decide_notified(
    session: Session, outcome: BackChannelLogoutDelivered | BackChannelLogoutFailed
) -> tuple[Event, ...]:
    """Record the result of notifying a client, once: two nodes may both have notified it (F22). One that could not be
    notified may be so later, when an operator retries it."""
    client = outcome.client_id
    told_at_last = isinstance(outcome, BackChannelLogoutDelivered) and client in session.unreached
    return (outcome,) if told_at_last or client not in session.notified else ()
