"""The access token of a request to one of our protected resources (RFC 6750, RFC 9449 §7, RFC 8705).

The token stands in one place, is active, and whoever sends it proves the key it is bound to; what it may be used for
is the resource's own question.
"""

from typing import Final

import msgspec
from aiohttp import hdrs, web

from authrim.clients.authentication.sender_constraint import proved_keys
from authrim.core.call import Call
from authrim.core.parts import Core
from authrim.outside.media_type import FORM
from authrim.protocol.single_use import use_up
from authrim.tokens.access_tokens import PresentedToken
from authrim.tokens.part import TOKENS
from authrim.web.answers import refuse_as_resource
from authrim.web.errors import BEARER, DPOP, resource_challenge
from authrim.web.params import Params, parse, raw_query, read_form, sent_type
from domain.client.client import NO_CLIENT
from domain.client.resource import userinfo
from domain.errors import Refusal, invalid_request
from domain.grant.events import confirmation_of, token_type_of
from domain.vocabulary.features import DPOP as DPOP_FEATURE
from domain.vocabulary.features import PROTECTED_RESOURCE_METADATA

#: The well-known path (RFC 9728 §3).
WELL_KNOWN: Final = "/.well-known/oauth-protected-resource"

INVALID_TOKEN: Final = Refusal(
    "invalid_token",
    "The access token is not active, or not for this resource.",
    hint="Get a new one.",
    section="RFC 6750 §3.1",
    reason="token_not_active",
    status=401,
)
#: A resource that is no person's is not opened by what a person agreed to.
OF_A_PERSON: Final = Refusal(
    "insufficient_scope",
    "The access token is for a person.",
    hint="Use grant_type=client_credentials.",
    section="RFC 6750 §3.1",
    reason="token_of_a_person",
    status=403,
)
#: A107, A106: the key that the token is bound to was not proved.
NOT_PROVED: Final = Refusal(
    "invalid_token",
    "The access token is bound to a key that this request does not prove.",
    hint="Send it as it was issued: with a DPoP proof, or with the certificate.",
    section="RFC 9449 §7.1",
    reason="token_key_not_proved",
    status=401,
)


class Credentials(msgspec.Struct, frozen=True):
    """An access token as it was sent. ``by_dpop``: with the scheme of RFC 9449 §7.1."""

    token: str
    by_dpop: bool = False

    def __repr__(self) -> str:
        return "Credentials()"


async def presented_token(
    request: web.Request, call: Call, endpoint: str, resource: str | None = None
) -> PresentedToken | web.Response:
    """The active access token of a request that proves what it must; or the answer that says why there is none.
    ``resource``: the resource's identifier; None: userinfo."""
    described = described_at(call.core, resource)
    credentials = await _credentials(call.core, request)
    if credentials is None:
        schemes = (BEARER, DPOP) if DPOP_FEATURE in call.core.features else (BEARER,)
        return resource_challenge(error_id=call.error_id, schemes=schemes, described_at=described)
    if isinstance(credentials, Refusal):
        return await refuse_as_resource(call, endpoint, credentials, described_at=described)
    presented = await call.parts[TOKENS].access_tokens.find(call.tenant, credentials.token)
    refusal = await _refusal(call, request, credentials, presented)
    if refusal is not None:
        by_dpop = credentials.by_dpop or (presented is not None and presented.issued.jkt is not None)
        scheme = DPOP if by_dpop else BEARER
        return await refuse_as_resource(call, endpoint, refusal, scheme=scheme, described_at=described)
    assert presented is not None
    return presented


class Wanted(msgspec.Struct, frozen=True):
    """What a token must be for: one of our resources by its identifier, and one of some scope values."""

    resource: str
    scopes: tuple[str, ...]


async def token_for(
    request: web.Request, call: Call, endpoint: str, wanted: Wanted
) -> PresentedToken | web.Response:
    """The token of a client that acts for itself (RFC 6749 §4.4), for a resource that is no person's."""
    presented = await presented_token(request, call, endpoint, wanted.resource)
    if isinstance(presented, web.Response):
        return presented
    issued, scope = presented.issued, ""
    if {call.core.issuer, wanted.resource}.isdisjoint(issued.audience):
        refusal = INVALID_TOKEN
    elif issued.subject is not None:
        refusal, scope = OF_A_PERSON, wanted.scopes[0]
    elif not set(wanted.scopes).isdisjoint(issued.scope):
        return presented
    else:
        refusal, scope = _insufficient(wanted.scopes), wanted.scopes[0]
    return await refuse_as_resource(
        call.of_client(issued.client_id), endpoint, refusal, scheme=token_type_of(issued), scope=scope,
        described_at=described_at(call.core, wanted.resource),
    )  # fmt: skip


def _insufficient(scopes: tuple[str, ...]) -> Refusal:
    return Refusal(
        "insufficient_scope",
        f"The access token has not the scope {' or '.join(scopes)}.",
        hint=f"Ask for {scopes[0]}.",
        section="RFC 6750 §3.1",
        reason="scope_too_little",
        status=403,
    )


def described_at(core: Core, resource: str | None = None) -> str:
    """Where the metadata of one of our protected resources is: before its own path (RFC 9728 §3.1). Empty if there is
    none. ``resource`` None: userinfo."""
    if PROTECTED_RESOURCE_METADATA not in core.features:
        return ""
    return core.origin + WELL_KNOWN + (resource or userinfo(core.issuer)).removeprefix(core.origin)


async def _credentials(core: Core, request: web.Request) -> Credentials | Refusal | None:
    """The token, from the header or the form, from one place only and never from the query (RFC 6750 §2)."""
    query = parse(raw_query(request))
    if isinstance(query, Refusal):
        return query
    if query.get("access_token") is not None:
        return invalid_request(
            "An access token in the query is refused.", hint="Use the header.", section="RFC 9700 §4.3.2"
        )
    headers = request.headers.getall(hdrs.AUTHORIZATION, [])
    form = await _form(request)
    if isinstance(form, Refusal):
        return form
    in_form = form.get("access_token")
    if len(headers) + (in_form is not None) > 1 or "access_token" in form.duplicates:
        return invalid_request(
            "There is more than one access token.", hint="Send one, in one place.", section="RFC 6750 §2"
        )
    if in_form is not None:
        return Credentials(in_form)
    scheme, _, token = headers[0].partition(" ") if headers else ("", "", "")
    by_dpop = scheme.lower() == "dpop" and DPOP_FEATURE in core.features
    return (
        Credentials(token.strip(), by_dpop)
        if token.strip() and (by_dpop or scheme.lower() == "bearer")
        else None
    )


async def _form(request: web.Request) -> Params | Refusal:
    """The form of a POST that has one; a POST without a body may carry its token in the header."""
    if request.method != hdrs.METH_POST or sent_type(request).essence != FORM:
        return parse(b"")
    return await read_form(request, with_query=True)


async def _refusal(
    call: Call, request: web.Request, credentials: Credentials,
    presented: PresentedToken | None,
) -> Refusal | None:  # fmt: skip
    """Why the token does not count: it is not active, or the request does not prove the keys it is bound to.

    A bound token is never taken as a bearer token (A107), and one that is not bound never with the other scheme.
    """
    if presented is None or not presented.is_active:
        return INVALID_TOKEN
    if credentials.by_dpop != (presented.issued.jkt is not None):
        return NOT_PROVED
    client = await call.core.configuration.client(call.tenant, presented.issued.client_id)
    proved = await proved_keys(
        call, request, client or NO_CLIENT, credentials.token, by_dpop=credentials.by_dpop
    )
    if isinstance(proved, Refusal):
        return msgspec.structs.replace(proved, status=401)  # RFC 9449 §7.1, §9
    if not confirmation_of(presented.issued).is_proved_by(proved.keys):
        return NOT_PROVED
    used = await use_up(call.core.store, proved.once) if proved.once else None
    return None if used is None else msgspec.structs.replace(used, status=401)
