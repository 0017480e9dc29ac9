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


SESSION_EVENTS = registry(SessionStarted, SessionReauthenticated, SessionEnded)
