"""RFC 9101: what a request object may say, once its signature holds. What is demanded of it hangs on the client's
profile (decisions.md 19)."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from domain.authorization.parameters import KNOWN, Parameters
from domain.client.client import Client
from domain.client.profile import RequestObjectRule
from domain.errors import Refusal
from domain.vocabulary.numeric_date import is_numeric_date

#: Clocks may differ by this many seconds (the official suite: accept 8, refuse 62).
SKEW: Final = 10
#: What stands in the object for the sake of the JWT itself and is no parameter (RFC 7519 §4.1).
_JWT_CLAIMS: Final = frozenset({"iss", "sub", "aud", "exp", "nbf", "iat", "jti"})
#: Parameters that must be text (a malformed one that nobody knows is as good as none).
_OF_THE_REQUEST: Final = KNOWN | {"client_id", "redirect_uri"}
MAX_JTI: Final = 255


class RequestObject(msgspec.Struct, frozen=True):
    """A request object that was accepted: the digest of the signed JWT, the client's key that signed it, the
    parameters, and until when it may be used (seconds since 1970; None: for ever)."""

    hash: str
    kid: str
    parameters: Parameters
    jti: str | None = None
    expires_at: int | None = None


class ObjectFacts(msgspec.Struct, frozen=True):
    """What an object is held against: the clock in seconds, our issuer, the client that it came for. ``used_once``: it
    must have a ``jti`` and an ``exp``, so that it can be remembered."""

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
        "The request object is not acceptable.",
        hint=f"It was refused for: {reason}.",
        section="RFC 9101 §6.3",
        reason=f"request_object_{reason}",
    )


def accept(claims: Mapping[str, Any], hash_: str, kid: str, facts: ObjectFacts) -> RequestObject | Refusal:
    """The request that the claims hold, or ``invalid_request_object``."""
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
    """Why the claims do not hold, as a word; empty when they do."""
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
    """Our issuer, alone or among others (RFC 9101 §4)."""
    members = [audience] if isinstance(audience, str) else audience
    if not isinstance(members, list) or not all(isinstance(member, str) for member in members):
        return False
    return issuer in members


def _wrong_time(claims: Mapping[str, Any], facts: ObjectFacts) -> str:
    """Why ``exp``, ``nbf`` or ``iat`` (RFC 7519 §4.1) do not hold; empty when they do."""
    rule, now = facts.rule, facts.now
    needed = {"exp", "nbf"} if rule.is_dated else {"exp"} if facts.used_once else set()
    for name in ("exp", "nbf", "iat"):
        if not is_numeric_date(claims[name]) if name in claims else name in needed:
            return name
    if "exp" in claims and now >= claims["exp"] + SKEW:
        return "exp"
    if facts.used_once and claims["exp"] > now + rule.longest_life + SKEW:
        return "exp"  # it would have to be remembered for as long
    if max(claims.get("nbf", 0), claims.get("iat", 0)) > now + SKEW:
        return "nbf"
    return _too_long(claims["exp"], claims["nbf"], facts) if rule.is_dated else ""


def _too_long(expires_at: float, begins_at: float, facts: ObjectFacts) -> str:
    """How old it is and how long it lives (FAPI 1 Advanced §5.2.2 items 13 and 17, FAPI 2 Message Signing §5.3.1)."""
    if begins_at < facts.now - facts.rule.longest_life:
        return "nbf"
    return "exp" if expires_at - begins_at > facts.rule.longest_life else ""


def _parameters(claims: Mapping[str, Any]) -> Parameters | str:
    """The authorization request's parameters (RFC 9101 §4): numbers as they are written, ``claims`` as the object that
    it is, ``resource`` one or several. The name of one that has another type than text."""
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
