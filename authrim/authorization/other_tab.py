"""A sign-in page that is loaded again after somebody has signed in elsewhere in the same browser."""

from aiohttp import web

from authrim.authorization.interaction import Interaction, StepFacts, facts_for
from authrim.core.call import Call
from authrim.people.sessions.browser import signed_in_browser
from domain.authorization import steps as authorization


async def is_signed_in_since(request: web.Request, call: Call, interaction: Interaction) -> bool:
    """Whether the browser's session now answers this request, so that nobody enters a password twice. A request
    that asks for a new sign-in (``prompt=login``, ``max_age``, or the person who wants another account) still gets
    one."""
    signed_in = await signed_in_browser(request, call, interaction.client)
    if signed_in is None:
        return False
    step = StepFacts(signed_in.now, "", interaction.private.hinted_subject, None)
    facts = facts_for(call, interaction.client, signed_in.browser, step)
    return authorization.is_answered_by_session(interaction.grant, facts)
