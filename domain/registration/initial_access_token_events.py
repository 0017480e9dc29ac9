"""The events of an initial access token (RFC 7591 §1.2), which allows its holder to register clients."""

from domain.event import Event, registry


class InitialAccessTokenIssued(Event, frozen=True, tag="registration.token_issued.v1"):
    """An administrator issued a token with which ``uses`` clients may register until ``expires_at``; its SHA-256 is
    stored.

    ``scope``, ``grant_types`` and ``profile`` are the limits of those clients, in place of the settings.
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
    """A client registered with the token; its registration is in the same append."""

    client_id: str
    used_at: int


class InitialAccessTokenRevoked(Event, frozen=True, tag="registration.token_revoked.v1"):
    """The token was revoked. Clients that registered with it stay."""

    revoked_at: int


REGISTRATION_EVENTS = registry(InitialAccessTokenIssued, InitialAccessTokenUsed, InitialAccessTokenRevoked)
