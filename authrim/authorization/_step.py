"""One step of an open request: read it, decide, append, and tell the browser where to go.

Sign-in, consent and the resumed POST differ only in what they decide; the rest is here.
"""

from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import hdrs, web

from authrim.authorization._completion import complete
from authrim.authorization._front_channel import Onward, SignedAnswer, draft_answer, recorded, signed_step
from authrim.authorization._response import ready_to_answer
from authrim.authorization.dead_ends import CLIENT_CHANGED, Cause, DeadEnd, refuse_dead_end, why_not_open
from authrim.authorization.interaction import Interaction, StepFacts, Visit, allowed_client
from authrim.clients.keys import NoUsableKey
from authrim.core.call import Call
from authrim.core.execute import Change, Outcome
from authrim.core.sealed_rows import GRANT, erasing_row
from domain.authorization.request import mode_in_full
from domain.authorization.steps import Step
from domain.client.client import Client
from domain.decision import Decision
from domain.errors import Refusal
from domain.grant.events import AuthorizationRefused
from domain.grant.grant import Grant
from domain.inputs import AuthorizationInputs
from domain.stream import grant_stream
from projections.rows import Row


class StepDecision(msgspec.Struct, frozen=True):
    """What a step decided: the grant's own events and answer, what else is appended with them, and what was decided
    on."""

    decision: Decision[Step]
    changes: tuple[Change, ...] = ()
    rows: tuple[Row, ...] = ()
    expects: tuple[tuple[str, int], ...] = ()
    inputs: AuthorizationInputs | None = None


class StepAnswer(msgspec.Struct, frozen=True):
    """Whether the step was ``taken``, and the response: where the request goes on, or the error page. ``is_over``: it
    is answered, and this browser has nothing more to do with it."""

    taken: bool
    response: web.Response
    is_over: bool


Decide = Callable[[Grant, Client, StepFacts], Awaitable[StepDecision]]


async def advance(
    visit: Visit, decide: Decide, gone: Refusal | None = None, *, at_once: bool = False
) -> StepAnswer:
    """Take one step, and say where the browser goes. ``gone`` is what is said when the request is over or somebody
    else's by then, in place of why."""
    step = await take_step(visit.call, visit.interaction, decide, at_once=at_once)
    return await answer_step(visit, step, gone)


async def take_step(
    call: Call, interaction: Interaction, decide: Decide, *, at_once: bool = False
) -> Onward | Refusal:
    """Decide with grant and client as they are at each try: either may have moved meanwhile. ``at_once``: the
    interaction was opened a moment ago, so the first try uses the grant as it was read then."""
    private, asked = interaction.private, interaction.asked
    binds_to = interaction.browser_hash if asked.request_uri_hash else None
    stream = grant_stream(call.tenant, interaction.grant_id)

    async def attempt(grant: Grant, version: int, now: int) -> Outcome[Onward]:
        closed = why_not_open(grant, interaction.browser_hash, now)
        if closed is not None:
            return Outcome(closed)
        client = await allowed_client(call, asked)
        if client is None:
            return Outcome(CLIENT_CHANGED)
        draft = await draft_answer(call, client, interaction.grant_id, asked.response_type, now)
        if isinstance(draft, Refusal):
            return Outcome(draft)
        facts = StepFacts(now, draft.code_hash, private.hinted_subject, draft.issue_facts, binds_to)
        taken = await decide(grant, client, facts)
        answer = await signed_step(draft, taken.decision.answer, private.state)
        if isinstance(answer, NoUsableKey):
            return Outcome(answer)
        if isinstance(answer, SignedAnswer | Refusal):
            await ready_to_answer(call, client, mode_in_full(asked))
        events = recorded(taken.decision.events, answer)
        changes = (Change(stream, version, events, grant, taken.inputs),) if events else ()
        ended = isinstance(answer, SignedAnswer) or any(
            isinstance(event, AuthorizationRefused) for event in events
        )
        rows = (erasing_row(call.tenant, GRANT, interaction.grant_id),) if ended else ()
        return Outcome(answer, (*changes, *taken.changes), (*rows, *taken.rows), taken.expects)

    just_read = interaction.read if at_once else None
    return await call.core.executor.on_grant(call, interaction.grant_id, attempt, just_read)


async def answer_step(visit: Visit, step: Onward | Refusal, gone: Refusal | None = None) -> StepAnswer:
    """Where the browser goes after a step: on, to the client, or to the error page."""
    request, call = visit.request, visit.call
    if isinstance(step, DeadEnd):
        said = step if gone is None or step.cause is Cause.CLIENT_CHANGED else gone
        refused = await refuse_dead_end(request, call, visit.endpoint, said, client_known=True)
        return StepAnswer(False, refused, is_over=True)
    by_person = request.method == hdrs.METH_POST  # every step but those of /authorize is a form of ours
    response = await complete(request, call, visit.interaction, step, by_person=by_person)
    # Refused before the step was decided: nothing of it was recorded.
    taken = not isinstance(step, NoUsableKey)
    return StepAnswer(taken, response, is_over=isinstance(step, SignedAnswer | Refusal))
