"""Who still has to read what events say, before their contents may leave the log (docs/designs/0023).

One rule for all: contents leave when nobody waits for them any more. A reader answers for one that has a saved position
or messages of its own; whoever keeps no position here, such as a client of ``GET /events``, is waited for by nobody.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from authrim.store.outbox_contract import OutboxStore
from domain.errors import Refusal, invalid_request

#: Why the contents of events up to a position are needed yet; None when they are not. Raises StoreError.
LogReader = Callable[[int], Awaitable[Refusal | None]]

_NOT_SENT: Final = "These events have not all been sent to {} yet."
_NOT_SENT_HINT: Final = (
    "See authrim audit siem. Let the server send them, or take the sink out of the settings."
)
_WAITS: Final = "A message to {} ({}) waits that is made of the event at position {}."
_WAITS_HINT: Final = (
    "See authrim outbox list --waiting. Let the server deliver it, or discard it (authrim outbox discard)."
)


def sink_reader(outbox: OutboxStore, name: str) -> LogReader:
    """One that gets every event in order, and whose position is saved under a name."""

    async def needs(until: int) -> Refusal | None:
        if await outbox.position(name) >= until:
            return None
        return invalid_request(_NOT_SENT.format(name), hint=_NOT_SENT_HINT)

    return needs


def message_reader(outbox: OutboxStore) -> LogReader:
    """Whoever a message waits for: its text is made of the event at each attempt."""

    async def needs(until: int) -> Refusal | None:
        first = await outbox.first_waiting(until)
        if first is None:
            return None
        told = _WAITS.format(first.receiver, first.kind, first.position)
        return invalid_request(told, hint=_WAITS_HINT)

    return needs
