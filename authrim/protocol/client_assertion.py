"""RFC 7523 §2.2, §3: a client authenticates with a signed JWT (``private_key_jwt``, ``client_secret_jwt``).

The whole assertion is checked before its ``jti`` is reserved, and the ``jti`` is reserved before anything is decided
(decisions.md 17). So an assertion of a request that was refused later cannot be used again either.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from authrim.crypto import strict_json
from authrim.crypto.ids import digest
from authrim.crypto.jws import JwsRefused, KeyFinder, UnverifiedJws, read_unverified, verify_read
from authrim.crypto.strict_json import JsonRefused
from authrim.protocol.single_use import SingleUseValue
from domain.client.client import Client
from domain.client.profile import AssertionAudience
from domain.errors import Refusal, invalid_client
from domain.units import HOUR
from domain.vocabulary.numeric_date import is_between

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
#: ``typ`` may be left out; another kind of JWT is never an assertion (RFC 8725 §3.11, A087).
ACCEPTED_TYPES: Final = frozenset({None, "JWT", "client-authentication+jwt"})
#: Clocks may differ by this many seconds (the official suite: accept 8, refuse 62).
SKEW: Final = 10
#: An assertion that lives longer than this would have to be remembered for longer.
LONGEST_LIFE: Final = HOUR
MAX_JTI: Final = 255


class AssertionFacts(msgspec.Struct, frozen=True):
    """What an assertion is checked against: the clock in seconds, and the audiences that mean this server:
    ``endpoints`` are all URLs of the token endpoint and of the endpoint that was called. ``algorithms`` are those that
    the client may sign with."""

    now: int
    issuer: str
    rule: AssertionAudience
    endpoints: frozenset[str]
    algorithms: frozenset[str]


class VerifiedAssertion(msgspec.Struct, frozen=True):
    """A valid assertion: the ``kid`` that signed it, and its ``jti``, which is not reserved yet."""

    kid: str
    once: SingleUseValue


class Assertion(msgspec.Struct, frozen=True):
    """A parsed assertion. ``subject`` is the client that it claims to come from, to find the client's keys. Nothing in
    it is trusted before one of those keys verifies it."""

    jws: UnverifiedJws
    claims: Mapping[str, Any]
    subject: str

    def __repr__(self) -> str:
        return "Assertion()"


def read(text: str) -> Assertion | None:
    """Parse an assertion. Return None when it is malformed or has no subject."""
    try:
        jws = read_unverified(text)
        claims = strict_json.loads(jws.payload)
    except (JwsRefused, JsonRefused):
        return None
    subject = claims.get("sub") if isinstance(claims, dict) else None
    if not isinstance(claims, dict) or not isinstance(subject, str) or not subject:
        return None
    return Assertion(jws, claims, subject)


def check(
    tenant: str, client: Client, keys: KeyFinder, assertion: Assertion, facts: AssertionFacts
) -> VerifiedAssertion | Refusal:
    """Verify an assertion, or return ``invalid_client``."""
    try:
        verified = verify_read(assertion.jws, keys, algorithms=facts.algorithms, typ=ACCEPTED_TYPES)
    except JwsRefused as refused:
        return _refused(f"assertion_{refused.code}")
    claims = assertion.claims
    wrong = _wrong_claim(claims, client.client_id, facts)
    if wrong:
        return _refused(wrong)
    key = f"assertion:{tenant}:{client.client_id}:{digest(claims['jti'])}"
    return VerifiedAssertion(
        verified.kid, SingleUseValue(key, int(claims["exp"]) + SKEW, _refused("assertion_jti_reused"))
    )


def _wrong_claim(claims: Mapping[str, Any], client_id: str, facts: AssertionFacts) -> str:
    """Why the claims are not valid (RFC 7523 §3), as a word for the log; empty when they are."""
    if claims.get("iss") != client_id or claims.get("sub") != client_id:
        return "assertion_iss_sub_not_client"
    if not _audience_fits(claims.get("aud"), facts):
        return "assertion_aud"
    if not is_between(claims.get("exp"), facts.now - SKEW + 1, facts.now + LONGEST_LIFE + SKEW):
        return "assertion_exp"
    for name in ("nbf", "iat"):
        if name in claims and not is_between(claims[name], 0, facts.now + SKEW):
            return f"assertion_{name}"
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= MAX_JTI:
        return "assertion_jti_missing"
    return ""


def _audience_fits(audience: object, facts: AssertionFacts) -> bool:
    """FAPI 2 wants the issuer alone, so that nobody else can show us an assertion made for them (decisions.md 18)."""
    if facts.rule is AssertionAudience.ISSUER_ALONE:
        return audience == facts.issuer
    members = [audience] if isinstance(audience, str) else audience
    if not isinstance(members, list) or not all(isinstance(member, str) for member in members):
        return False
    ours = [member for member in members if member == facts.issuer or member in facts.endpoints]
    return bool(ours) and (facts.rule is AssertionAudience.OURS_AMONG_OTHERS or len(ours) == len(members))


def _refused(reason: str) -> Refusal:
    return invalid_client(
        "The client assertion is not acceptable.",
        reason=reason,
        hint="Check iss, sub, aud, exp, jti, typ, alg and the key.",
    )
