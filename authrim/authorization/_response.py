"""OAuth 2.0 Multiple Response Type Encoding Practices, Form Post Response Mode, JARM, RFC 9207: how an authorization
response travels back to the client.

Every answer, good or bad, names the issuer (RFC 9207 §2; in a JARM response by the JWT's own ``iss``) and takes this
one way, so the redirect URI is only ever the validated one (A075).
"""

from collections.abc import Mapping

import msgspec
from aiohttp import web

from authrim.authorization.unasked import has_to_be_asked
from authrim.clients.part import CLIENTS
from authrim.core.call import Call
from authrim.pages.headers import ERROR_ID_HEADER
from authrim.pages.pages import Pages
from authrim.pages.views import FormPostPage, LeavingPage
from authrim.protocol import jarm
from authrim.web.answers import page_settings, refuse_on_page, see_other
from authrim.web.call import PAGES
from authrim.web.errors import error_members
from authrim.web.shown_client import shown_client
from domain.authorization.request import RedirectRefusal
from domain.client import redirect_uri as redirect_uris
from domain.client.client import Client
from domain.errors import Refusal
from domain.vocabulary import response_mode as response_modes


class Destination(msgspec.Struct, frozen=True):
    """The client that gets an authorization response, its redirect URI, and the full ``response_mode``."""

    client: Client
    redirect_uri: str
    response_mode: str


async def ready_to_answer(call: Call, client: Client, response_mode: str) -> None:
    """A response that is signed as a whole is signed after it is recorded: make sure before that it can be (F29).

    Raises CannotSign.
    """
    if response_modes.is_jarm(response_mode):
        await call.core.key_ring.signer(call.tenant, client.response_algorithm, call.core.now()).ready()


async def encoded(
    call: Call, destination: Destination, parameters: Mapping[str, str]
) -> Mapping[str, str] | Refusal:
    """The parameters as they are sent: plain with ``iss``, or all of them in one JWT and nothing beside it. A response
    that the client wants encrypted is not sent otherwise."""
    if not response_modes.is_jarm(destination.response_mode):
        return {**parameters, "iss": call.core.issuer}
    client, now = destination.client, call.core.now()
    signer = call.core.key_ring.signer(call.tenant, client.response_algorithm, now)
    signed = await jarm.signed_response(signer, call.core.issuer, client.client_id, parameters, now)
    alg = client.metadata.authorization_encrypted_response_alg
    enc = client.metadata.authorization_encrypted_response_enc
    sent = await call.parts[CLIENTS].keys.encrypted(call.tenant, client, signed, alg, enc)
    return sent if isinstance(sent, Refusal) else {jarm.PARAMETER: sent}


def authorization_response(
    pages: Pages, page_settings: Mapping[str, object], destination: Destination, sent: Mapping[str, str],
    error_id: str,
) -> web.Response:  # fmt: skip
    """The response that carries the ``encoded`` parameters in the request's response mode."""
    address, fields = address_and_fields(destination, sent)
    if not fields:
        return see_other(address)
    page = FormPostPage(action=address, fields=fields, error_id=error_id, **page_settings)  # type: ignore[arg-type]
    return pages.form_post(page)


def address_and_fields(
    destination: Destination, sent: Mapping[str, str]
) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The address that the browser goes to with the ``encoded`` parameters, and the form fields if it posts them."""
    match response_modes.encoding_of(destination.response_mode):
        case response_modes.FORM_POST:
            return destination.redirect_uri, tuple(sent.items())
        case response_modes.FRAGMENT:
            return redirect_uris.append_fragment(destination.redirect_uri, sent), ()
        case _:
            return redirect_uris.append_parameters(destination.redirect_uri, sent), ()


async def refuse_by_redirect(
    request: web.Request, call: Call, client: Client, refused: RedirectRefusal, *, by_person: bool = False
) -> web.Response:
    """The authorization error response (RFC 6749 §4.1.2.1): error, description, ``state`` and ``iss`` alone.
    ``by_person``: it follows from what was answered on a page of ours, which said where the browser would go."""
    parameters = error_members(refused.refusal)
    if refused.state is not None:
        parameters["state"] = refused.state
    destination = Destination(client, refused.redirect_uri, refused.response_mode)
    if not by_person and await has_to_be_asked(request, call, client):
        return await _ask_before_leaving(request, call, destination, parameters, refused.refusal)
    response = await answer_client(request, call, destination, parameters)
    response.headers[ERROR_ID_HEADER] = call.error_id
    return response


async def _ask_before_leaving(
    request: web.Request, call: Call, destination: Destination, parameters: Mapping[str, str],
    refusal: Refusal,
) -> web.Response:  # fmt: skip
    """The same response behind a link or a button, so that the person decides (RFC 9700 §4.11.2)."""
    sent = await encoded(call, destination, parameters)
    if isinstance(sent, Refusal):
        return await refuse_on_page(request, call, "authorize", sent, client_known=True)
    goes_to, fields = address_and_fields(destination, sent)
    page = LeavingPage(
        client=shown_client(call.core, destination.client, destination.redirect_uri),
        goes_to=goes_to,
        fields=fields,
        status=refusal.status,
        error=refusal.error,
        error_id=call.error_id,
        **page_settings(request),
    )
    return call.parts[PAGES].leaving(page)


async def answer_client(
    request: web.Request, call: Call, destination: Destination, parameters: Mapping[str, str],
    ui_locales: tuple[str, ...] = (),
) -> web.Response:  # fmt: skip
    """The authorization response, good or bad; a page when it cannot be put into the form that the client demands."""
    sent = await encoded(call, destination, parameters)
    if isinstance(sent, Refusal):
        return await refuse_on_page(request, call, "authorize", sent, client_known=True)
    settings = page_settings(request, ui_locales)
    return authorization_response(call.parts[PAGES], settings, destination, sent, call.error_id)
