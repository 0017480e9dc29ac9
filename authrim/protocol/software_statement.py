"""RFC 7591 §2.3: a software statement is a signed JWT in which a trusted issuer describes a client.

Its claims take precedence over what the client says about itself. It is not a credential, and every instance of the
software may send it, so its ``jti`` is not reserved. ``exp`` limits how long new clients can register with it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from authrim.crypto import strict_json
from authrim.crypto.jwk import JwkRefused
from authrim.crypto.jws import JwsRefused, KeySet, read_unverified, verify
from authrim.crypto.strict_json import JsonRefused
from authrim.crypto.verification_keys import read_jwks
from domain.errors import Refusal
from domain.vocabulary.numeric_date import is_numeric_date

#: ``none`` and shared secrets are not among them (A204).
ALGORITHMS: Final = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
)
ACCEPTED_TYPES: Final = frozenset({None, "JWT", "software-statement+jwt"})
MAX_LENGTH: Final = 16384
MAX_FILE: Final = 1024 * 1024
#: Clocks may differ by this many seconds.
SKEW: Final = 10

#: Claims about the statement itself (RFC 7519 §4.1); the others are client metadata.
_OF_THE_STATEMENT: Final = frozenset({"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "software_statement"})


class Statement(NamedTuple):
    """A statement with a valid signature: its issuer, and its client metadata."""

    issuer: str
    metadata: dict[str, Any]


class IssuersUnreadable(ValueError):
    """The file of trusted issuers cannot be used; the text says what to do."""


class SoftwareStatements:
    """The trusted issuers of statements, each with its keys."""

    def __init__(self, issuers: Mapping[str, KeySet]) -> None:
        self._issuers = issuers

    @classmethod
    def from_file(cls, file: Path | None) -> "SoftwareStatements":
        """The issuers of a JSON file, ``{"https://federation.example": {"keys": [...]}}``; None: there are none.

        Raises IssuersUnreadable.
        """
        if file is None:
            return cls({})
        try:
            document = strict_json.loads(file.read_bytes(), max_bytes=MAX_FILE)
        except OSError as error:
            raise IssuersUnreadable(
                f"software_statement_issuers: {file} cannot be read: {error.strerror}"
            ) from None
        except JsonRefused as refused:
            raise IssuersUnreadable(f"software_statement_issuers: {file} is {refused}") from None
        if not isinstance(document, dict):
            raise IssuersUnreadable(
                'software_statement_issuers: must be an object: {"<issuer>": {"keys": [...]}}'
            )
        try:
            return cls({issuer: read_jwks(jwks) for issuer, jwks in document.items()})
        except JwkRefused as refused:
            raise IssuersUnreadable(
                f"software_statement_issuers: a key set is refused: {refused.code}"
            ) from None

    def read(self, value: object, issuer: str, now: int) -> Statement | Refusal:
        """The statement, or ``invalid_software_statement`` / ``unapproved_software_statement`` (RFC 7591 §3.2.2).

        ``issuer`` is this server's own, for the statement's ``aud`` if it has one.
        """
        if not isinstance(value, str) or len(value) > MAX_LENGTH:
            return _invalid("it is no JWT that is read")
        try:
            signer = _claims(read_unverified(value).payload).get("iss")
            keys = self._issuers.get(signer) if isinstance(signer, str) else None
            if keys is None:
                return _UNAPPROVED
            verified = verify(value, keys, algorithms=ALGORITHMS, typ=ACCEPTED_TYPES)
            claims = _claims(verified.payload)
        except JwsRefused as refused:
            return _invalid("its signature does not hold", f"statement_{refused.code}")
        except JsonRefused:
            return _invalid("its claims are no JSON object")
        problem = _time_problem(claims, now) or _audience_problem(claims, issuer)
        if problem:
            return _invalid(problem)
        return Statement(claims["iss"], stated(claims))


def stated(claims: Mapping[str, Any]) -> dict[str, Any]:
    """The client metadata among the claims of a statement."""
    return {name: value for name, value in claims.items() if name not in _OF_THE_STATEMENT}


def kept_metadata(statement: str) -> dict[str, Any]:
    """The client metadata of a statement that was approved when it was kept."""
    return stated(_claims(read_unverified(statement).payload))


def _claims(payload: bytes) -> dict[str, Any]:
    claims = strict_json.loads(payload)
    if not isinstance(claims, dict):
        raise JsonRefused("not an object")
    return claims


def _time_problem(claims: Mapping[str, Any], now: int) -> str:
    """RFC 7519 §4.1.4, §4.1.5: checked when present."""
    for name in ("exp", "nbf", "iat"):
        value = claims.get(name)
        if value is not None and not is_numeric_date(value):
            return f"its {name} is no time"
    if claims.get("exp") is not None and now >= claims["exp"]:
        return "it has expired"
    if claims.get("nbf") is not None and now + SKEW < claims["nbf"]:
        return "it is not valid yet"
    return ""


def _audience_problem(claims: Mapping[str, Any], issuer: str) -> str:
    """A statement with an audience is for that audience only (RFC 7519 §4.1.3)."""
    audience = claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    return "" if audience is None or issuer in named else "it is for another server"


def _invalid(why: str, reason: str = "statement_invalid") -> Refusal:
    return Refusal(
        "invalid_software_statement",
        f"The software statement is refused: {why}.",
        hint="Get a new one.",
        section="RFC 7591 §3.2.2",
        reason=reason,
    )


_UNAPPROVED: Final = Refusal(
    "unapproved_software_statement",
    "The issuer of the software statement is not trusted here.",
    hint="Use a statement of an issuer that this server trusts.",
    section="RFC 7591 §3.2.2",
    reason="statement_issuer",
)
