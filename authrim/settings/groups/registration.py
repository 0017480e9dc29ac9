"""Clients that register themselves (RFC 7591), and what they may have."""

from pathlib import Path

from pydantic import Field

from authrim.settings.kinds import Count, Group, Names, ProfileName, RegistrationMode, Scopes, Seconds
from domain.units import DAY, HOUR


class Registration(Group):
    """Clients that register themselves (RFC 7591), and what they may have."""

    registration: RegistrationMode = Field(
        default="initial_access_token",
        description="Who may register a client at `/register`: `off` nobody, `initial_access_token` whoever was given "
        "one (`authrim registration token create`), `open` anybody who can reach the server.",
    )
    registration_scope: Scopes = Field(
        default=("openid", "profile", "email", "address", "phone", "offline_access"),
        description="The scope values that such a client may request. An initial access token can override "
        "this.",
    )
    registration_grant_types: Names = Field(
        default=("authorization_code", "implicit", "refresh_token"),
        description="The grant types that such a client may use. An initial access token can override this.",
    )
    registration_profile: ProfileName = Field(
        default="oidc",
        description="The profile that such a client must meet. An initial access token can override this.",
    )
    registrations_per_minute: Count = Field(
        default=10,
        ge=1,
        le=100_000,
        description="How many clients may register per minute from one address (IPv6: one /64; four times as many from "
        "a /56, sixteen times as many from a /48); further ones get 429.",
    )
    registrations_per_hour: Count = Field(
        default=1000,
        ge=1,
        le=10_000_000,
        description="How many clients may register per hour in total; further ones get 429. One address may "
        "use a tenth of them, or 10 if that is more; an IPv6 /56 twice as many, a /48 four times as many. "
        "Holders of an initial access token have a separate limit of the same size.",
    )
    registration_updates_per_minute: Count = Field(
        default=10,
        ge=1,
        le=10_000,
        description="How often one client may change its registration per minute; further changes get 429. "
        "Every server process has to read each change.",
    )
    registration_secret_lifetime: Seconds = Field(
        default=0,
        ge=0,
        le=316_224_000,
        description="How long the secret of such a client is valid. An update in the second half of that time"
        " gives the client a new one. 0: forever.",
    )
    client_metadata_document_cache_seconds: Seconds = Field(
        default=HOUR,
        ge=1,
        le=DAY,
        description="How long a client's metadata document is used before it is fetched again.",
    )
    software_statement_issuers: Path | None = Field(
        default=None,
        description="A JSON file of the trusted issuers of software statements, each with its key set: "
        '`{"https://federation.example": {"keys": [...]}}`. Read at startup.',
    )
    software_statement_required: bool = Field(
        default=False, description="Whether a client that registers itself must present a software statement."
    )
    registration_token_rotation: bool = Field(
        default=True,
        description="Whether each update of a registration returns a new registration access token. A client "
        "that misses the response then needs the help of an administrator.",
    )
