"""OIDC Core §3.1.2.1: an ID token that this server issued, sent back as a hint about the person of the request.

Its signature, issuer and audience are checked; ``exp`` is not, because a hint is about the past (decisions.md 21).
An encrypted one cannot be opened: it was encrypted to the client (OIDC RP-Initiated Logout 1.0 §2).
"""

from typing import Any

from authrim.crypto import strict_json
from authrim.crypto.jws import JwsRefused, KeySet, verify
from authrim.crypto.key_pair import SIGNING_ALGORITHMS
from authrim.crypto.strict_json import JsonRefused
from authrim.crypto.tokens import ID_TOKEN_TYPE
from domain.errors import Refusal, invalid_request
from domain.person.logout import Hint

_ALGORITHMS = frozenset(SIGNING_ALGORITHMS)


def read_hint(keys: KeySet, issuer: str, hint: str) -> Hint | None:
    """The claims of a hint that our published ``keys`` verify; None when it is not an ID token of this server."""
    try:
        verified = verify(hint, keys, algorithms=_ALGORITHMS, typ=frozenset({ID_TOKEN_TYPE}))
        claims: Any = strict_json.loads(verified.payload)
    except (JwsRefused, JsonRefused):
        return None
    if not isinstance(claims, dict) or claims.get("iss") != issuer or not isinstance(claims.get("sub"), str):
        return None
    if "grant_id" in claims:  # an access token of a resource server that wants this typ (RFC 9068 §5, A154)
        return None
    audience = claims.get("aud")
    session_id, auth_time = claims.get("sid"), claims.get("auth_time")
    return Hint(
        audience=tuple(map(str, audience)) if isinstance(audience, list) else (str(audience),),
        subject=claims["sub"],
        session_id=session_id if isinstance(session_id, str) else None,
        auth_time=auth_time if isinstance(auth_time, int) else None,
    )


def hinted_subject(keys: KeySet, issuer: str, client_id: str, hint: str) -> str | Refusal:
    """The subject of a genuine hint, by our published ``keys``, or ``invalid_request``."""
    read = read_hint(keys, issuer, hint)
    if read is None:
        return _refused("It is not an ID token of this server.")
    return read.subject if client_id in read.audience else _refused("It was issued to another client.")


def _refused(why: str) -> Refusal:
    return invalid_request(
        f"The id_token_hint is not acceptable. {why}",
        hint="Send the last ID token.",
        section="OIDC Core §3.1.2.1",
    )
