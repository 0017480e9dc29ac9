"""Fetches from, and posts to, addresses that clients name: key sets, logos, logout (A112)."""

from pydantic import Field

from authrim.settings.kinds import Bytes, DestinationNames, Group, Seconds, TrustedAuthorities
from domain.units import DAY, HOUR


class Outside(Group):
    """Fetches from, and posts to, addresses that clients name: key sets, logos, logout (A112)."""

    egress_allow: DestinationNames = Field(
        default=(),
        description="Host names, addresses and networks (CIDR) that may be reached although they are not on "
        "the public internet, such as applications in an intranet. Without it, every private "
        "address is refused.",
    )
    egress_ca_file: TrustedAuthorities | None = Field(
        default=None,
        description="A PEM file of certificate authorities that are trusted for fetches, in addition to the "
        "system's.",
    )
    egress_timeout_seconds: Seconds = Field(
        default=5,
        ge=1,
        le=60,
        description="The timeout of one fetch, from the DNS look-up to the last byte.",
    )
    egress_max_bytes: Bytes = Field(
        default=262_144, ge=1024, le=10_485_760, description="The largest document that is fetched."
    )
    client_jwks_fresh_seconds: Seconds = Field(
        default=600,
        ge=60,
        le=DAY,
        description="How long a client's key set from its `jwks_uri` is used before it is fetched again. A "
        "key that the client has removed from it is accepted for as long.",
    )
    client_jwks_max_age_seconds: Seconds = Field(
        default=HOUR,
        ge=60,
        le=7 * DAY,
        description="How long the key set is used at most if the address cannot be reached.",
    )
    client_jwks_refetch_seconds: Seconds = Field(
        default=60,
        ge=60,
        le=HOUR,
        description="The minimum time between two fetches for one client, after an unknown `kid` or a failed "
        "fetch.",
    )
