"""The lifetimes of codes and tokens, and how many are issued."""

from pathlib import Path

from pydantic import Field

from authrim.settings.kinds import Count, DpopNonce, Group, Seconds
from domain.units import DAY, YEAR


class Tokens(Group):
    """The lifetimes of codes and tokens."""

    token_requests_per_minute: Count = Field(
        default=0,
        ge=0,
        le=10_000_000,
        description="How many requests one authenticated client may send to the token endpoint per minute, to all "
        "processes together. Further ones get 429. Requests of public clients are counted by address (IPv6: one /64; "
        "four times as many from a /56, sixteen times from a /48). 0: there is no limit.",
    )
    code_lifetime: Seconds = Field(
        default=60, ge=5, le=60, description="The lifetime of an authorization code."
    )
    access_token_lifetime: Seconds = Field(
        default=600,
        ge=30,
        le=DAY,
        description="The lifetime of an access token. A resource server that verifies a JWT itself does not "
        "notice a revocation; this is the longest time that it continues to accept the token.",
    )
    id_token_lifetime: Seconds = Field(default=600, ge=30, le=DAY, description="The lifetime of an ID token.")
    refresh_token_lifetime: Seconds = Field(
        default=2_592_000,
        ge=60,
        le=YEAR,
        description="The lifetime of an unused refresh token. Each use starts it again.",
    )
    refresh_grace_seconds: Seconds = Field(
        default=10,
        ge=0,
        le=60,
        description="How long a refresh token that was just used still returns the same successor, for a "
        "client that missed the response. 0: every reuse counts as theft.",
    )
    refresh_grace_count: Count = Field(
        default=64,
        ge=1,
        le=1024,
        description="How often a used refresh token may return its successor within that time.",
    )
    client_attesters: Path | None = Field(
        default=None,
        description="A JSON file of the trusted attesters of client instances, each with its key set: "
        '`{"https://attester.example": {"keys": [...]}}`, or one JWK Set in which each key is an '
        "attester named by its `kid`. A client names its attesters, unless there is only one. "
        "Without the file no attester is trusted. For the feature `client_attestation`.",
    )
    dpop_nonce: DpopNonce = Field(
        default="off",
        description="Which clients must use a nonce from this server in their DPoP proofs (RFC 9449 §8), so "
        "that no proof can be made in advance: none (`off`), those with a FAPI 2 profile "
        "(`profile`), or all (`required`). A client whose nonce is too old needs one more "
        "request.",
    )
