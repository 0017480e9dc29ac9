"""Which key an access token is bound to, and whether a request proved to hold a key that is demanded
(RFC 9449 §5, §10, RFC 8705 §3, §4)."""

from domain.client.client import Client
from domain.errors import Refusal, invalid_dpop_proof, invalid_request
from domain.vocabulary.confirmation import UNBOUND, Confirmation
from domain.vocabulary.features import DPOP, MTLS


def binding_of(client: Client, proof: Confirmation, of_grant: tuple[str, ...] = ()) -> Confirmation | Refusal:
    """What the client's access token gets bound to, of what its request proved to hold. ``of_grant``: what was demanded
    when the grant was asked for, which a client that is held to less since then does not escape.

    A DPoP proof binds whenever it is sent. A certificate binds where certificates are demanded, and where either
    way will do and no DPoP proof was sent: a TLS connection may have one for other reasons (RFC 8705 §3.4).
    """
    proved = _ways(proof)
    demanded = (*client.sender_constraints, *(frozenset(ways.split()) for ways in of_grant))
    for ways in demanded:
        if ways.isdisjoint(proved):
            return _missing(ways)
    by_certificate = any(ways == {MTLS} or (MTLS in ways and DPOP not in proved) for ways in demanded)
    return Confirmation(proof.jkt, proof.x5t_s256 if by_certificate else None)


def refresh_binding_of(client: Client, binding: Confirmation) -> Confirmation:
    """What the client's refresh token gets bound to: those of a confidential client are bound to its authentication,
    so that it may change its keys (RFC 9449 §5, RFC 8705 §4, decisions.md 5)."""
    return binding if client.is_public else UNBOUND


def is_kept_bound(client: Client, bound: bool) -> bool:
    """Whether a thief of the client's tokens has nothing: they are bound to a key, and the client can keep one."""
    return bound and not client.is_public


def code_key(dpop_jkt: str | None, proof: Confirmation) -> str | Refusal | None:
    """The key that the code of a pushed request gets bound to: that of its ``dpop_jkt``, that of its DPoP proof, or
    none; the two may not differ (RFC 9449 §10.1)."""
    if dpop_jkt is not None and proof.jkt is not None and dpop_jkt != proof.jkt:
        return MISMATCHED
    return dpop_jkt or proof.jkt


def wrong_key(demanded: Confirmation, proof: Confirmation) -> Refusal | None:
    """Why a code or a refresh token that is bound to ``demanded`` may not be used with ``proof``: another key is
    ``invalid_grant``, no proof at all is told apart, because it says nothing of who sent it (A108, A110, A095)."""
    if demanded.is_proved_by(proof):
        return None
    if demanded.jkt is not None and proof.jkt is None:
        return PROOF_MISSING
    if demanded.x5t_s256 is not None and proof.x5t_s256 is None:
        return CERTIFICATE_MISSING
    return WRONG_KEY


def _ways(proof: Confirmation) -> frozenset[str]:
    proved = ((DPOP, proof.jkt), (MTLS, proof.x5t_s256))
    return frozenset(way for way, thumbprint in proved if thumbprint is not None)


def _missing(ways: frozenset[str]) -> Refusal:
    if ways == {DPOP, MTLS}:
        return EITHER_MISSING
    return PROOF_MISSING if DPOP in ways else CERTIFICATE_MISSING


MISMATCHED = invalid_dpop_proof(
    "The dpop_jkt is not the key of the DPoP proof.", reason="dpop_jkt_mismatch", hint="Leave dpop_jkt out."
)
PROOF_MISSING = invalid_dpop_proof(
    "The request must prove a key.", reason="dpop_proof_missing", hint="Send a DPoP proof in the header DPoP."
)
CERTIFICATE_MISSING = invalid_request(
    "The request must be made with a client certificate.",
    hint="Call the endpoint of mtls_endpoint_aliases with the certificate.",
    section="RFC 8705 §3",
)


class WrongKey(Refusal, frozen=True, kw_only=True):
    """Another key was proved than the one that it is bound to: whoever asks is not who it was given to."""


WRONG_INSTANCE = WrongKey(
    "invalid_grant",
    "It belongs to another instance of the client.",
    reason="wrong_instance",
    hint="Use the instance's own.",
    section="draft-ietf-oauth-attestation-based-client-auth-10 §10.3",
)
#: FAPI 2 leaves the way to the client: what it forgot is not known.
EITHER_MISSING = invalid_request(
    "The request must prove a key.",
    hint="Send a DPoP proof in the header DPoP, or call the endpoint of mtls_endpoint_aliases with a certificate.",
    section="FAPI 2.0 Security Profile §5.3.2.1",
)
WRONG_KEY = WrongKey(
    "invalid_grant",
    "It is bound to another key.",
    reason="wrong_key",
    hint="Prove the key that it was asked for with.",
    section="RFC 9449 §10",
)
