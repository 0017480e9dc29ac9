"""What the stream of events brings to a server: how many streams there are, in all and of each client."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from authrim.core.parts import Part
from domain.errors import Refusal

#: Seconds after which a stream that found no place may be asked for again.
RETRY_AFTER: Final = 5

TOO_MANY: Final = Refusal(
    "temporarily_unavailable",
    "The server has as many streams open as it may.",
    reason="too_many_event_streams",
    status=503,
    retry_after=RETRY_AFTER,
)
TOO_MANY_OF_CLIENT: Final = Refusal(
    "temporarily_unavailable",
    "The client has as many streams open as it may.",
    hint="Close one of them, or read more with one.",
    reason="too_many_event_streams_of_client",
    status=429,
    retry_after=RETRY_AFTER,
)


class EventStreams:
    """Counts the streams of a process."""

    def __init__(self, most: int, most_of_client: int) -> None:
        self._most = most
        self._most_of_client = most_of_client
        self._open: Counter[str] = Counter()

    def refusal(self, client_id: str) -> Refusal | None:
        """Why there is no place for one more stream of a client."""
        if self._open[client_id] >= self._most_of_client:
            return TOO_MANY_OF_CLIENT
        return TOO_MANY if self._open.total() >= self._most else None

    @contextmanager
    def counted(self, client_id: str) -> Iterator[None]:
        """A place, as long as the block lasts."""
        self._open[client_id] += 1
        try:
            yield
        finally:
            self._open[client_id] -= 1
            self._open += Counter()  # forgets clients that have none


EVENT_STREAMS: Final[Part[EventStreams]] = Part("event_streams")
