"""From what a client sent to what is recorded: one way for the authorization endpoint and for pushed requests
(RFC 9126 §2.1: the request is validated as at the authorization endpoint)."""

from collections.abc import Mapping
from typing import Any

import msgspec

from authrim.authorization._request_object import request_object
from authrim.authorization.interaction import REQUEST_ROW, OpenRequest, allowed_client
from authrim.core.call import Call
from authrim.core.execute import Change, Outcome
from authrim.core.sealed_rows import GRANT
from authrim.crypto import strict_json
from authrim.crypto.ids import digest, new_id
from authrim.crypto.strict_json import JsonRefused
from authrim.protocol.id_token_hint import hinted_subject
from authrim.web.params import Params
from domain.authorization.parameters import Parameters
from domain.authorization.pushed_request import PushedRequest
from domain.authorization.request import (
    PageRefusal,
    PrivateParameters,
    RedirectRefusal,
    RequestFacts,
    ValidRequest,
    refuse_by_redirect,
    refuse_object,
    validate,
)
from domain.client.client import Client, cannot_be_served
from domain.errors import Refusal, invalid_request
from domain.stream import grant_stream
from domain.vocabulary.features import DPOP, USER_REGISTRATION
from projections.rows import Row

TWO_PEOPLE = invalid_request(
    "The id_token_hint and the claims parameter name two people.",
    hint="Name one.",
    section="OIDC Core §5.5.1",
)


async def read_request(
    call: Call, client: Client, params: Params, *,
    browser_hash: str | None = None, pushed: PushedRequest | None = None,
) -> ValidRequest | PageRefusal | RedirectRefusal:  # fmt: skip
    """Validate the request of a known and active client. A refusal says where it is shown: on a page or by redirect."""
    facts = RequestFacts(
        now=call.core.now(),
        issuer=call.core.issuer,
        interaction_lifetime=call.core.settings.interaction_lifetime,
        response_types=call.core.response_types,
        response_modes=call.core.response_modes,
        browser_hash=browser_hash,
        dpop=DPOP in call.core.features,
        creates_accounts=USER_REGISTRATION in call.core.features,
        pushed=pushed,
        require_pushed=call.core.settings.require_pushed_authorization_requests,
        require_signed=call.core.settings.require_signed_request_object,
        resources=call.core.configuration.resources(call.tenant),
        catalogue=call.core.configuration.catalogue(call.tenant),
    )
    parameters = _parameters(params)
    signed = await request_object(call, client, params)
    if isinstance(signed, Refusal):
        return refuse_object(client, parameters, signed, facts)
    if signed is not None:  # RFC 9101 §5: parameters outside the request object are ignored
        parameters, facts = signed.parameters, msgspec.structs.replace(facts, signed=signed)
    valid = validate(client, parameters, facts)
    unserved = cannot_be_served(client, call.core.features)
    if isinstance(valid, ValidRequest) and unserved is not None:
        return refuse_by_redirect(valid, unserved)
    hint = parameters.get("id_token_hint")
    if not isinstance(valid, ValidRequest) or hint is None:
        return valid
    return _with_hint(call, client, valid, hint)


def _with_hint(call: Call, client: Client, valid: ValidRequest, hint: str) -> ValidRequest | RedirectRefusal:
    """Add the person that the hint names; to read it takes our keys (OIDC Core §3.1.2.1 ``id_token_hint``)."""
    keys = call.core.key_ring.past_and_present_keys(call.tenant, call.core.now())
    subject = hinted_subject(keys, call.core.issuer, client.client_id, hint)
    if valid.private.hinted_subject is not None and subject != valid.private.hinted_subject:
        subject = TWO_PEOPLE
    if isinstance(subject, Refusal):
        return refuse_by_redirect(valid, subject)
    private = msgspec.structs.replace(valid.private, hinted_subject=subject)
    return msgspec.structs.replace(valid, private=private)


def _parameters(params: Params) -> Parameters:
    asked, broken = _claims(params.get("claims"))
    return Parameters(params.values, params.get_all("resource"), params.duplicates, asked, broken)


def _claims(text: str | None) -> tuple[dict[str, Any] | None, bool]:
    """The ``claims`` parameter, read by the strict JSON reader (A029), and whether it was malformed."""
    if text is None:
        return None, False
    try:
        document = strict_json.loads(text.encode("utf-8", "surrogatepass"))
    except JsonRefused:
        return None, True
    return (document, False) if isinstance(document, dict) else (None, True)


def as_opened(grant_id: str, client: Client, valid: ValidRequest) -> OpenRequest:
    """The request as a grant begins with it: its event has the digest of what is kept beside it."""
    asked, private = valid.request, valid.private
    if private != PrivateParameters():
        private = msgspec.structs.replace(private, salt=new_id())
        asked = msgspec.structs.replace(asked, private_digest=digest(msgspec.json.encode(private)))
    return OpenRequest(grant_id, asked, client, private)


def private_rows(call: Call, opened: OpenRequest) -> tuple[Row, ...]:
    """The sealed row of a new grant's private parameters, when it has any (decisions.md 16)."""
    if opened.private == PrivateParameters():
        return ()
    values: Mapping[str, bytes] = {REQUEST_ROW: msgspec.json.encode(opened.private)}
    return call.core.private.first_rows(call.tenant, GRANT, opened.grant_id, values)


async def record_request(call: Call, opened: OpenRequest, changed: Refusal) -> Refusal | None:
    """Record the request alone; how it goes on is for another request to say. ``changed`` when its client may not have
    it any more."""
    stream = grant_stream(call.tenant, opened.grant_id)
    rows = private_rows(call, opened)

    async def attempt() -> Outcome[None]:
        if await allowed_client(call, opened.asked) is None:
            return Outcome(changed)
        return Outcome(None, (Change(stream, 0, (opened.asked,)),), rows)

    return await call.core.executor.until_it_fits(call, attempt, stream)
