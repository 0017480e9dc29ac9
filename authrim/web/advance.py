"""One step of an open request: read it, decide, append, and tell the browser where to go.

Sign-in, consent and the resumed POST differ only in what they decide; the rest is here.
"""

from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from authrim.crypto.handles import new_handle
from authrim.crypto.ids import digest
from authrim.execute import Change, Context, Outcome
from authrim.private_data import GRANT
from authrim.runtime import RUNTIME
from authrim.web.answers import refuse_on_page
from authrim.web.completion import complete
from authrim.web.interaction import (
    CLIENT_CHANGED,
    NOT_YOURS,
    Interaction,
    allowed_client,
    is_open,
)
from domain.authorization import CodeReady, Step
from domain.client import Client
from domain.decision import Decision
from domain.grant import Grant
from domain.grant_events import AuthorizationRefused
from domain.stream import grant_stream
from projections.rows import Row


class StepFacts(msgspec.Struct, frozen=True):
    """What a step is decided with, beside the grant's state."""

    now: int
    code_hash: str
    hinted_subject: str | None


class StepTaken(msgspec.Struct, frozen=True):
    """What a step decided: the grant's own events and answer, and what else is appended with them."""

    decision: Decision[Step]
    changes: tuple[Change, ...] = ()
    rows: tuple[Row, ...] = ()
    expects: tuple[tuple[str, int], ...] = ()


class Advanced(msgspec.Struct, frozen=True):
    """Whether the step was ``taken``, and the response: where the request goes on, or the error page."""

    taken: bool
    response: web.Response


async def advance(
    request: web.Request, context: Context, endpoint: str, interaction: Interaction,
    decide: Callable[[Grant, Client, StepFacts], Awaitable[StepTaken]],
) -> Advanced:  # fmt: skip
    """Take one step, with grant and client as they are at each try: either may have moved meanwhile."""
    runtime = request.app[RUNTIME]
    private = interaction.private
    code = new_handle("ac", interaction.grant_id)
    stream = grant_stream(context.tenant, interaction.grant_id)

    async def attempt(grant: Grant, version: int, now: int) -> Outcome[Step]:
        if not is_open(grant, now):
            return Outcome(NOT_YOURS)
        client = await allowed_client(runtime, context, interaction.asked)
        if client is None:
            return Outcome(CLIENT_CHANGED)
        taken = await decide(grant, client, StepFacts(now, digest(code), private.hinted_subject))
        events, answer = taken.decision.events, taken.decision.answer
        changes = (Change(stream, version, events),) if events else ()
        ended = isinstance(answer, CodeReady) or any(
            isinstance(event, AuthorizationRefused) for event in events
        )
        rows = runtime.private.erasing_rows(context.tenant, GRANT, interaction.grant_id) if ended else ()
        return Outcome(answer, (*changes, *taken.changes), (*rows, *taken.rows), taken.expects)

    step = await runtime.executor.on_grant(context, interaction.grant_id, attempt)
    if step is NOT_YOURS or step is CLIENT_CHANGED:
        return Advanced(False, await refuse_on_page(request, context, endpoint, step, client_known=True))
    return Advanced(
        True, complete(request, context, interaction.grant_id, interaction.asked, step, code, private.state)
    )
