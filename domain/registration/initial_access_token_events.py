"""What can happen to an initial access token (RFC 7591 §1.2): who may register clients from outside, and how many."""

from domain.event import Event, registry


class InitialAccessTokenIssued(Event, frozen=True, tag="registration.token_issued.v1"):
    """An administrator gave out a token that lets ``uses`` clients in until ``expires_at``; SHA-256 of it is kept.

    ``scope``, ``grant_types`` and ``profile``: what those clients may have, where it is not what the settings say.
    """

    token_id: str
    token_hash: str
    uses: int
    issued_at: int
    expires_at: int
    scope: tuple[str, ...] = ()
    grant_types: tuple[str, ...] = ()
    profile: str = ""


class InitialAccessTokenUsed(Event, frozen=True, tag="registration.token_used.v1"):
    """A client was let in; its registration is in the same append."""

    client_id: str
    used_at: int


class InitialAccessTokenRevoked(Event, frozen=True, tag="registration.token_revoked.v1"):
    """It lets nobody in any more. Clients that it let in stay."""

    revoked_at: int


REGISTRATION_EVENTS = registry(InitialAccessTokenIssued, InitialAccessTokenUsed, InitialAccessTokenRevoked)
