"""RFC 7518 §3.3, §6: whether every key of a client may be used. This is checked when keys are
registered, and again each time they are read (A174)."""

from collections.abc import Mapping
from typing import Any, Final

from authrim.crypto.jwk import PRIVATE_MEMBERS, JwkRefused, coordinate_25519, public_key_of
from authrim.crypto.verification_keys import is_of_known_kind, read_jwks
from domain.errors import Refusal
from domain.registration.invalid_metadata import invalid

#: The text for each reason of ``JwkRefused``.
_TOLD: Final = {
    "rsa_modulus": "has an RSA key of less than 2048 bits or more than 8192.",
    "rsa_exponent": "has an RSA key with another exponent than RFC 7518 recommends.",
    "rsa_roca": "has an RSA key that is weak (CVE-2017-15361).",
    "small_order": "has a key that is a point of small order.",
    "curve_unknown": "has a key on a curve that is not supported.",
    "private_key": "contains a private key.",
    "symmetric_key": "contains a symmetric key.",
    "kid_malformed": "has a key whose kid is no text of 1 to 255 characters.",
    "alg_malformed": "has a key whose alg is no text.",
    "alg_not_of_key": "has a key with an alg that is not for its type.",
    "kid_twice": "has two keys of one kid.",
}


def weak_keys_refusal(jwks: Mapping[str, Any] | None) -> Refusal | None:
    """Why a key of the set may not be registered, or None. What is no key set at all is the policy's to refuse."""
    keys = (jwks or {}).get("keys")
    judged = [key for key in keys if isinstance(key, Mapping)] if isinstance(keys, list) else []
    others = [key for key in judged if _is_passed_over(key)]
    try:
        # What is passed over hurts nobody beside a key that is of use; alone it would be a client without keys.
        for key in judged if len(others) == len(judged) else [key for key in judged if key not in others]:
            if not _is_for_key_agreement(key):
                public_key_of(key)
        for key in judged:
            if (key.get("kty"), key.get("crv")) == ("OKP", "X25519"):  # verifies nothing, and is encrypted to
                coordinate_25519(key)
        read_jwks({"keys": judged})  # what use would refuse, registration does not take
    except JwkRefused as refused:
        told = _TOLD.get(refused.code, "has a malformed key.")
        return invalid(
            "jwks", told, hint="Register keys of RFC 7518 with at least 2048 bits, P-256 or Ed25519."
        )
    return None


def _is_passed_over(key: Mapping[str, Any]) -> bool:
    """A type or curve that is not known here spoils nothing (RFC 7517 §5), unless it is private."""
    return not is_of_known_kind(key) and PRIVATE_MEMBERS.isdisjoint(key)


def _is_for_key_agreement(key: Mapping[str, Any]) -> bool:
    """X25519 and X448 verify nothing (RFC 8037 §3.2)."""
    return key.get("kty") == "OKP" and key.get("use") == "enc"
