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
from authrim.runtime import RUNTIME, Runtime
from authrim.web.pages import FormPostPage
from domain import redirect_uri as redirect_uris
from domain import response_mode as response_modes
from domain.client import Client

#: RFC 9700 §4.12: a 307 would send the person's password on to the client.
SEE_OTHER: Final = 303


class Destination(msgspec.Struct, frozen=True):
    """Whom an authorization response goes to, where and how; ``response_mode`` in full."""

    client: Client
    redirect_uri: str
    response_mode: str


async def authorization_response(
    request: web.Request, context: Context, destination: Destination, parameters: Mapping[str, str],
    page_settings: Mapping[str, object],
) -> web.Response:  # fmt: skip
    """The response in the request's own mode. ``iss`` is added here."""
    runtime = request.app[RUNTIME]
    sent = await _encoded(runtime, context, destination, parameters)
    match response_modes.encoding_of(destination.response_mode):
        case response_modes.FORM_POST:
            page = FormPostPage(
                action=destination.redirect_uri,
                fields=tuple(sent.items()),
                error_id=context.error_id,
                **page_settings,  # type: ignore[arg-type]
            )
            return runtime.pages.form_post(page)
        case response_modes.FRAGMENT:
            return see_other(redirect_uris.append_fragment(destination.redirect_uri, sent))
        case _:
            return see_other(redirect_uris.append_parameters(destination.redirect_uri, sent))


async def _encoded(
    runtime: Runtime, context: Context, destination: Destination, parameters: Mapping[str, str]
) -> Mapping[str, str]:
    """The parameters as they are sent: plain with ``iss``, or all of them in one JWT and nothing beside it."""
    if not response_modes.is_jarm(destination.response_mode):
        return {**parameters, "iss": runtime.issuer}
    now = runtime.now()
    signer = runtime.key_ring.signer(context.tenant, destination.client.response_algorithm, now)
    response = jarm.signed_response(signer, runtime.issuer, destination.client.client_id, parameters, now)
    return {"response": response}


def see_other(location: str) -> web.Response:
    """303 See Other. The location is built from validated parts; a control character in it is a defect."""
    return web.Response(status=SEE_OTHER, headers={"Location": location})
