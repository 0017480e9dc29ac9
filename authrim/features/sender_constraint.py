"""Keys of clients: tokens that are bound to them, and attested client instances."""

from typing import Final

from authrim.clients.authentication import challenge_endpoint as challenge
from authrim.features.feature import Feature, Route
from authrim.protocol import attestation
from authrim.protocol.dpop import ALGORITHMS
from authrim.web.overload import Urgency
from domain.vocabulary.features import CLIENT_ATTESTATION, DPOP

SENDER_CONSTRAINT: Final[tuple[Feature, ...]] = (
    Feature(
        DPOP,
        "RFC 9449",
        metadata=lambda _core: {"dpop_signing_alg_values_supported": list(ALGORITHMS)},
        optional=True,
    ),
    Feature(
        CLIENT_ATTESTATION,
        "OAuth 2.0 Attestation-Based Client Authentication",
        (Route("POST", "/challenge", challenge.challenge, "challenge"),),
        lambda core: {
            "challenge_endpoint": core.url("/challenge"),
            "client_attestation_signing_alg_values_supported": list(attestation.ALGORITHMS),
            "client_attestation_pop_signing_alg_values_supported": list(attestation.ALGORITHMS),
        },
        status="draft-ietf-oauth-attestation-based-client-auth-10",
        urgency=Urgency.TOKEN,
    ),
)
