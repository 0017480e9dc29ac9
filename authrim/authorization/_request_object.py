"""Request objects (RFC 9101): passed by value, or by a reference that the client has registered."""

from typing import Final

from authrim.authorization.part import AUTHORIZATION
from authrim.clients.part import CLIENTS
from authrim.core.call import Call
from authrim.crypto.ids import digest
from authrim.protocol import jar
from authrim.protocol.single_use import SingleUseValue, use_up
from authrim.web.params import Params
from domain.authorization.request_object import SKEW, ObjectFacts, RequestObject, invalid_request_object
from domain.client.client import Client
from domain.errors import Refusal, invalid_request
from domain.vocabulary.features import REQUEST_OBJECTS

BOTH: Final = invalid_request(
    "There are request and request_uri.", hint="Send one of them.", section="RFC 9101 §5"
)
REPEATED: Final = invalid_request(
    "The request object is repeated.", hint="Send one.", section="RFC 6749 §3.1"
)
USED: Final = invalid_request_object("jti_used")


async def request_object(call: Call, client: Client, params: Params) -> RequestObject | Refusal | None:
    """The client's verified object; None when there is none, or when objects are not offered: then the parameter is
    told to be unsupported with all others."""
    if REQUEST_OBJECTS not in call.core.features:
        return None
    if {"request", "request_uri"} & params.duplicates:
        return REPEATED
    by_value, reference = params.get("request"), params.get("request_uri")
    if by_value is not None and reference is not None:
        return BOTH
    token: str | Refusal | None = by_value
    if reference is not None and call.core.settings.request_objects_by_reference:
        token = await call.parts[AUTHORIZATION].request_objects.fetch(client, reference)
    if token is None or isinstance(token, Refusal):
        return token
    return await _verified(call, client, token)


async def _verified(call: Call, client: Client, token: str) -> RequestObject | Refusal:
    """Decrypt it, find the key, verify the signature, and mark it as used where each may be used only once."""
    jws = jar.opened(token, call.core.key_ring.decryption_keys(call.tenant, call.core.now()))
    if isinstance(jws, Refusal):
        return jws
    kid = jar.kid_of(jws)
    if isinstance(kid, Refusal):
        return kid
    keys = await call.parts[CLIENTS].keys.verifying(call.tenant, client, kid)
    settings = call.core.settings
    facts = ObjectFacts(call.core.now(), call.core.issuer, client, settings.request_objects_once)
    verified = jar.verified(jws, keys, facts, typ_required=settings.request_object_typ_required)
    if isinstance(verified, Refusal) or not settings.request_objects_once:
        return verified
    return await _used_up(call, client, verified) or verified


async def _used_up(call: Call, client: Client, verified: RequestObject) -> Refusal | None:
    """Remember the ``jti`` on all nodes for as long as the object would be accepted (A065)."""
    assert verified.jti is not None
    assert verified.expires_at is not None
    key = f"request-object:{call.tenant}:{client.client_id}:{digest(verified.jti)}"
    return await use_up(call.core.store, (SingleUseValue(key, verified.expires_at + SKEW, USED),))
