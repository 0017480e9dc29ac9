"""RFC 9101: the authorization request as a signed JWT, which may be encrypted too.

There are three steps: decrypt, read which key is meant, verify. They are separate functions because the client's key is
looked up between them, and may have to be fetched. Nothing in an object is trusted before the last step.
"""

from collections.abc import Sequence
from typing import Any, Final

from authrim.crypto import strict_json
from authrim.crypto.ids import digest
from authrim.crypto.jwe import CONTENT_ENCRYPTION, KEY_MANAGEMENT, DecryptionKey, JweRefused, decrypt
from authrim.crypto.jws import JwsRefused, KeySet, read_unverified, verify
from authrim.crypto.strict_json import JsonRefused
from domain.authorization.request_object import (
    ObjectFacts,
    RequestObject,
    accept,
    invalid_request_object,
)
from domain.errors import Refusal

_PARTS_OF_JWE: Final = 5
#: The media type of what a ``request_uri`` leads to (RFC 9101 §5.2.3), and what is taken as well.
ACCEPT: Final = "application/oauth-authz-req+jwt, application/jwt"


def opened(token: str, keys: Sequence[DecryptionKey]) -> str | Refusal:
    """The signed JWT of an object that may be encrypted; what is inside must be signed too (RFC 9101 §6.1, A056)."""
    if token.count(".") != _PARTS_OF_JWE - 1:
        return token
    try:
        return decrypt(token, keys, algs=frozenset(KEY_MANAGEMENT), encs=frozenset(CONTENT_ENCRYPTION)).jws
    except JweRefused:
        return invalid_request_object("encryption")


def kid_of(jws: str) -> str | Refusal | None:
    """The ``kid`` of the header, to look the key up; None when there is none."""
    try:
        kid = read_unverified(jws).header.get("kid")
    except JwsRefused as refused:
        return invalid_request_object(refused.code)
    return kid if isinstance(kid, str) else None


def verified(
    jws: str, keys: KeySet, facts: ObjectFacts, *, typ_required: bool = False
) -> RequestObject | Refusal:
    """The request in a signed object (RFC 9101 §6.2, §6.3). ``typ_required``: a missing ``typ`` is refused too."""
    types: frozenset[str | None] = facts.rule.types if typ_required else facts.rule.types | {None}
    try:
        token = verify(jws, keys, algorithms=facts.client.request_object_algorithms, typ=types)
        claims: Any = strict_json.loads(token.payload)
    except JwsRefused as refused:
        return invalid_request_object(refused.code)
    except JsonRefused:
        return invalid_request_object("not_json")
    if not isinstance(claims, dict):
        return invalid_request_object("payload_not_object")
    return accept(claims, digest(jws), token.kid, facts)
