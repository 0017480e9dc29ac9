"""Which names a claim about a person can have: never one that a token, an answer or a JOSE header uses itself."""

import re
from typing import Final

from domain.vocabulary.claims import PERSON_CLAIMS

#: Names or URIs (RFC 7519 §4.2). Without ``#``, which begins a language (OIDC Core §5.2), and without what the command
#: line divides mappings by.
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.:/~-]{0,127}")

#: What tokens and answers say themselves (RFC 7519 §4.1, OIDC Core §2, RFC 7662 §2.2, RFC 7800, RFC 8693, RFC 9068): no
#: claim about a person is ever told under one of these names.
PROTOCOL_CLAIMS: Final = frozenset(
    {
        "iss", "sub", "aud", "exp", "nbf", "iat", "jti", "nonce", "acr", "amr", "azp", "auth_time", "at_hash",
        "c_hash", "s_hash", "sid", "cnf", "client_id", "scope", "act", "may_act", "events", "grant_id", "active",
        "token_type", "username", "authorization_details", "_claim_names", "_claim_sources",
    }
)  # fmt: skip

#: Names that a definition cannot have, beside those: members of responses (RFC 6749 §5, JARM §2.1), of JOSE headers
#: (RFC 7519 §5.3), of proofs and of other kinds of tokens (RFC 9449 §4.2, RFC 9493, RFC 9901, OIDC IDA).
_OTHER_MEMBERS: Final = frozenset(
    {
        "access_token", "id_token", "refresh_token", "expires_in", "code", "state", "response", "session_state",
        "error", "error_description", "error_uri", "alg", "enc", "kid", "typ", "cty", "crit", "jku", "jwk", "x5u",
        "x5c", "x5t",
        "htm", "htu", "ath", "sub_id", "sub_jwk", "toe", "txn", "vct", "status", "_sd", "_sd_alg", "entity_id",
        "verified_claims", "vot", "vtm", "client_secret", "jwks", "metadata", "token_introspection",
    }
)  # fmt: skip

#: Names of specifications, some of which are claims of tokens (such as ``urn:openid:params:jwt:claim:rt_hash``).
_OF_SPECIFICATIONS: Final = ("urn:openid:", "urn:ietf:")

#: Compared without regard to case: some applications do.
_RESERVED: Final = frozenset(name.lower() for name in (PROTOCOL_CLAIMS | _OTHER_MEMBERS))
_KNOWN: Final = frozenset(name.lower() for name in PERSON_CLAIMS)


def problem(name: str) -> tuple[str, str] | None:
    """Why no claim can be defined under this name, and what to do; or None."""
    if not _NAME.fullmatch(name):
        return (
            "The name of the claim is malformed.",
            "Begin with a letter, and use up to 128 of A-Z a-z 0-9 _ . : / ~ -.",
        )
    if name.lower() in _RESERVED or name.lower().startswith(_OF_SPECIFICATIONS):
        return (f"The name {name} is one of the protocol's own.", "Use another, such as a URI of your own.")
    if name.lower() in _KNOWN:
        return (f"The claim {name} is there already.", "Use authrim account set-claim to give it a value.")
    return None
