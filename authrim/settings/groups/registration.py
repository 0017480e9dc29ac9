"""Clients that register themselves (RFC 7591), and what they may have."""

from pathlib import Path

from pydantic import BaseModel, Field

from authrim.settings.kinds import Count, Names, ProfileName, RegistrationMode, Scopes, Seconds
from domain.units import DAY, HOUR


class Registration(BaseModel):
    """Clients that register themselves (RFC 7591), and what they may have."""

    registration: RegistrationMode = Field(
        default="initial_access_token",
        description="Who may register a client at `/register`: `off` nobody, `initial_access_token` whoever was given "
        "one (`authrim registration token create`), `open` anybody who can reach the server.",
    )
    registration_scope: Scopes = Field(
        default=("openid", "profile", "email", "address", "phone", "offline_access"),
        description="The scope values that such a client may ask for. An initial access token may say otherwise.",
    )
    registration_grant_types: Names = Field(
        default=("authorization_code", "implicit", "refresh_token"),
        description="The grant types that such a client may use. An initial access token may say otherwise.",
    )
    registration_profile: ProfileName = Field(
        default="oidc",
        description="The rules that such a client is held to. An initial access token may say otherwise.",
    )
    registrations_per_minute: Count = Field(
        default=10, ge=1, le=100_000, description="Registrations from one address in a minute; more get 429."
    )
    registrations_per_hour: Count = Field(
        default=1000,
        ge=1,
        le=10_000_000,
        description="Registrations from everywhere in an hour; more get 429. One address has a tenth of them, or 10 "
        "where that is more; holders of an initial access token have an hour of the same size of their own.",
    )
    registration_updates_per_minute: Count = Field(
        default=10,
        ge=1,
        le=10_000,
        description="How often one client may change its registration in a minute. Each change is learned by every "
        "server process; more get 429.",
    )
    registration_secret_lifetime: Seconds = Field(
        default=0,
        ge=0,
        le=316_224_000,
        description="How long the secret of such a client is good. An update in the second half of that time gives "
        "it a new one. 0: for ever.",
    )
    client_metadata_document_cache_seconds: Seconds = Field(
        default=HOUR,
        ge=1,
        le=DAY,
        description="How long the metadata document of a client that has one is good before it is fetched again.",
    )
    software_statement_issuers: Path | None = Field(
        default=None,
        description="A JSON file of the issuers whose software statements are believed, each with its key set: "
        '`{"https://federation.example": {"keys": [...]}}`. Read at the start.',
    )
    software_statement_required: bool = Field(
        default=False, description="Whether a client that registers itself must show a software statement."
    )
    registration_token_rotation: bool = Field(
        default=True,
        description="Whether each update of a registration gives out a new registration access token. A client that "
        "loses the answer needs the administrator then.",
    )
