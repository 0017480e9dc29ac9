"""How long what is handed out is good for."""

from pathlib import Path

from pydantic import BaseModel, Field

from authrim.settings.kinds import Count, DpopNonce, Seconds
from domain.units import DAY, YEAR


class Tokens(BaseModel):
    """How long what is handed out is good for."""

    code_lifetime: Seconds = Field(
        default=60, ge=5, le=60, description="An authorization code, from its issue to its redemption."
    )
    access_token_lifetime: Seconds = Field(
        default=600,
        ge=30,
        le=DAY,
        description="An access token. A resource server that checks a JWT by itself does not hear of a "
        "revocation: this is the longest that it goes on accepting the token.",
    )
    id_token_lifetime: Seconds = Field(default=600, ge=30, le=DAY, description="An ID token.")
    refresh_token_lifetime: Seconds = Field(
        default=2_592_000,
        ge=60,
        le=YEAR,
        description="A refresh token that is not used. Each use begins anew.",
    )
    refresh_grace_seconds: Seconds = Field(
        default=10,
        ge=0,
        le=60,
        description="How long a refresh token that was just used still answers, with the same successor, for "
        "a client that lost the answer. 0 takes any second use for theft.",
    )
    refresh_grace_count: Count = Field(
        default=64, ge=1, le=1024, description="How often it may answer so within that time."
    )
    client_attesters: Path | None = Field(
        default=None,
        description="A JSON file of the attesters that are trusted to vouch for instances of clients, each with its "
        'key set: `{"https://attester.example": {"keys": [...]}}`, or one JWK Set whose keys are attesters '
        "called by their `kid`. A client names its attesters; only where there is one alone it need not. "
        "Without the file nobody is trusted. For the feature `client_attestation`.",
    )
    dpop_nonce: DpopNonce = Field(
        default="off",
        description="Whose DPoP proofs must hold a nonce of this server (RFC 9449 §8), so that none can be made in "
        "advance: nobody's (`off`), those of clients whose profile is FAPI 2 (`profile`), or everybody's (`required`). "
        "It costs a client one more request when its nonce has become too old.",
    )
