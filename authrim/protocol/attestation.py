"""draft-ietf-oauth-attestation-based-client-auth-10: an attester vouches for a key of one instance of a client, and the
instance proves that it holds the key, with a challenge of this server.
"""

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any, Final

import msgspec

from authrim.crypto import strict_json
from authrim.crypto.algorithms import algorithms_for
from authrim.crypto.ids import digest
from authrim.crypto.jwk import JwkRefused, public_key_of, thumbprint
from authrim.crypto.jws import JwsRefused, KeyFinder, VerificationKey, verify
from authrim.crypto.strict_json import JsonRefused
from authrim.protocol.nonce import ACCEPTED_SECONDS
from authrim.protocol.single_use import SingleUseValue
from domain.errors import Refusal, invalid_client
from domain.vocabulary.numeric_date import is_between

#: What attestations and proofs may be signed with: asymmetric, though §4 would let an attester share a secret with us.
ALGORITHMS: Final = ("ES256", "PS256", "EdDSA", "Ed25519")
#: Clocks may differ by this many seconds.
SKEW: Final = 15
MAX_JTI: Final = 255
MAX_LENGTH: Final = 16384

_ATTESTATION: Final[frozenset[str | None]] = frozenset({"oauth-client-attestation+jwt"})
_PROOF: Final[frozenset[str | None]] = frozenset({"oauth-client-attestation-pop+jwt"})
_ACCEPTED: Final = frozenset(ALGORITHMS)


class InstanceKey(msgspec.Struct, frozen=True):
    """The key of the instance that an attestation vouches for, and its thumbprint."""

    key: VerificationKey
    jkt: str


class InstanceProof(msgspec.Struct, frozen=True):
    """A valid proof: its challenge, and its ``jti``, which is not reserved yet."""

    challenge: str
    once: SingleUseValue


def instance_key(attestation: str, attesters: KeyFinder, client_id: str, now: int) -> InstanceKey | Refusal:
    """Return the key that a trusted attester vouches for (§4, §7.1), or ``invalid_client``."""
    try:
        claims = _claims(attestation, attesters, _ATTESTATION)
        if claims.get("sub") != client_id:
            return _refused("attestation_sub")
        if not is_between(claims.get("exp"), now - SKEW + 1, inf):
            return _refused("attestation_exp")
        if any(name in claims and not is_between(claims[name], 0, now + SKEW) for name in ("iat", "nbf")):
            return _refused("attestation_iat")
        confirmation = claims.get("cnf")
        jwk = confirmation.get("jwk") if isinstance(confirmation, dict) else None
        if not isinstance(jwk, dict):
            return _refused("attestation_cnf")
        public = public_key_of(jwk)
        jkt = thumbprint(jwk)
        return InstanceKey(VerificationKey(jkt, public, algorithms_for(public)), jkt)
    except (JwsRefused, JwkRefused) as refused:
        return _refused(f"attestation_{refused.code}")
    except JsonRefused:
        return _refused("attestation_not_json")


def check_proof(
    tenant: str,
    proofs: Sequence[str],
    instance: InstanceKey,
    issuer: str,
    challenges: frozenset[str],
    now: int,
) -> InstanceProof | Refusal:
    """Verify the instance's one proof (§5.1, §7.2), or return ``invalid_client`` / ``use_attestation_challenge``."""
    if len(proofs) != 1:
        return _refused("attestation_pop_missing" if not proofs else "attestation_pop_twice")
    try:
        claims = _claims(proofs[0], lambda _header: instance.key, _PROOF)
    except JwsRefused as refused:
        return _refused(f"attestation_pop_{refused.code}")
    except JsonRefused:
        return _refused("attestation_pop_not_json")
    if claims.get("aud") != issuer:
        return _refused("attestation_pop_aud")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= MAX_JTI:
        return _refused("attestation_pop_jti")
    if not is_between(claims.get("iat"), now - ACCEPTED_SECONDS, now + SKEW):
        return _refused("attestation_pop_iat")
    challenge = claims.get("challenge")
    if not isinstance(challenge, str) or challenge not in challenges:
        return USE_CHALLENGE
    key = f"attestation:{tenant}:{instance.jkt}:{digest(jti)}"
    return InstanceProof(
        challenge, SingleUseValue(key, now + 2 * ACCEPTED_SECONDS, _refused("attestation_pop_reused"))
    )


def _claims(token: str, keys: KeyFinder, typ: frozenset[str | None]) -> Mapping[str, Any]:
    """The claims of a token whose signature is valid. Raises JwsRefused and JsonRefused."""
    if len(token) > MAX_LENGTH:
        raise JwsRefused("too_large")
    claims = strict_json.loads(verify(token, keys, algorithms=_ACCEPTED, typ=typ).payload)
    if not isinstance(claims, dict):
        raise JwsRefused("payload_not_object")
    return claims


def _refused(reason: str) -> Refusal:
    return invalid_client(
        "The client attestation or its proof is not acceptable.",
        reason=reason,
        hint="Check typ, alg, key, sub, exp and cnf of the one, aud, iat, jti and challenge of the other.",
    )


USE_CHALLENGE: Final = Refusal(
    "use_attestation_challenge",
    "The proof of the client attestation has no fresh challenge of this server.",
    hint="Send the value of the header OAuth-Client-Attestation-Challenge as challenge.",
    section="draft-ietf-oauth-attestation-based-client-auth-10 §6.2",
    reason="attestation_challenge",
)
