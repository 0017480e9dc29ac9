"""Requests of receivers: whose they are, and that there are not too many."""

from typing import Any, Final, NamedTuple

from aiohttp import web

from authrim.core.call import Call
from authrim.signals.receivers import Receiver, read_receiver
from authrim.tokens.resource import Wanted, token_for
from authrim.web.answers import refuse_as_json
from authrim.web.call import call_of
from authrim.web.json_body import read_json_object
from authrim.web.params import parse, raw_query
from domain.client.resource import shared_signals
from domain.errors import Refusal, invalid_request
from domain.signal.stream import NOT_FOUND

ENDPOINT: Final = "shared_signals"
#: The scope values of the CAEP Interoperability Profile (§2.7.2): to read, and to change too.
READ: Final = "ssf.read"
MANAGE: Final = "ssf.manage"
SCOPES: Final = (READ, MANAGE)

#: Changes that a receiver may ask for per minute: each may append an event to a stream that lives long.
CHANGES_PER_MINUTE: Final = 120

TOO_MANY: Final = Refusal(
    "temporarily_unavailable",
    "The receiver changes its stream too often.",
    hint="Wait a minute.",
    section="SSF 1.0 §8.1",
    reason="signal_stream_changed_too_often",
    status=429,
    retry_after=60,
)


class Asked(NamedTuple):
    """A request of a receiver, and what it has for a stream."""

    request: web.Request
    call: Call
    receiver: Receiver

    async def refused(self, refusal: Refusal) -> web.Response:
        """The answer to a request that is refused."""
        return await refuse_as_json(self.request, self.call, ENDPOINT, refusal, client_known=True)

    def stream_refusal(self, stream_id: Any) -> Refusal | None:
        """Why a stream of that name is none of the receiver's. Whether it is another's is not told (A208)."""
        if not isinstance(stream_id, str):
            return invalid_request("stream_id is missing.", section="SSF 1.0 §8.1.1")
        stream = self.receiver.stream
        return None if stream.client_id and stream.stream_id == stream_id else NOT_FOUND

    async def body(self, *, changes: bool = True) -> dict[str, Any] | Refusal:
        """The JSON object of the request. ``changes``: it counts as a change."""
        document = await read_json_object(self.request, with_query=True)
        if isinstance(document, Refusal):
            return document
        return await self.change_refusal() or document if changes else document

    async def change_refusal(self) -> Refusal | None:
        """Why the receiver may not change anything for now."""
        key = f"signals:{self.call.tenant}:{self.receiver.owner}"
        many = await self.call.core.store.count(key, 60) > CHANGES_PER_MINUTE
        return TOO_MANY if many else None


async def asked(request: web.Request, *scopes: str) -> Asked | web.Response:
    """The request, when its token has one of these scope values; else the answer (RFC 6750 §3.1)."""
    call = call_of(request)
    wanted = Wanted(shared_signals(call.core.issuer), scopes)
    presented = await token_for(request, call, ENDPOINT, wanted)
    if isinstance(presented, web.Response):
        return presented
    call = call.of_client(presented.issued.client_id)
    return Asked(request, call, await read_receiver(call.core, call.tenant, presented.client))


def asked_stream_id(request: web.Request) -> str | Refusal | None:
    """``stream_id`` of the query."""
    query = parse(raw_query(request))
    return query if isinstance(query, Refusal) else query.get("stream_id")
