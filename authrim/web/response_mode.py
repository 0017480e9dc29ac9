"""OAuth 2.0 Multiple Response Type Encoding Practices, Form Post Response Mode, JARM, RFC 9207: how an authorization
response travels back to the client.

Every answer, good or bad, names the issuer (RFC 9207 §2; in a JARM response by the JWT's own ``iss``) and takes this
one way, so the redirect URI is only ever the validated one (A075).
"""

from collections.abc import Mapping
from typing import Final

import msgspec
from aiohttp import web

from authrim.execute import Context
from authrim.protocol import jarm
from authrim.runtime import Runtime
from authrim.web.pages import FormPostPage, Pages
from domain import redirect_uri as redirect_uris
from domain import response_mode as response_modes
from domain.client import Client
from domain.errors import Refusal

#: RFC 9700 §4.12: a 307 would send the person's password on to the client.
SEE_OTHER: Final = 303


class Destination(msgspec.Struct, frozen=True):
    """Whom an authorization response goes to, where and how; ``response_mode`` in full."""

    client: Client
    redirect_uri: str
    response_mode: str


async def encoded(
    runtime: Runtime, context: Context, destination: Destination, parameters: Mapping[str, str]
) -> Mapping[str, str] | Refusal:
    """The parameters as they are sent: plain with ``iss``, or all of them in one JWT and nothing beside it. A response
    that the client wants encrypted is not sent otherwise."""
    if not response_modes.is_jarm(destination.response_mode):
        return {**parameters, "iss": runtime.issuer}
    client, now = destination.client, runtime.now()
    signer = runtime.key_ring.signer(context.tenant, client.response_algorithm, now)
    signed = jarm.signed_response(signer, runtime.issuer, client.client_id, parameters, now)
    alg = client.metadata.authorization_encrypted_response_alg
    enc = client.metadata.authorization_encrypted_response_enc
    sent = await runtime.client_keys.encrypted(context.tenant, client, signed, alg, enc)
    return sent if isinstance(sent, Refusal) else {jarm.PARAMETER: sent}


def authorization_response(
    pages: Pages, page_settings: Mapping[str, object], destination: Destination, sent: Mapping[str, str],
    error_id: str,
) -> web.Response:  # fmt: skip
    """What was ``encoded``, in the request's own mode."""
    address, fields = address_and_fields(destination, sent)
    if not fields:
        return see_other(address)
    page = FormPostPage(action=address, fields=fields, error_id=error_id, **page_settings)  # type: ignore[arg-type]
    return pages.form_post(page)


def address_and_fields(
    destination: Destination, sent: Mapping[str, str]
) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Where the browser goes with what was ``encoded``; and the fields that it posts there, if it does."""
    match response_modes.encoding_of(destination.response_mode):
        case response_modes.FORM_POST:
            return destination.redirect_uri, tuple(sent.items())
        case response_modes.FRAGMENT:
            return redirect_uris.append_fragment(destination.redirect_uri, sent), ()
        case _:
            return redirect_uris.append_parameters(destination.redirect_uri, sent), ()


def see_other(location: str) -> web.Response:
    """303 See Other. The location is built from validated parts; a control character in it is a defect."""
    return web.Response(status=SEE_OTHER, headers={"Location": location})
