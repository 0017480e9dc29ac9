"""The events of a browser session. They contain only a digest of the secret in its cookie."""

from domain.event import Event, registry


class SessionStarted(Event, frozen=True, tag="session.started.v1"):
    """A person signed in with this browser."""

    subject: str
    secret_hash: str
    auth_time: int
    acr: str
    amr: tuple[str, ...]
    expires_at: int


class SessionReauthenticated(Event, frozen=True, tag="session.reauthenticated.v1"):
    """The same person signed in again: the cookie has a new secret, the session keeps its id."""

    secret_hash: str
    auth_time: int
    acr: str
    amr: tuple[str, ...]
    expires_at: int


class SessionEnded(Event, frozen=True, tag="session.ended.v1"):
    """The session ended: ``logout``, ``replaced``, ``password_changed``, …"""

    reason: str
    ended_at: int


class BackChannelLogoutDelivered(Event, frozen=True, tag="session.backchannel_logout_delivered.v1"):
    """A client was notified of the end of the session and confirmed that it ended its own (Back-Channel Logout 1.0
    §2.8). ``token_id`` is the ``jti`` of the logout token, ``attempt`` the number of the attempt."""

    client_id: str
    token_id: str
    delivered_at: int
    attempt: int = 1


class BackChannelLogoutFailed(Event, frozen=True, tag="session.backchannel_logout_failed.v1"):
    """A client could not be notified of the end of the session, and no further attempt is made. ``reason`` is
    ``unreachable`` (the log lines say more), ``no_key`` (to sign or to encrypt with), or ``status_<number>``: the
    client's last response."""

    client_id: str
    token_id: str
    reason: str
    failed_at: int
    attempts: int


SESSION_EVENTS = registry(
    SessionStarted, SessionReauthenticated, SessionEnded, BackChannelLogoutDelivered, BackChannelLogoutFailed
)
