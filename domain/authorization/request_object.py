"""RFC 9101: the claims of a request object whose signature is valid. The client's profile decides what is required of
them (decisions.md 19)."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from domain.authorization.parameters import KNOWN, Parameters
from domain.client.client import Client
from domain.client.profile import RequestObjectRule
from domain.errors import Refusal
from domain.vocabulary.numeric_date import is_numeric_date

#: The accepted difference between clocks in seconds (the official suite: accept 8, refuse 62).
SKEW: Final = 10
#: Claims of the JWT itself, which are not parameters (RFC 7519 §4.1).
_JWT_CLAIMS: Final = frozenset({"iss", "sub", "aud", "exp", "nbf", "iat", "jti"})
#: Parameters that must be text. Other members that are not text are ignored.
_OF_THE_REQUEST: Final = KNOWN | {"client_id", "redirect_uri"}
MAX_JTI: Final = 255


class RequestObject(msgspec.Struct, frozen=True):
    """An accepted request object: the digest of the signed JWT, the client's key that signed it, the parameters, and
    when it expires (seconds since 1970; None: never)."""

    hash: str
    kid: str
    parameters: Parameters
    jti: str | None = None
    expires_at: int | None = None


class ObjectFacts(msgspec.Struct, frozen=True):
    """What an object is checked against: the clock in seconds, the issuer, and the client that sent it. ``used_once``:
    it must have a ``jti`` and an ``exp``, so that the server can reserve it."""

    now: int
    issuer: str
    client: Client
    used_once: bool = False

    @property
    def rule(self) -> RequestObjectRule:
        """The rule of the client's profile."""
        return self.client.profile.request_objects


def invalid_request_object(reason: str) -> Refusal:
    """RFC 9101 §7. ``reason`` is for the log and for the hint: it names a claim or a rule, never a value."""
    return Refusal(
        "invalid_request_object",
        "The request object is not valid.",
        hint=f"The reason is: {reason}.",
        section="RFC 9101 §6.3",
        reason=f"request_object_{reason}",
    )


def accept(claims: Mapping[str, Any], hash_: str, kid: str, facts: ObjectFacts) -> RequestObject | Refusal:
    """The request in the claims, or ``invalid_request_object``."""
    wrong = _wrong_claim(claims, facts)
    if wrong:
        return invalid_request_object(wrong)
    parameters = _parameters(claims)
    if isinstance(parameters, str):
        return invalid_request_object(parameters)
    expires_at = claims.get("exp")
    return RequestObject(
        hash_, kid, parameters, claims.get("jti"), None if expires_at is None else int(expires_at)
    )


def _wrong_claim(claims: Mapping[str, Any], facts: ObjectFacts) -> str:
    """Which claim is not valid, as a word; empty when all are."""
    client_id = facts.client.client_id
    if {"request", "request_uri"} & claims.keys():
        return "request_inside"  # RFC 9101 §4
    if "sub" in claims:
        return "sub"  # RFC 9101 §10.8: with it the object could pass for a client assertion
    if claims.get("client_id", None if facts.rule.is_dated else client_id) != client_id:
        return "client_id"  # RFC 9101 §5: the same inside and outside
    if claims.get("iss", client_id) != client_id:
        return "iss"
    if ("aud" in claims or facts.rule.is_dated) and not _is_for(claims.get("aud"), facts.issuer):
        return "aud"
    jti = claims.get("jti")
    if (jti is not None or facts.used_once) and not (isinstance(jti, str) and 0 < len(jti) <= MAX_JTI):
        return "jti"
    return _wrong_time(claims, facts)


def _is_for(audience: object, issuer: str) -> bool:
    """Whether the audience includes the issuer (RFC 9101 §4)."""
    members = [audience] if isinstance(audience, str) else audience
    if not isinstance(members, list) or not all(isinstance(member, str) for member in members):
        return False
    return issuer in members


def _wrong_time(claims: Mapping[str, Any], facts: ObjectFacts) -> str:
    """Which of ``exp``, ``nbf`` and ``iat`` (RFC 7519 §4.1) is not valid; empty when all are."""
    rule, now = facts.rule, facts.now
    needed = {"exp", "nbf"} if rule.is_dated else {"exp"} if facts.used_once else set()
    for name in ("exp", "nbf", "iat"):
        if not is_numeric_date(claims[name]) if name in claims else name in needed:
            return name
    if "exp" in claims and now >= claims["exp"] + SKEW:
        return "exp"
    if facts.used_once and claims["exp"] > now + rule.longest_life + SKEW:
        return "exp"  # it would stay reserved for that long
    if max(claims.get("nbf", 0), claims.get("iat", 0)) > now + SKEW:
        return "nbf"
    return _too_long(claims["exp"], claims["nbf"], facts) if rule.is_dated else ""


def _too_long(expires_at: float, begins_at: float, facts: ObjectFacts) -> str:
    """Check the age and the lifetime (FAPI 1 Advanced §5.2.2 items 13 and 17, FAPI 2 Message Signing §5.3.1)."""
    if begins_at < facts.now - facts.rule.longest_life:
        return "nbf"
    return "exp" if expires_at - begins_at > facts.rule.longest_life else ""


def _parameters(claims: Mapping[str, Any]) -> Parameters | str:
    """The authorization request's parameters (RFC 9101 §4): numbers as text, ``claims`` as an object, ``resource`` as
    one or several values. Returns the name of a parameter that has the wrong type."""
    values: dict[str, str] = {}
    for name, value in claims.items():
        if name in _JWT_CLAIMS or name in ("claims", "resource"):
            continue
        if isinstance(value, str):
            values[name] = value
        elif isinstance(value, int) and not isinstance(value, bool):
            values[name] = str(value)
        elif name in _OF_THE_REQUEST:
            return name
    resources = _resources(claims.get("resource", []))
    if resources is None:
        return "resource"
    asked = claims.get("claims")
    return Parameters(
        values, resources, claims=asked if isinstance(asked, dict) else None,
        claims_broken=asked is not None and not isinstance(asked, dict),
    )  # fmt: skip


def _resources(given: object) -> tuple[str, ...] | None:
    members = [given] if isinstance(given, str) else given
    if not isinstance(members, list) or not all(isinstance(member, str) for member in members):
        return None
    return tuple(members)
