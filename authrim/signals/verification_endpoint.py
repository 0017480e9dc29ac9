"""``/ssf/verification``: a receiver asks for a token that proves that its stream works (SSF 1.0 §8.1.4)."""

from typing import Any, Final

from aiohttp import web

from authrim.core.execute import Change, Outcome
from authrim.core.stream_state import read_state
from authrim.crypto.ids import new_id
from authrim.signals._asked import SCOPES, asked
from authrim.signals.receivers import OWNER_KIND, state_row
from domain.errors import Refusal, invalid_request
from domain.signal.events import SignalVerificationRequested
from domain.signal.stream import NOT_FOUND, fold
from domain.stream import signal_stream

_NO_CONTENT: Final = 204
_LONGEST_STATE: Final = 1024

UNUSABLE: Final = invalid_request(
    f"state is no text of at most {_LONGEST_STATE} characters.", section="SSF 1.0 §8.1.4.2"
)


async def verify(request: web.Request) -> web.StreamResponse:
    """POST. The token comes the way that all tokens come, in the log's order."""
    ask = await asked(request, *SCOPES)
    if isinstance(ask, web.Response):
        return ask
    document = await ask.body()
    refusal = document if isinstance(document, Refusal) else ask.stream_refusal(document.get("stream_id"))
    if isinstance(document, Refusal) or refusal is not None:
        return await ask.refused(refusal or UNUSABLE)
    state = document.get("state")
    if state is not None and not (isinstance(state, str) and len(state) <= _LONGEST_STATE):
        return await ask.refused(UNUSABLE)
    call, receiver = ask.call, ask.receiver
    core, seconds = call.core, call.core.settings.signals_verification_seconds
    key = f"signals_verification:{call.tenant}:{receiver.stream.stream_id}"
    if seconds and not await core.store.reserve(key, core.now() + seconds):
        return await ask.refused(_too_soon(seconds))
    name, verification_id = signal_stream(call.tenant, receiver.owner), new_id()
    values = {} if state is None else {state_row(verification_id): state.encode("utf-8", "replace")}
    rows = await core.private.more_rows(call.tenant, OWNER_KIND, receiver.owner, values) if values else ()

    async def attempt() -> Outcome[None]:
        stream, version, now = await read_state(core.store, name, fold)
        if stream.stream_id != receiver.stream.stream_id:
            return Outcome(NOT_FOUND)
        event = SignalVerificationRequested(verification_id, now)
        return Outcome(None, (Change(name, version, (event,), stream),), rows)

    answer: Any = await core.executor.until_it_fits(call, attempt, name, on_configuration=False)
    return await ask.refused(answer) if isinstance(answer, Refusal) else web.Response(status=_NO_CONTENT)


def _too_soon(seconds: int) -> Refusal:
    return Refusal(
        "temporarily_unavailable",
        "The stream was verified a moment ago.",
        hint="See min_verification_interval.",
        section="SSF 1.0 §8.1.4.2",
        reason="verified_too_soon",
        status=429,
        retry_after=seconds,
    )
