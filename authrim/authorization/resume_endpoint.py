"""``/authorize/{grant}``: where a request that came by POST goes on, now that the browser sends its cookies."""

from aiohttp import web

from authrim.authorization._step import StepAnswer, StepDecision, advance
from authrim.authorization.dead_ends import refuse_dead_end
from authrim.authorization.interaction import StepFacts, Visit, facts_for, inputs_of_step, open_interaction
from authrim.people.sessions.browser import signed_in_browser
from authrim.web.call import call_of
from authrim.web.own_host import led_home
from domain.authorization import steps as authorization
from domain.client.client import Client
from domain.errors import Refusal
from domain.grant.grant import Grant

ENDPOINT = "authorize"


@led_home
async def resume(request: web.Request) -> web.StreamResponse:
    """GET ``/authorize/{grant}``."""
    call = call_of(request)
    call, interaction = await open_interaction(request, call)
    if isinstance(interaction, Refusal):
        return await refuse_dead_end(request, call, ENDPOINT, interaction)
    return (await go_on(Visit(request, call, ENDPOINT, interaction))).response


async def go_on(visit: Visit, gone: Refusal | None = None) -> StepAnswer:
    """As far as the browser's session allows. ``gone``: what is said when the request is over meanwhile."""

    async def decide(grant: Grant, client: Client, facts: StepFacts) -> StepDecision:
        signed_in = await signed_in_browser(visit.request, visit.call, client)
        browser = signed_in.browser if signed_in else None
        known = facts_for(visit.call, client, browser, facts, grant.subject)
        decision = authorization.advance(grant, known)
        inputs = inputs_of_step(visit.call, "session", known, grant.subject)
        return StepDecision(decision, expects=signed_in.expects if signed_in else (), inputs=inputs)

    return await advance(visit, decide, gone, at_once=True)
