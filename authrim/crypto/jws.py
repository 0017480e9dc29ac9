"""RFC 7515: JSON Web Signatures in the compact serialisation, and in no other.

Signing is the hot path of the token endpoint, so the key is loaded once and the protected header is encoded once
for each ``typ``. Verifying trusts nothing in a token's header: it may only agree with what is expected.
"""

from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from authrim.crypto import base64url, strict_json
from authrim.crypto.algorithms import ALGORITHMS, PrivateKey
from authrim.crypto.base64url import NotBase64url
from authrim.crypto.jwk import jwk_of, published
from authrim.crypto.strict_json import JsonRefused
from authrim.crypto.verification_keys import KeySet, VerificationKey

__all__ = [
    "MAX_TOKEN",
    "CannotSign",
    "JwsRefused",
    "KeyFinder",
    "KeySet",
    "Signer",
    "SigningKey",
    "UnverifiedJws",
    "VerificationKey",
    "VerifiedJws",
    "read_unverified",
    "verify",
    "verify_read",
]

#: Characters of a token at most, counted before any work is done with it (A173).
MAX_TOKEN: Final = 65536
_MAX_HEADER_DEPTH: Final = 8

#: Header parameters that change how a token is read, none of them supported: RFC 7515 §4.1.11 refuses what is
#: not understood (A164), RFC 7797 is such an extension (A165), ``zip`` belongs to JWE (A170).
_CHANGES_THE_READING: Final = ("crit", "b64", "zip")

KeyFinder = Callable[[Mapping[str, Any]], VerificationKey | None]
"""From a token's header to the key that has to verify it, or None. A KeySet is one."""


class JwsRefused(Exception):
    """The token is not accepted. ``code`` says why; nothing of the token is in the text (A178)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class VerifiedJws(NamedTuple):
    """A token whose signature is valid: its header, its payload, and the id of the key that signed it."""

    header: Mapping[str, Any]
    payload: bytes
    kid: str


class UnverifiedJws(NamedTuple):
    """A well-formed token whose signature was not checked yet: trust nothing in it."""

    header: Mapping[str, Any]
    payload: bytes
    signing_input: bytes
    signature: bytes

    @property
    def kid(self) -> str | None:
        """The ``kid`` that the header claims, to look the key up."""
        kid = self.header.get("kid")
        return kid if isinstance(kid, str) else None

    def __repr__(self) -> str:
        return "UnverifiedJws()"


class CannotSign(LookupError):
    """Nothing can be signed now. The text names an algorithm or what failed, and nothing of a key or a token."""


class Signer(Protocol):
    """A key that signs with one algorithm, wherever its private half is."""

    kid: str
    alg: str
    public_jwk: dict[str, Any]

    async def signed(self, payload: bytes, typ: str | None) -> str:
        """``payload`` as a compact JWS with this ``typ``. Raises CannotSign."""

    async def ready(self) -> None:
        """Make sure that it can sign, before something is recorded that is signed afterwards. Raises CannotSign."""


class SigningKey:
    """A loaded private key that signs with one algorithm."""

    __slots__ = ("_algorithm", "_key", "_prefixes", "alg", "kid", "public_jwk")

    def __init__(self, kid: str, alg: str, key: PrivateKey) -> None:
        """Raises ValueError when the algorithm is not for keys of this type."""
        self._algorithm = ALGORITHMS[alg]
        if not self._algorithm.fits(key.public_key()):
            raise ValueError(f"the key is not for {alg}")
        self.kid = kid
        self.alg = alg
        self.public_jwk = published({**jwk_of(key.public_key()), "kid": kid, "use": "sig", "alg": alg})
        self._key = key
        self._prefixes: dict[str | None, bytes] = {}

    def sign(self, payload: bytes, typ: str | None) -> str:
        """``payload`` as a compact JWS with this ``typ``."""
        prefix = self._prefixes.get(typ)
        if prefix is None:
            prefix = self._prefixes[typ] = header_prefix(self.alg, self.kid, typ)
        signing_input = prefix + urlsafe_b64encode(payload).rstrip(b"=")
        return joined(signing_input, self._algorithm.sign(self._key, signing_input))

    async def signed(self, payload: bytes, typ: str | None) -> str:
        """The same, as a ``Signer``: it takes no time worth a thread (F25)."""
        return self.sign(payload, typ)

    async def ready(self) -> None:
        """The private half is in memory."""

    def __repr__(self) -> str:
        return f"SigningKey({self.kid}, {self.alg})"


def header_prefix(alg: str, kid: str, typ: str | None) -> bytes:
    """The protected header as it begins the signing input (RFC 7515 §5.1)."""
    header = {"alg": alg, "kid": kid} | ({} if typ is None else {"typ": typ})
    return base64url.encode(msgspec.json.encode(header)).encode("ascii") + b"."


def joined(signing_input: bytes, signature: bytes) -> str:
    """The compact serialisation (RFC 7515 §7.1)."""
    return (signing_input + b"." + urlsafe_b64encode(signature).rstrip(b"=")).decode("ascii")


def read_unverified(token: str) -> UnverifiedJws:
    """Parse a compact JWS. Raises JwsRefused. Trust nothing in it before ``verify``."""
    if len(token) > MAX_TOKEN:
        raise JwsRefused("too_large")
    parts = token.split(".")
    if len(parts) != 3:
        raise JwsRefused("not_compact_jws")
    try:
        header_bytes, payload, signature = (base64url.decode(part) for part in parts)
    except NotBase64url:
        raise JwsRefused("not_base64url") from None
    try:
        header = strict_json.loads(header_bytes, max_depth=_MAX_HEADER_DEPTH)
    except JsonRefused:
        raise JwsRefused("header_not_json") from None
    if not isinstance(header, dict):
        raise JwsRefused("header_not_object")
    return UnverifiedJws(header, payload, token.rpartition(".")[0].encode("ascii"), signature)


def verify(
    token: str, keys: KeyFinder, *, algorithms: frozenset[str], typ: frozenset[str | None]
) -> VerifiedJws:
    """Verify a token, and return its header and payload. Raises JwsRefused.

    ``algorithms`` are those registered for the signer, ``typ`` the kinds of token wanted, with None when it
    may be left out. Keys in the header (``jwk``, ``jku``, ``x5u``, ``x5c``) are not looked at (A161, A162).
    """
    return verify_read(read_unverified(token), keys, algorithms=algorithms, typ=typ)


def verify_read(
    unverified: UnverifiedJws, keys: KeyFinder, *, algorithms: frozenset[str], typ: frozenset[str | None]
) -> VerifiedJws:
    """Like ``verify``, for a token that was parsed before, to read who claims to have signed it. Raises JwsRefused."""
    alg = _check_header(unverified.header, algorithms, typ)
    key = keys(unverified.header)
    if key is None:
        raise JwsRefused("key_unknown")
    if alg not in key.algorithms:
        raise JwsRefused("alg_not_of_key")
    if not key.verifies(alg, unverified.signature, unverified.signing_input):
        raise JwsRefused("signature_wrong")
    return VerifiedJws(unverified.header, unverified.payload, key.kid)


def _check_header(header: Mapping[str, Any], algorithms: frozenset[str], typ: frozenset[str | None]) -> str:
    """Return the header's ``alg`` when the whole header is acceptable."""
    alg = header.get("alg")
    if not isinstance(alg, str) or alg not in algorithms or alg not in ALGORITHMS:
        raise JwsRefused("alg_not_allowed")
    for parameter in _CHANGES_THE_READING:
        if parameter in header:
            raise JwsRefused(f"{parameter}_not_supported")
    if not _is_wanted(header, typ):
        raise JwsRefused("typ_not_wanted")
    return alg


def _is_wanted(header: Mapping[str, Any], typ: frozenset[str | None]) -> bool:
    if "typ" not in header:
        return None in typ
    given = header["typ"]
    return isinstance(given, str) and _media_type(given) in {_media_type(wanted) for wanted in typ if wanted}


def _media_type(typ: str) -> str:
    """``typ`` as it is compared: without case and without ``application/`` (RFC 7515 §4.1.9)."""
    return typ.lower().removeprefix("application/")
