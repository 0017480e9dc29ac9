"""The key that an access token is bound to, and whether a request proved possession of a required key (RFC 9449 §5,
§10, RFC 8705 §3, §4)."""

from domain.client.client import Client
from domain.errors import Refusal, invalid_dpop_proof, invalid_request
from domain.vocabulary.confirmation import UNBOUND, Confirmation
from domain.vocabulary.features import DPOP, MTLS


def binding_of(client: Client, proof: Confirmation, of_grant: tuple[str, ...] = ()) -> Confirmation | Refusal:
    """The keys that the client's access token is bound to, out of those that its request proved. ``of_grant`` are the
    requirements at the time of the authorization request; they apply even if the client's own requirements have been
    relaxed since.

    A DPoP proof always binds the token. A certificate binds it if certificates are required, or if either is accepted
    and there is no DPoP proof: a TLS connection may have a certificate for other reasons (RFC 8705 §3.4).
    """
    proved = _ways(proof)
    demanded = (*client.sender_constraints, *(frozenset(ways.split()) for ways in of_grant))
    for ways in demanded:
        if ways.isdisjoint(proved):
            return _missing(ways)
    by_certificate = any(ways == {MTLS} or (MTLS in ways and DPOP not in proved) for ways in demanded)
    return Confirmation(proof.jkt, proof.x5t_s256 if by_certificate else None)


def refresh_binding_of(client: Client, binding: Confirmation) -> Confirmation:
    """The key that the client's refresh token is bound to. Those of confidential clients are bound to the client's
    authentication instead, so the client may change its keys (RFC 9449 §5, RFC 8705 §4, decisions.md 5)."""
    return binding if client.is_public else UNBOUND


def is_kept_bound(client: Client, bound: bool) -> bool:
    """Whether stolen tokens of the client are useless: they are bound to a key, and the client can keep one."""
    return bound and not client.is_public


def code_key(dpop_jkt: str | None, proof: Confirmation) -> str | Refusal | None:
    """The key that the code of a pushed request is bound to: that of ``dpop_jkt`` or of the DPoP proof, which must not
    differ (RFC 9449 §10.1), or none."""
    if dpop_jkt is not None and proof.jkt is not None and dpop_jkt != proof.jkt:
        return MISMATCHED
    return dpop_jkt or proof.jkt


def wrong_key(demanded: Confirmation, proof: Confirmation) -> Refusal | None:
    """Why a code or refresh token that is bound to ``demanded`` cannot be used with ``proof``. Another key is
    ``invalid_grant``. A missing proof is a different refusal, because it says nothing about the sender (A108, A110,
    A095)."""
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
    "The request must prove possession of a key.",
    reason="dpop_proof_missing",
    hint="Send a DPoP proof in the header DPoP.",
)
CERTIFICATE_MISSING = invalid_request(
    "The request must be made with a client certificate.",
    hint="Call the endpoint of mtls_endpoint_aliases with the certificate.",
    section="RFC 8705 §3",
)


class WrongKey(Refusal, frozen=True, kw_only=True):
    """The request proved another key than the one that the code or token is bound to, so it is not from its owner."""


WRONG_INSTANCE = WrongKey(
    "invalid_grant",
    "The code or token belongs to another instance of the client.",
    reason="wrong_instance",
    hint="Use one that was issued to this instance.",
    section="draft-ietf-oauth-attestation-based-client-auth-10 §10.3",
)
#: FAPI 2 lets the client choose between the two, so it is not known which one it forgot.
EITHER_MISSING = invalid_request(
    "The request must prove possession of a key.",
    hint="Send a DPoP proof in the header DPoP, or call the endpoint of mtls_endpoint_aliases with a certificate.",
    section="FAPI 2.0 Security Profile §5.3.2.1",
)
WRONG_KEY = WrongKey(
    "invalid_grant",
    "The code or token is bound to another key.",
    reason="wrong_key",
    hint="Use the key of the original request.",
    section="RFC 9449 §10",
)
