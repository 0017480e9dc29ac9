"""The keys that verify signatures: a client's JWK Set, our own published keys, a shared secret.

A key knows its algorithms from the start; the header of a token never chooses for it (RFC 8725 §3.1).
"""

from collections.abc import Iterable, Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature

from authrim.crypto.algorithms import ALGORITHMS, PublicKey, algorithms_for
from authrim.crypto.jwk import (
    PRIVATE_MEMBERS,
    VERIFYING_CURVES,
    JwkRefused,
    public_key_of,
    thumbprint,
)
from domain.vocabulary.algorithm_names import names_of

#: Keys in a set at most, so that reading one stays cheap.
MAX_KEYS = 64
MAX_KID = 255


class VerificationKey:
    """A key that verifies. ``kid`` is its thumbprint when it has none of its own."""

    __slots__ = ("_key", "algorithms", "kid")

    def __init__(self, kid: str, key: PublicKey | bytes, algorithms: frozenset[str]) -> None:
        """Raises JwkRefused when the key cannot be used with one of the algorithms."""
        if not algorithms or not algorithms <= algorithms_for(key):
            raise JwkRefused("alg_not_of_key")
        self.kid = kid
        self.algorithms = algorithms
        self._key = key

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, Any]) -> "VerificationKey":
        """The key of a public JWK, for its ``alg`` or for all that its type allows. Raises JwkRefused."""
        key = public_key_of(jwk)
        kid = jwk.get("kid", thumbprint(jwk))
        if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID:
            raise JwkRefused("kid_malformed")
        alg = jwk.get("alg")
        if alg is None:
            return cls(kid, key, algorithms_for(key))
        if not isinstance(alg, str):
            raise JwkRefused("alg_malformed")
        return cls(kid, key, names_of(alg))

    @classmethod
    def from_secret(cls, secret: bytes, alg: str) -> "VerificationKey":
        """A shared secret for one HMAC. Raises JwkRefused when it is shorter than the hash (A174)."""
        return cls("", secret, frozenset({alg}))

    def verifies(self, alg: str, signature: bytes, message: bytes) -> bool:
        """Whether ``signature`` over ``message`` is valid for this key and one of its algorithms."""
        if alg not in self.algorithms:
            return False
        try:
            ALGORITHMS[alg].verify(self._key, signature, message)
        except InvalidSignature:
            return False
        return True

    def __repr__(self) -> str:
        return "VerificationKey()"


class KeySet:
    """A set of keys, from which a header selects one."""

    def __init__(self, keys: Iterable[VerificationKey]) -> None:
        """Raises JwkRefused when two keys share a ``kid``."""
        self._by_kid: dict[str, VerificationKey] = {}
        for key in keys:
            if key.kid in self._by_kid:
                raise JwkRefused("kid_twice")
            self._by_kid[key.kid] = key

    def __call__(self, header: Mapping[str, Any]) -> VerificationKey | None:
        """The key that the header names; without a ``kid``, the only key of its ``alg`` (OIDC Core §10.1)."""
        if "kid" in header:
            kid = header["kid"]
            return self._by_kid.get(kid) if isinstance(kid, str) else None
        fitting = [key for key in self._by_kid.values() if header.get("alg") in key.algorithms]
        return fitting[0] if len(fitting) == 1 else None

    def one_by_one(self) -> Iterable[tuple[str, "KeySet"]]:
        """Each key by its ``kid``, as a set of its own."""
        return [(kid, KeySet((key,))) for kid, key in self._by_kid.items()]

    def __len__(self) -> int:
        return len(self._by_kid)

    def __contains__(self, kid: object) -> bool:
        return kid in self._by_kid


def read_jwks(document: object) -> KeySet:
    """The signature keys of a JWK Set (RFC 7517 §5), already read strictly from JSON. Raises JwkRefused.

    Keys for encryption, and of types, curves and algorithms that are not known here, are passed over (RFC 7517 §5). A
    private or symmetric key refuses the whole set, because it should be nowhere near it, and so does a weak one.
    """
    if not isinstance(document, Mapping) or not isinstance(document.get("keys"), list):
        raise JwkRefused("not_a_jwk_set")
    jwks = document["keys"]
    if len(jwks) > MAX_KEYS:
        raise JwkRefused("too_many_keys")
    if not all(isinstance(jwk, Mapping) for jwk in jwks):
        raise JwkRefused("not_a_jwk")
    return KeySet([VerificationKey.from_jwk(jwk) for jwk in jwks if _is_for_signatures(jwk)])


def is_of_known_kind(jwk: Mapping[str, Any]) -> bool:
    """Whether keys of this type and curve verify anything here. What does not is passed over (RFC 7517 §5); what does
    has to be sound."""
    kty, crv = jwk.get("kty"), jwk.get("crv")
    if isinstance(kty, str) and kty not in ("RSA", "EC", "OKP", "oct"):
        return False
    return kty not in ("EC", "OKP") or not isinstance(crv, str) or crv in VERIFYING_CURVES


def _is_for_signatures(jwk: Mapping[str, Any]) -> bool:
    if not PRIVATE_MEMBERS.isdisjoint(jwk):
        raise JwkRefused("private_key")
    alg = jwk.get("alg")
    if not is_of_known_kind(jwk) or (isinstance(alg, str) and alg not in ALGORITHMS and alg != "none"):
        return False
    operations = jwk.get("key_ops", ["verify"])
    return jwk.get("use", "sig") == "sig" and isinstance(operations, list) and "verify" in operations
