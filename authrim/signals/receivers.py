"""Receivers and their streams: read, changed, and known by names that say nothing to others."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

import msgspec

from authrim.core.call import Call
from authrim.core.execute import Change, Outcome
from authrim.core.parts import Core
from authrim.core.stream_state import read_state
from authrim.crypto import base64url
from authrim.crypto.ids import digest
from authrim.crypto.keyed_hash import keyed_hash
from domain import stream as streams
from domain.client.client import Client
from domain.decision import Decision
from domain.errors import Refusal
from domain.liveness import ACTIVE
from domain.signal.stream import NOT_FOUND, SignalStream, fold
from projections.rows import Row

#: The owner kind of sealed rows: the header for pushes, the states of verifications.
OWNER_KIND: Final = "signal"
AUTHORIZATION: Final = "authorization"

_PAGE: Final = 200


class Receiver(msgspec.Struct, frozen=True):
    """A client and its stream. ``owner`` names the stream in the log, ``version`` is the one that was read."""

    tenant: str
    owner: str
    client: Client
    stream: SignalStream
    version: int = 0


def owner_of(client_id: str) -> str:
    """The name of a client's stream in the log."""
    return digest(client_id)


def state_row(verification_id: str) -> str:
    """The name of the sealed row with the ``state`` of a verification."""
    return f"state.{verification_id}"


def keyed_name(core: Core, purpose: str, *values: str) -> str:
    """A name that only this server can make, and makes again: its key stays when another becomes current."""
    key = core.master.derive_lasting(purpose)
    return base64url.encode(keyed_hash(key, *(value.encode() for value in values)))


async def read_receiver(core: Core, tenant: str, client: Client) -> Receiver:
    """The stream of a client; an empty one when there is none. Raises UnreadableEvent."""
    owner = owner_of(client.client_id)
    state, version, _now = await read_state(core.store, streams.signal_stream(tenant, owner), fold)
    return Receiver(tenant, owner, client, state, version)


async def all_receivers(core: Core, tenant: str) -> AsyncIterator[Receiver]:
    """Every receiver that has a stream, and whose client may be told something."""
    prefix = after = streams.signal_stream(tenant, "")
    while True:
        names = await core.store.stream_names(prefix, after, _PAGE)
        for name in names:
            if name.endswith(streams.DELIVERED):
                continue
            state, version, _now = await read_state(core.store, name, fold)
            client = await core.configuration.client(tenant, state.client_id) if state.client_id else None
            if client is not None and client.status == ACTIVE:
                yield Receiver(tenant, streams.parse(name).id, client, state, version)
        if len(names) < _PAGE:
            return
        after = names[-1]


async def _no_rows() -> tuple[Row, ...]:
    return ()


async def change_stream(
    call: Call, client_id: str, decide: Callable[[SignalStream, int, int], Decision[SignalStream]],
    rows: Callable[[], Awaitable[tuple[Row, ...]]] = _no_rows, *, stream_id: str | None = None,
) -> SignalStream | Refusal:  # fmt: skip
    """Append what ``decide(stream, head, now)`` decides, with rows beside it when it accepts. ``stream_id``: of the
    stream that is meant, which may have given way to another one since it was read; None: there need be none."""
    core, name = call.core, streams.signal_stream(call.tenant, owner_of(client_id))

    async def attempt() -> Outcome[SignalStream]:
        head = (await core.store.head()).position
        state, version, now = await read_state(core.store, name, fold)
        if stream_id is not None and state.stream_id != stream_id:
            return Outcome(NOT_FOUND)
        decision = decide(state, head, now)
        changes = (Change(name, version, decision.events, state),) if decision.events else ()
        accepted = () if isinstance(decision.answer, Refusal) else await rows()
        # Rows without an event belong to the stream as it was read, too.
        return Outcome(decision.answer, changes, accepted, () if changes else ((name, version),))

    return await core.executor.until_it_fits(call, attempt, name, on_configuration=False)
