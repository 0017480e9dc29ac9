"""Addresses that clients name and the server fetches or posts to: key sets, logos, logout (A112)."""

from pydantic import BaseModel, Field

from authrim.settings.kinds import Bytes, DestinationNames, Seconds, TrustedAuthorities
from domain.units import DAY, HOUR


class Outside(BaseModel):
    """Addresses that clients name and the server fetches or posts to: key sets, logos, logout (A112)."""

    egress_allow: DestinationNames = Field(
        default=(),
        description="Host names, addresses and networks (CIDR) that may be reached although they are not of the "
        "public internet: an intranet's own applications. Everything private is refused without it.",
    )
    egress_ca_file: TrustedAuthorities | None = Field(
        default=None,
        description="A PEM file of certificate authorities that are trusted beside the system's when something is "
        "fetched.",
    )
    egress_timeout_seconds: Seconds = Field(
        default=5,
        ge=1,
        le=60,
        description="For one fetch as a whole, from the look-up of the name to the last byte.",
    )
    egress_max_bytes: Bytes = Field(
        default=262_144, ge=1024, le=10_485_760, description="The largest document that is fetched."
    )
    client_jwks_fresh_seconds: Seconds = Field(
        default=600,
        ge=60,
        le=DAY,
        description="How long a client's key set from its `jwks_uri` is used before it is fetched again. A key "
        "that the client has taken out of it is accepted for as long.",
    )
    client_jwks_max_age_seconds: Seconds = Field(
        default=HOUR,
        ge=60,
        le=7 * DAY,
        description="How long it is used at most, while the address is away.",
    )
    client_jwks_refetch_seconds: Seconds = Field(
        default=60,
        ge=60,
        le=HOUR,
        description="The least time between two fetches for one client because of an unknown `kid`, and after a "
        "fetch that failed.",
    )
