"""What can happen to a browser session. Its id is the ``sid`` of ID tokens; its cookie's secret is only a digest."""

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
    """The same person signed in again: new cookie secret, same ``sid``."""

    secret_hash: str
    auth_time: int
    acr: str
    amr: tuple[str, ...]
    expires_at: int


class SessionEnded(Event, frozen=True, tag="session.ended.v1"):
    """The session is over: ``logout``, ``replaced``, ``password_changed``, …"""

    reason: str
    ended_at: int


class BackChannelLogoutDelivered(Event, frozen=True, tag="session.backchannel_logout_delivered.v1"):
    """A client was told of the end of the session and answered that it had ended its own (Back-Channel Logout 1.0
    §2.8). ``token_id`` is the ``jti`` of the logout token, ``attempt`` which attempt it was."""

    client_id: str
    token_id: str
    delivered_at: int
    attempt: int = 1


class BackChannelLogoutFailed(Event, frozen=True, tag="session.backchannel_logout_failed.v1"):
    """A client could not be told of the end of the session, and no further attempt is made. ``reason`` is
    ``unreachable`` (our own log says more), ``no_key`` (to sign or to encrypt with), or ``status_<number>``: what the
    client answered last."""

    client_id: str
    token_id: str
    reason: str
    failed_at: int
    attempts: int


SESSION_EVENTS = registry(
    SessionStarted, SessionReauthenticated, SessionEnded, BackChannelLogoutDelivered, BackChannelLogoutFailed
)
