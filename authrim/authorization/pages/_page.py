"""A page of an open authorization request: the steps that show it, and the steps that take its form.

Each page is a table of named steps, which are taken from top to bottom until one of them answers the browser. What
every page begins with is done here: the request that the URL names is open and this browser's, and a form came from our
own page (A179).
"""

from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from authrim.authorization._step import StepDecision, advance
from authrim.authorization.dead_ends import refuse_dead_end
from authrim.authorization.interaction import Interaction, StepFacts, Visit, open_interaction
from authrim.authorization.other_tab import is_signed_in_since
from authrim.core.call import Call
from authrim.web.answers import refuse_on_page, see_other
from authrim.web.call import call_of
from authrim.web.own_form import read_own_form
from domain.authorization.steps import decide_cancelled
from domain.client.client import Client
from domain.errors import Refusal
from domain.grant.grant import Grant
from domain.inputs import AuthorizationInputs

Open = Callable[[web.Request, Call], Awaitable[tuple[Call, Interaction | Refusal]]]
Step = Callable[[Visit], Awaitable[web.StreamResponse | None]]
"""Answers the browser, or lets the next step do it."""


class RequestPage(msgspec.Struct, frozen=True):
    """A page under ``/{endpoint}/{grant}``. The last step of each list always answers. ``opens`` finds the request."""

    endpoint: str
    shows: tuple[Step, ...]
    takes: tuple[Step, ...]
    opens: Open = open_interaction

    async def show(self, request: web.Request) -> web.StreamResponse:
        """GET: changes nothing."""
        call, interaction = await self.opens(request, call_of(request))
        if isinstance(interaction, Refusal):
            return await refuse_dead_end(request, call, self.endpoint, interaction)
        return await _first_answer(self.shows, Visit(request, call, self.endpoint, interaction))

    async def take(self, request: web.Request) -> web.StreamResponse:
        """POST: the person's answer."""
        call, interaction = await self.opens(request, call_of(request))
        if isinstance(interaction, Refusal):
            return await refuse_dead_end(request, call, self.endpoint, interaction)
        form = await read_own_form(request, interaction.csrf)
        if isinstance(form, Refusal):
            return await refuse_on_page(request, call, self.endpoint, form, client_known=True)
        return await _first_answer(self.takes, Visit(request, call, self.endpoint, interaction, form))


async def _first_answer(steps: tuple[Step, ...], visit: Visit) -> web.StreamResponse:
    for step in steps:
        answer = await step(visit)
        if answer is not None:
            return answer
    raise AssertionError("the last step of a page answers")


async def consent_once_signed_in(visit: Visit) -> web.StreamResponse | None:
    """The request has its person already, in this tab or in another one: the next page is the consent page."""
    if visit.interaction.grant.subject is None:
        return None
    return see_other(visit.call.core.url(f"/consent/{visit.interaction.grant_id}"))


async def go_on_with_session(visit: Visit) -> web.StreamResponse | None:
    """Somebody has signed in elsewhere in this browser meanwhile, and the request takes that session."""
    if not await is_signed_in_since(visit.request, visit.call, visit.interaction):
        return None
    return see_other(visit.call.core.url(f"/authorize/{visit.interaction.grant_id}"))


async def cancel(visit: Visit) -> web.StreamResponse | None:
    """The person said no, and the client is told (RFC 6749 §4.1.2.1)."""
    if visit.form.get("action") != "cancel":
        return None

    async def decide(_grant: Grant, _client: Client, facts: StepFacts) -> StepDecision:
        inputs = AuthorizationInputs(facts.now, "cancel", visit.call.core.settings.code_lifetime)
        return StepDecision(decide_cancelled(facts.now), inputs=inputs)

    return (await advance(visit, decide)).response
