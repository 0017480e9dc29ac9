"""The authorization endpoint for a pushed request (RFC 9126 §4). The browser brings the ``request_uri``; all other
parameters of the query are ignored (RFC 9101 §5)."""

from urllib.parse import urlencode

from aiohttp import hdrs, web

from authrim.authorization.dead_ends import CLIENT_CHANGED, refuse_dead_end
from authrim.authorization.interaction import Interaction, Visit, allowed_client, private_parameters
from authrim.authorization.resume_endpoint import go_on
from authrim.core.call import Call
from authrim.core.execute import GrantRead
from authrim.crypto.handles import PUSHED_REQUEST, parse_handle
from authrim.crypto.ids import digest
from authrim.web.answers import see_other
from authrim.web.cookies import fetched_secret, new_fetched_secret, set_request_cookie
from authrim.web.own_form import csrf_token
from domain.authorization.pushed_request import PREFIX, UNKNOWN, USED, why_unusable
from domain.errors import Refusal

ENDPOINT = "authorize"


async def authorize_pushed(
    request: web.Request, call: Call, client_id: str, request_uri: str
) -> web.StreamResponse:
    """GET or POST ``/authorize?client_id=…&request_uri=urn:…``. A bad ``request_uri`` is never answered by a
    redirect: only a good one tells where the client wants its answers."""
    if request.method == hdrs.METH_POST:  # its session cookie stayed behind (decisions.md 28)
        named = urlencode({"client_id": client_id, "request_uri": request_uri})
        return see_other(call.core.url(f"/authorize?{named}"))
    interaction = await _fetched(request, call, client_id, request_uri.removeprefix(PREFIX))
    if isinstance(interaction, Refusal):
        return await refuse_dead_end(request, call, ENDPOINT, interaction, client_known=True)
    answer = await go_on(Visit(request, call, ENDPOINT, interaction), gone=USED)
    if not answer.is_over:
        set_request_cookie(request, answer.response, interaction.grant_id, interaction.secret)
    return answer.response


async def _fetched(request: web.Request, call: Call, client_id: str, value: str) -> Interaction | Refusal:
    """The open request behind the ``request_uri``, for this browser."""
    tenant = call.tenant
    handle = parse_handle(value)
    if handle is None or handle.kind != PUSHED_REQUEST:
        return UNKNOWN
    read = await call.core.executor.read_grant(tenant, handle.grant_id)
    secret = fetched_secret(request, tenant, handle.grant_id)
    browser_hash = None if secret is None else digest(secret)
    refusal = why_unusable(read.grant, client_id, digest(value), browser_hash, read.now)
    if refusal is not None:
        return refusal
    return await _interaction(call, handle.grant_id, read, secret)


async def _interaction(
    call: Call, grant_id: str, read: GrantRead, secret: str | None
) -> Interaction | Refusal:
    """The interaction of a browser that keeps its secret when it fetches again, so that its open pages go on."""
    asked = read.grant.request
    assert asked is not None
    client = await allowed_client(call, asked)
    if client is None:
        return CLIENT_CHANGED
    private = await private_parameters(call, grant_id, asked)
    if private is None:
        return USED
    secret = secret or new_fetched_secret(call.core, call.tenant, grant_id)
    csrf = csrf_token(call.core, grant_id, secret)
    return Interaction(grant_id, asked, client, private, read, csrf, secret)
