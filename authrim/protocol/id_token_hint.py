"""OIDC Core §3.1.2.1: an ID token that this server gave out, shown back as a hint of whom the request is about.

Its signature, issuer and audience are checked; ``exp`` is not, because a hint is about the past (decisions.md 21).
"""

from typing import Any

from authrim.crypto import strict_json
from authrim.crypto.jws import JwsRefused, KeySet, verify
from authrim.crypto.strict_json import JsonRefused
from authrim.crypto.tokens import ID_TOKEN_TYPE
from domain.errors import Refusal, invalid_request

_ALGORITHMS = frozenset({"RS256", "PS256", "ES256", "EdDSA"})


def hinted_subject(keys: KeySet, issuer: str, client_id: str, hint: str) -> str | Refusal:
    """The subject of a genuine hint, by our published ``keys``, or ``invalid_request``."""
    try:
        verified = verify(hint, keys, algorithms=_ALGORITHMS, typ=frozenset({ID_TOKEN_TYPE}))
        claims: Any = strict_json.loads(verified.payload)
    except (JwsRefused, JsonRefused):
        return _refused("It is not an ID token of this server.")
    if not isinstance(claims, dict) or claims.get("iss") != issuer:
        return _refused("It is not an ID token of this server.")
    audience = claims.get("aud")
    if client_id not in (audience if isinstance(audience, list) else [audience]):
        return _refused("It was issued to another client.")
    subject = claims.get("sub")
    return subject if isinstance(subject, str) else _refused("It names no subject.")


def _refused(why: str) -> Refusal:
    return invalid_request(
        f"The id_token_hint is not acceptable. {why}", "Send the last ID token.", "OIDC Core §3.1.2.1"
    )
