"""``/authorize/{grant}``: where a request that came by POST goes on, now that the browser sends its cookies."""

from aiohttp import web

from authrim.authorization._step import Advanced, StepTaken, advance
from authrim.authorization.dead_ends import refuse_dead_end
from authrim.authorization.interaction import Interaction, StepFacts, facts_for, open_interaction
from authrim.core.call import Call
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
    return (await go_on(request, call, interaction)).response


async def go_on(
    request: web.Request, call: Call, interaction: Interaction, gone: Refusal | None = None
) -> Advanced:
    """As far as the browser's session allows. ``gone``: what is said when the request is over meanwhile."""

    async def decide(grant: Grant, client: Client, facts: StepFacts) -> StepTaken:
        signed_in = await signed_in_browser(request, call, client)
        browser = signed_in.browser if signed_in else None
        decision = authorization.advance(grant, facts_for(call, client, browser, facts, grant.subject))
        return StepTaken(decision, expects=signed_in.expects if signed_in else ())

    return await advance(request, call, ENDPOINT, interaction, decide, gone, at_once=True)
