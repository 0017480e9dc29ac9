"""RFC 9449: a request proves with a signed JWT that its sender holds a key, and tokens are bound to that key.

The checks are those of §4.3, in its order where one depends on another. The ``jti`` of a valid proof is not reserved
here (decisions.md 17): the caller does that, after all other checks of the request.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from authrim.crypto import strict_json
from authrim.crypto.algorithms import algorithms_for
from authrim.crypto.ids import digest
from authrim.crypto.jwk import PRIVATE_MEMBERS, REQUIRED_MEMBERS, JwkRefused, public_key_of, thumbprint
from authrim.crypto.jws import JwsRefused, VerificationKey, verify
from authrim.crypto.strict_json import JsonRefused
from authrim.memory.lru_cache import LruCache
from authrim.protocol._own_url import is_one_of
from authrim.protocol.single_use import SingleUseValue
from domain.errors import Refusal, invalid_dpop_proof
from domain.vocabulary.numeric_date import is_between

#: What a proof may be signed with: asymmetric (§4.3), and strong enough for FAPI 2 (Security Profile §5.4.1).
ALGORITHMS: Final = ("ES256", "PS256", "EdDSA", "Ed25519")
#: How old a proof may be, and how far its sender's clock may be ahead, in seconds. The official suite wants 10 both
#: ways accepted and an hour refused.
OLDEST: Final = 60
AHEAD: Final = 15
#: How long a ``jti`` is remembered: longer than any proof that holds now can go on holding (A104).
REMEMBERED: Final = OLDEST + AHEAD + AHEAD
MAX_PROOF: Final = 8192
MAX_JTI: Final = 255

_TYPES: Final = frozenset({"dpop+jwt"})
_ACCEPTED: Final = frozenset(ALGORITHMS)
_KEYS_REMEMBERED: Final = 10_000


class ProofFacts(msgspec.Struct, frozen=True):
    """What a proof is checked against. ``urls`` are all URLs of the called endpoint. The proof must contain
    one of ``nonces``; None when it needs no nonce. ``access_token`` is the request's token, at a resource (§7.1)."""

    now: int
    method: str
    urls: tuple[str, ...]
    nonces: frozenset[str] | None = None
    access_token: str | None = None


class Proof(msgspec.Struct, frozen=True):
    """A valid proof: the thumbprint of its key, its nonce, and its ``jti``, which is not reserved yet."""

    jkt: str
    nonce: str | None
    once: SingleUseValue


class ProofKey(NamedTuple):
    """A key that proofs were made with, read once: ``members`` are those of the JWK that make its thumbprint."""

    members: tuple[object, ...]
    key: VerificationKey
    jkt: str


def check(tenant: str, proofs: Sequence[str], facts: ProofFacts) -> Proof | Refusal:
    """Verify the request's one ``DPoP`` header, or return ``invalid_dpop_proof`` / ``use_dpop_nonce``."""
    if len(proofs) != 1 or len(proofs[0]) > MAX_PROOF:
        return _refused("more_than_one" if len(proofs) > 1 else "too_large")
    used: list[ProofKey] = []

    def key_of(header: Mapping[str, Any]) -> VerificationKey:
        used.append(_proof_key(header))
        return used[0].key

    try:
        verified = verify(proofs[0], key_of, algorithms=_ACCEPTED, typ=_TYPES)
        claims = strict_json.loads(verified.payload)
    except (JwsRefused, JwkRefused) as refused:
        return _refused(refused.code)
    except JsonRefused:
        return _refused("not_json")
    _remember(used[0])
    if not isinstance(claims, dict):
        return _refused("not_object")
    wrong = _wrong_claim(claims, facts)
    if wrong:
        return _refused(wrong)
    nonce = claims.get("nonce")
    if not isinstance(nonce, str):
        nonce = None
    if facts.nonces is not None and nonce not in facts.nonces:
        return USE_NONCE
    jkt = used[0].jkt
    once = SingleUseValue(f"dpop:{tenant}:{jkt}:{digest(claims['jti'])}", facts.now + REMEMBERED, REUSED)
    return Proof(jkt, nonce, once)


def _wrong_claim(claims: Mapping[str, Any], facts: ProofFacts) -> str:
    """Why the claims are not valid (§4.2, §4.3), as a word for the log; empty when they are.

    ``nbf`` and ``exp`` make a proof live neither shorter nor longer: freshness is ``iat``, and beside it the nonce
    where one is wanted (A111). Neither replaces the other: a nonce is given to everybody, and does not say that the
    proof with it was made for now (A103).
    """
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= MAX_JTI:
        return "jti"
    if claims.get("htm") != facts.method:
        return "htm"
    htu = claims.get("htu")
    if not isinstance(htu, str) or not is_one_of(htu, facts.urls):
        return "htu"
    if not is_between(claims.get("iat"), facts.now - OLDEST, facts.now + AHEAD):
        return "iat"
    if facts.access_token is not None and claims.get("ath") != digest(facts.access_token):
        return "ath"
    return ""


#: Keys by the members that make their thumbprint; a client proves the same key again and again.
_keys: LruCache[tuple[object, ...], ProofKey] = LruCache(_KEYS_REMEMBERED)


def _proof_key(header: Mapping[str, Any]) -> ProofKey:
    """The public key in the header (§4.2 ``jwk``). Raises JwkRefused."""
    jwk = header.get("jwk")
    if not isinstance(jwk, dict):
        raise JwkRefused("jwk_missing")
    if not PRIVATE_MEMBERS.isdisjoint(jwk):
        raise JwkRefused("private_key")
    if jwk.get("alg", header.get("alg")) != header.get("alg"):
        raise JwkRefused("alg_not_of_key")
    kty = jwk.get("kty")
    members = (
        tuple(jwk.get(member) for member in REQUIRED_MEMBERS.get(kty, ())) if isinstance(kty, str) else ()
    )
    if not members or not all(isinstance(member, str) for member in members):
        raise JwkRefused("kty_unknown")
    known = _keys.get(members)
    if known is not None:
        return known
    public, jkt = public_key_of(jwk), thumbprint(jwk)
    return ProofKey(members, VerificationKey(jkt, public, algorithms_for(public)), jkt)


def _remember(used: ProofKey) -> None:
    """Remember only a key that signed a valid proof: anybody can invent keys at no cost (A222)."""
    _keys.put(used.members, used)


def _refused(reason: str) -> Refusal:
    return invalid_dpop_proof(
        "The DPoP proof is not acceptable.",
        reason=f"dpop_{reason}",
        hint="Check typ, alg, jwk, jti, htm, htu, iat and ath, and send one proof.",
    )


USE_NONCE: Final = Refusal(
    "use_dpop_nonce",
    "The DPoP proof has no fresh nonce of this server.",
    hint="Send the value of the header DPoP-Nonce as nonce.",
    section="RFC 9449 §8",
    reason="dpop_nonce",
)
REUSED: Final = invalid_dpop_proof(
    "The DPoP proof was used before.", reason="dpop_jti_reused", hint="Make a new proof for each request."
)
