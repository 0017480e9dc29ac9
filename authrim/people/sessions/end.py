"""The end of a session: by its own person, by an administrator, or by what happened to its account."""

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Final

import msgspec

from authrim.core.call import Call
from authrim.core.execute import Change, Outcome, carry_out
from authrim.core.paging import rows_of_subject
from authrim.store import codec
from authrim.store.contract import Store
from domain.errors import Refusal, temporarily_unavailable
from domain.liveness import ACTIVE
from domain.person import session as sessions
from domain.person.account import Account
from domain.stream import SESSION, session_stream
from domain.units import MICROSECONDS
from projections.tables import SESSIONS

#: How often all sessions are gone through that others keep changing.
_ROUNDS: Final = 3

SESSION_LEFT: Final = msgspec.structs.replace(
    temporarily_unavailable("A session goes on, because others keep changing it. All else was done."),
    hint="Run authrim account end-sessions.",
)


async def end_sessions(store: Store, tenant: str, subject: str, reason: str) -> int | Refusal:
    """End every session of a person, so that a stolen cookie is worth nothing from then on (A188); how many there were.

    A session that others keep changing is left for the end and tried again. The refusal
    says that it is still there; all others have ended then.
    """
    async with aclosing(rows_of_subject(store, SESSIONS, tenant, subject)) as rows:
        live = [row["session_id"] async for row in rows if row["status"] == ACTIVE]
    ended = 0
    for _ in range(_ROUNDS):
        left: list[str] = []
        for session_id in live:
            was_live = await end_one(store, tenant, session_id, reason)
            if isinstance(was_live, Refusal):
                left.append(session_id)
            else:
                ended += was_live
        live = left
    return SESSION_LEFT if live else ended


async def and_end_sessions(
    store: Store, tenant: str, subject: str, reason: str, account: Account
) -> Account | Refusal:
    """End the person's sessions after a change of the account; the account, or the refusal that says that one is
    left."""
    ended = await end_sessions(store, tenant, subject, reason)
    return ended if isinstance(ended, Refusal) else account


async def end_session(call: Call, session_id: str, reason: str) -> None:
    """End the session of this browser. Every node knows at once: each reads the session's row, which is written with
    the event."""
    attempt = _ending(call.core.store, call.tenant, session_id, reason)
    await call.core.executor.until_it_fits(call, attempt, session_stream(call.tenant, session_id))


async def end_one(store: Store, tenant: str, session_id: str, reason: str) -> bool | Refusal:
    """End a session by its id; whether it was live. Refused when others keep changing it: it goes on then."""
    return await carry_out(store, tenant, _ending(store, tenant, session_id, reason))


def _ending(
    store: Store, tenant: str, session_id: str, reason: str
) -> Callable[[], Awaitable[Outcome[bool]]]:
    """One try to end a session; whether it was live."""
    stream = session_stream(tenant, session_id)

    async def attempt() -> Outcome[bool]:
        read = await store.read_stream(stream)
        session = sessions.fold(codec.decode_stream(SESSION, read))
        events = sessions.decide_end(session, reason, read.now // MICROSECONDS)
        changes = (Change(stream, read.version, events, session),) if events else ()
        return Outcome(bool(events), changes)

    return attempt
