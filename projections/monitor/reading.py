"""What the monitor reads of each event: the fields that a rule speaks of. Decoding no more than these costs a third.

A test compares names and types with the events in ``domain/``.
"""

from typing import Final

import msgspec

Names = tuple[str, ...]


class Requested(msgspec.Struct):
    """Of ``AuthorizationRequested``."""

    client_id: str
    scope: Names
    response_type: str
    expires_at: int
    resource: Names = ()
    client_generation: int = 0
    default_audience: str | None = None
    sender_constraints: Names = ()


class SignedIn(msgspec.Struct):
    """Of ``SubjectAuthenticated``."""

    subject: str
    session_id: str
    account_epoch: int = 0


class Consented(msgspec.Struct):
    """Of ``ConsentGranted``."""

    scope: Names
    account_epoch: int = 0


class CodeGiven(msgspec.Struct):
    """Of ``CodeIssued``."""

    expires_at: int


class Redeemed(msgspec.Struct):
    """Of ``CodeRedeemed``."""

    redeemed_at: int


class ClientGranted(msgspec.Struct):
    """Of ``ClientCredentialsGranted``."""

    client_id: str
    scope: Names
    audience: Names


class AccessGiven(msgspec.Struct):
    """Of ``AccessTokenIssued``."""

    client_id: str
    scope: Names
    audience: Names
    subject: str | None = None


class TokenGiven(msgspec.Struct):
    """Of ``AccessTokenIssued``: which one it is."""

    token_id: str


class AccessRevoked(msgspec.Struct):
    """Of ``AccessTokenRevoked``."""

    token_id: str


class RefreshGiven(msgspec.Struct):
    """Of ``RefreshTokenIssued``."""

    generation: int
    expires_at: int


class Rotated(msgspec.Struct):
    """Of ``RefreshTokenRotated``."""

    generation: int
    rotated_at: int
    expires_at: int
    grace_until: int


class Used(msgspec.Struct):
    """Of ``RefreshTokenUsed``."""

    generation: int
    used_at: int


class Repeated(msgspec.Struct):
    """Of ``RefreshTokenRepeated``."""

    generation: int
    repeated_at: int


class Metadata(msgspec.Struct):
    """Of ``ClientMetadata``."""

    token_endpoint_auth_method: str = "client_secret_basic"  # noqa: S105 - a name of RFC 7591
    audiences: Names = ()
    default_audience: str | None = None


class Registered(msgspec.Struct):
    """Of ``ClientRegistered``."""

    metadata: Metadata


class Updated(msgspec.Struct):
    """Of ``ClientUpdated``."""

    metadata: Metadata
    consents_void: bool = False
    subjects_changed: bool = False


class Settings(msgspec.Struct):
    """Of ``ResourceSettings``."""

    any_client: bool = False


class Resource(msgspec.Struct):
    """Of ``ResourceCreated`` and ``ResourceUpdated``."""

    settings: Settings


class PasswordChanged(msgspec.Struct):
    """Of ``PasswordSet``."""

    ends_grants: str | None = None


class ConsentTaken(msgspec.Struct):
    """Of ``ConsentWithdrawn``."""

    client_id: str
    ends_grants: bool = False


class GrantsOver(msgspec.Struct):
    """Of ``GrantsEnded``."""

    client_id: str | None = None


class Broken(msgspec.Struct):
    """Of ``RuleBroken``."""

    rule: str
    stream: str
    positions: tuple[int, ...]
    about: str = ""


class Nothing(msgspec.Struct):
    """An event of which only counts that it happened. It has to be readable, too."""


NOTHING: Final = Nothing()
