"""Point-in-time introspection: was this token active at that time? The answer is signed, for disputes.

It is for those who may introspect the token now (A131, A237). The question is recorded before it is answered; what is
not found, and what is not for the one who asks, look alike. Nothing is told about the person but the ``sub`` that the
resource server knew, and not even that once the person is erased (A267).
"""

import re
from typing import Any, Final

from aiohttp import web

from authrim.audit.past.moments import Moment, Time, moment_at
from authrim.audit.past.reading import Past
from authrim.audit.past.tokens import TokenThen, token_then
from authrim.clients.authentication.back_channel import BackChannelEndpoint, ClientRequest
from authrim.core.questions import Question, hidden_text, record_question_of
from authrim.crypto.ids import digest
from authrim.people.pseudonyms import subject_of_token
from authrim.store.codec import UnreadableEvent
from authrim.tokens.introspected import INACTIVE, NO_TOKEN, NOT_FOR_PUBLIC, members_of
from authrim.tokens.part import TOKENS
from authrim.tokens.signed_answers import TOKEN_AT_TYPE, Statement, sign_token_at
from domain.client.client import may_introspect
from domain.errors import Refusal, invalid_request
from domain.stream import grant_stream
from domain.units import MICROSECONDS, MINUTE

ENDPOINT: Final = "introspect_at"
#: Events of a grant that one question may make the server read: 15 ms of work. A grant that is refreshed every hour
#: gets there in three months; the command has no such limit.
MOST_EVENTS: Final = 5_000

_NUMBER: Final = re.compile(r"[0-9]{1,15}")

TOO_MANY: Final = Refusal(
    "temporarily_unavailable",
    "Too many questions about the past.",
    hint="Wait a minute.",
    section="RFC 6585 §4",
    reason="introspection_at_limit",
    status=429,
    retry_after=MINUTE,
)
TOO_LONG: Final = invalid_request(
    "The history of the grant is too long to be read here.",
    hint="Ask the administrator: authrim audit token reads all of it.",
)
UNREADABLE: Final = invalid_request("The history cannot be read in full.", hint="Ask the administrator.")
WHEN: Final = invalid_request(
    "It is not clear which time is meant.",
    hint="Send at, in seconds since 1970, or position, a position of the log.",
)


async def _answer(asked: ClientRequest) -> web.Response | Refusal:
    if not asked.authenticated.is_confidential:
        return NOT_FOR_PUBLIC
    token, place = asked.form.get("token"), _place(asked)
    if token is None:
        return NO_TOKEN
    if isinstance(place, Refusal):
        return place
    call, store = asked.call, asked.call.core.store
    counter = f"introspect_at:{call.tenant}:{asked.client.client_id}"
    if await store.count(counter, MINUTE) > call.core.settings.introspection_at_per_minute:
        return TOO_MANY
    moment = await moment_at(store, place)
    if isinstance(moment, Refusal):
        return moment
    found = await _find(asked, token, moment)
    if isinstance(found, Refusal):
        return found
    refusal = await _record(asked, token, moment, found)
    return refusal or await _signed(asked, token, moment, found)


def _place(asked: ClientRequest) -> int | Time | Refusal:
    at, position = asked.form.get("at"), asked.form.get("position")
    value = at or position
    if (at is None) == (position is None) or value is None or not _NUMBER.fullmatch(value):
        return WHEN
    return Time(int(value) * MICROSECONDS) if at is not None else int(value)


async def _find(asked: ClientRequest, token: str, moment: Moment) -> TokenThen | Refusal | None:
    """The token as it was, if the client may introspect it now."""
    call = asked.call
    named = await call.parts[TOKENS].access_tokens.identify(call.tenant, token)
    if named is None:
        return None
    if (await call.core.store.read_stream(grant_stream(call.tenant, named.grant_id))).version > MOST_EVENTS:
        return TOO_LONG
    past = Past(call.core.store, call.tenant, moment, call.core.key_ring.times)
    try:
        then = await token_then(past, named.grant_id, named.token_id)
    except UnreadableEvent:
        return UNREADABLE
    if then is None or not named.is_of(then.issued):
        return None
    resources = call.core.configuration.resources(call.tenant)
    allowed = may_introspect(asked.client, then.issued.client_id, then.issued.audience, resources)
    return then if allowed else None


async def _record(
    asked: ClientRequest, token: str, moment: Moment, found: TokenThen | None
) -> Refusal | None:
    """Record the question (A237). What is not found may be anything, and not a token at all: it is hidden."""
    conditions = {"position": str(moment.position)}
    if found is None:
        hidden = hidden_text(asked.call.core.master, asked.call.tenant, token)
        return await record_question_of(
            asked.call, Question("token_at", "", conditions | {"id": hidden}, exported=True)
        )
    conditions |= {"grant": found.grant_id, "id": found.issued.token_id}
    question = Question("token_at", "", conditions, found.issued.subject, exported=True)
    return await record_question_of(asked.call, question)


async def _signed(asked: ClientRequest, token: str, moment: Moment, found: TokenThen | None) -> web.Response:
    core = asked.call.core
    key = core.key_ring.signer(
        asked.call.tenant, asked.client.metadata.id_token_signed_response_alg, core.now()
    )
    statement = Statement(core.issuer, asked.client.client_id, core.now())
    places = (
        () if found is None else found.events[:1]
    )  # that it ended, and why, is for the auditor (RFC 7662 §2.2)
    signed = await sign_token_at(
        key, statement, moment, {"sha256": digest(token)}, _introspection(asked, found), places
    )
    return web.Response(body=signed.encode("ascii"), content_type=f"application/{TOKEN_AT_TYPE}")


def _introspection(asked: ClientRequest, found: TokenThen | None) -> dict[str, Any] | None:
    if found is None:
        return None
    if found.why_inactive:
        return INACTIVE
    core = asked.call.core
    subject = None if found.erased else subject_of_token(core, asked.call.tenant, found.client, found.issued)
    return members_of(core.issuer, found.issued, subject)


INTROSPECT_AT: Final = BackChannelEndpoint(ENDPOINT, _answer, may_repeat=(), for_browsers=False)
