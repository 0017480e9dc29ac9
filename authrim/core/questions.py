"""Records a question about a person before it is answered: what, why, and when (A247)."""

from collections.abc import Mapping
from typing import Final

import msgspec

from authrim.core.call import Call
from authrim.core.execute import Change, Outcome, carry_out
from authrim.core.origin import Origin, operator
from authrim.crypto import base64url
from authrim.crypto.ids import new_id
from authrim.crypto.keyed_hash import keyed_hash
from authrim.crypto.master import MasterKeys
from authrim.store.contract import Store
from domain.errors import Refusal, invalid_request
from domain.question_events import QuestionAsked
from domain.stream import question_stream
from domain.units import MICROSECONDS

#: Characters of a reason.
LONGEST_REASON: Final = 500

REASON_WANTED: Final = invalid_request(
    "The question names a person or reads people's data.",
    hint="Say why with --reason, or in the field for it. It is recorded; write nothing personal into it.",
)
REASON_UNUSABLE: Final = invalid_request(
    "The reason cannot be recorded.", hint=f"Use at most {LONGEST_REASON} characters that can be seen."
)


class Question(msgspec.Struct, frozen=True):
    """A question that is recorded. The fields are those of the event."""

    kind: str
    reason: str
    conditions: Mapping[str, str] = {}
    subject: str | None = None
    exported: bool = False


def refuse_reason(reason: str, *, demanded: bool) -> Refusal | None:
    """Why the question is not answered with this reason."""
    if demanded and not reason.strip():
        return REASON_WANTED
    return None if len(reason) <= LONGEST_REASON and (reason.isprintable()) else REASON_UNUSABLE


async def record_question(
    store: Store, tenant: str, question: Question, origin: Origin | None = None
) -> Refusal | None:
    """Append the question as an event. Whoever asks is answered only after it is durable. ``origin``: the request of
    the auditor who asks on a page; None: a command."""
    stream = question_stream(tenant, new_id())

    async def attempt() -> Outcome[None]:
        now = (await store.read_stream(stream)).now // MICROSECONDS
        event = QuestionAsked(
            question.kind,
            now,
            dict(question.conditions),
            question.subject,
            question.reason.strip(),
            operator() if origin is None else f"subject {origin.subject}",
            question.exported,
        )
        return Outcome(None, (Change(stream, 0, (event,)),))

    return await carry_out(store, tenant, attempt, origin=origin)


async def record_question_of(call: Call, question: Question) -> Refusal | None:
    """The same for the question of a client: who asks is in the event's metadata."""
    stream, core = question_stream(call.tenant, new_id()), call.core

    async def attempt() -> Outcome[None]:
        now = (await core.store.read_stream(stream)).now // MICROSECONDS
        conditions = dict(question.conditions)
        event = QuestionAsked(question.kind, now, conditions, question.subject, exported=question.exported)
        return Outcome(None, (Change(stream, 0, (event,)),))

    return await core.executor.until_it_fits(call, attempt, stream, on_configuration=False)


def hidden_text(master: MasterKeys, tenant: str, text: str) -> str:
    """What stands in the log for a text that somebody searched for: whoever has the key can try a guess."""
    values = tenant.encode("utf-8"), text.encode("utf-8", "surrogatepass")
    return base64url.encode(keyed_hash(master.derive("question"), *values))
