"""An open authorization request as its pages see it.

The URL names the grant, a cookie proves that this browser is the one the request belongs to, and everything else
comes from the recorded request (A018): the pages take no parameter of it from the browser.
"""

from typing import Final

import msgspec
from aiohttp import web

from authrim.authorization.dead_ends import CLIENT_CHANGED, EXPIRED, OTHER_BROWSER, UNKNOWN, why_closed
from authrim.core.call import Call
from authrim.core.execute import GrantRead
from authrim.core.parts import Core
from authrim.core.sealed_rows import GRANT
from authrim.crypto.ids import digest
from authrim.people.pseudonyms import hinted_person
from authrim.web.cookies import fetched_secret, request_secret
from authrim.web.own_form import csrf_token
from authrim.web.params import NO_PARAMS, Params
from domain.authorization.recorded_inputs import of_step
from domain.authorization.request import PrivateParameters
from domain.authorization.steps import AuthorizationFacts, Browser, code_lifetime_for
from domain.authorization.still_allowed import is_still_allowed
from domain.client.client import Client
from domain.errors import Refusal
from domain.grant.events import AuthorizationRequested
from domain.grant.grant import Grant
from domain.grant.issue import IssueFacts
from domain.inputs import AuthorizationInputs, Step
from domain.vocabulary.acr import ACR_SUPPORTED
from domain.vocabulary.features import USER_REGISTRATION

#: Name of the sealed row with parameters that may hold personal data.
REQUEST_ROW: Final = "request"


class OpenRequest(msgspec.Struct, frozen=True):
    """An authorization request on record that is not answered yet. ``private`` are its sealed parameters."""

    grant_id: str
    asked: AuthorizationRequested
    client: Client
    private: PrivateParameters

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.grant_id})"


class Interaction(OpenRequest, frozen=True):
    """An open request of this browser. ``read`` is its grant as it was when it was opened, ``csrf`` the token of its
    forms, ``secret`` is the browser's own."""

    read: GrantRead
    csrf: str
    secret: str

    @property
    def grant(self) -> Grant:
        """The grant as it was when it was opened."""
        return self.read.grant

    @property
    def browser_hash(self) -> str:
        """The digest of the browser's secret."""
        return digest(self.secret)


class Visit(msgspec.Struct, frozen=True):
    """One request of a browser to an endpoint of an open authorization request; ``form`` is what it sent there."""

    request: web.Request
    call: Call
    endpoint: str
    interaction: Interaction
    form: Params = NO_PARAMS

    def of_person(self, subject: str) -> "Visit":
        """The same visit, now that it is known whose it is."""
        return msgspec.structs.replace(self, call=self.call.of_person(subject))

    def __repr__(self) -> str:
        return f"Visit({self.endpoint}, {self.interaction.grant_id})"


async def open_interaction(request: web.Request, call: Call) -> tuple[Call, Interaction | Refusal]:
    """The open request that the URL names, when it is this browser's; and the call, which knows its client then."""
    grant_id = request.match_info["grant_id"]
    read = await call.core.executor.read_grant(call.tenant, grant_id)
    asked = read.grant.request
    if asked is None:
        return call, UNKNOWN
    call = call.of_client(asked.client_id)
    closed = why_closed(read.grant, read.now)
    if closed is not None:
        return call, closed
    secret = _browser_secret(request, call, grant_id, read.grant)
    if secret is None:
        return call, OTHER_BROWSER
    client = await allowed_client(call, asked)
    if client is None:
        return call, CLIENT_CHANGED
    private = await private_parameters(call, grant_id, asked)
    if private is None:
        return call, EXPIRED
    csrf = csrf_token(call.core, grant_id, secret)
    return call, Interaction(grant_id, asked, client, private, read, csrf, secret)


def _browser_secret(request: web.Request, call: Call, grant_id: str, grant: Grant) -> str | None:
    """The secret of this browser, when the request is its own. A pushed one is everybody's who fetched it, until
    somebody signs in (decisions.md 20)."""
    if grant.browser_hash is None and grant.request is not None and grant.request.request_uri_hash:
        return fetched_secret(request, call.tenant, grant_id)
    return request_secret(request, grant_id, grant.browser_hash)


async def allowed_client(call: Call, asked: AuthorizationRequested) -> Client | None:
    """The request's client as it is now, if it is still allowed what it asked for."""
    client = await call.core.configuration.client(call.tenant, asked.client_id)
    if client is None or not is_still_allowed(
        client, asked, call.core.response_types, call.core.response_modes
    ):
        return None
    return client


async def private_parameters(
    call: Call, grant_id: str, asked: AuthorizationRequested
) -> PrivateParameters | None:
    """The request's sealed parameters, empty when it had none; None when they are not what was recorded."""
    if asked.private_digest is None:
        return PrivateParameters()
    stored = await call.core.private.open(call.tenant, GRANT, grant_id, REQUEST_ROW)
    if stored is None or digest(stored) != asked.private_digest:
        return None
    return msgspec.json.decode(stored, type=PrivateParameters)


class StepFacts(msgspec.Struct, frozen=True):
    """The facts of a step, beside the grant's state: the time, and what a response would contain.
    ``browser_hash`` is the browser that a pushed request gets bound to."""

    now: int
    code_hash: str
    hinted_subject: str | None
    issue: IssueFacts | None
    browser_hash: str | None = None


def facts_for(
    call: Call, client: Client, browser: Browser | None, step: StepFacts,
    subject: str | None = None,
) -> AuthorizationFacts:  # fmt: skip
    """The facts that the authorization is decided with. ``browser`` None: nobody is signed in there. ``subject``: the
    person of the grant, once it is known."""
    known = (subject, browser.session.subject if browser else None)
    return AuthorizationFacts(
        now=step.now,
        client=client,
        code_hash=step.code_hash,
        code_lifetime=code_lifetime_for(client, call.core.settings.code_lifetime),
        browser=browser,
        hinted_subject=hinted_person(call.core, call.tenant, client, step.hinted_subject, known),
        acr_supported=ACR_SUPPORTED,
        issue=step.issue,
        browser_hash=step.browser_hash,
        catalogue=call.core.configuration.catalogue(call.tenant),
    )


def inputs_of_step(
    call: Call, step: Step, facts: AuthorizationFacts, subject: str | None = None
) -> AuthorizationInputs:
    """What is recorded beside a step that was decided with these facts."""
    return of_step(step, facts, subject, call.core.settings.code_lifetime, call.core.token_lifetimes)


def create_account_url(core: Core, interaction: Interaction) -> str:
    """Where the person makes an account for this request; empty when nobody does here, or when the request is about
    somebody who has one (OIDC Core §3.1.2.1 ``id_token_hint``, §5.5.1)."""
    if USER_REGISTRATION not in core.features or interaction.private.hinted_subject is not None:
        return ""
    return core.url(f"/create-account/{interaction.grant_id}")
