"""Receivers of security event tokens as readers of the log: what waits for one, however long it pauses, is needed."""

from typing import Final

from authrim.core.log_readers import LogReader
from authrim.core.parts import Core
from authrim.signals.receivers import all_receivers
from authrim.signals.waiting import Signals
from domain.errors import Refusal, invalid_request
from domain.signal.stream import DISABLED
from domain.stream import SESSION

_WAITS: Final = "The client {} has not got all security event tokens of these events yet: position {} waits."
_WAITS_HINT: Final = (
    "Let its receiver take them, or set its stream to disabled. If it never will, disable the client: authrim client "
    "disable."
)


def signal_reader(core: Core, tenant: str) -> LogReader:
    """All receivers whose clients may be told something. Of what tokens are made of, sessions alone leave the log."""

    async def needs(until: int) -> Refusal | None:
        signals = Signals()
        async for receiver in all_receivers(core, tenant):
            if receiver.stream.status == DISABLED:
                continue
            first = await signals.first_waiting(core, receiver, SESSION, until)
            if first is not None:
                told = _WAITS.format(receiver.client.client_id, first.position)
                return invalid_request(told, hint=_WAITS_HINT)
        return None

    return needs
