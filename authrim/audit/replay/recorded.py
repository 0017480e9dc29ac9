"""The log as decisions: the events of each, and what is recorded of what it took in."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from authrim.store import codec
from authrim.store.contract import StoredEvent
from authrim.store.dropped import is_dropped
from domain import stream as streams
from domain.event import Event
from domain.inputs import AnyInputs, inputs_in, without
from domain.log_entry import Metadata
from domain.stream import StreamId
from projections.followed import FOREIGN_KIND

_metadata = msgspec.json.Decoder(Metadata).decode


class Recorded(NamedTuple):
    """Events that were decided together on one stream, or, without ``inputs``, one event. ``stored`` are their rows in
    the log."""

    stored: tuple[StoredEvent, ...]
    stream: StreamId
    events: tuple[Event, ...]
    inputs: AnyInputs | None = None

    @property
    def position(self) -> int:
        """The position of the first event."""
        return self.stored[0].position

    @property
    def client_id(self) -> str:
        """The client that asked."""
        return _metadata(self.stored[0].metadata).client_id


class Unreadable(NamedTuple):
    """An event that this build cannot read. ``kind`` names the error, never what is in the event."""

    position: int
    kind: str


class Grouping:
    """Puts the events of a log together as decisions. Page after page, in order; ``rest`` at the end."""

    def __init__(self) -> None:
        self._open: Recorded | None = None
        self._others = b""

    def take(self, page: Iterable[StoredEvent]) -> Iterator[Recorded | Unreadable]:
        """The decisions that are complete after another page."""
        for stored in page:
            if is_dropped(stored):  # the decision is in an archive
                continue
            if self._goes_on(stored):
                assert self._open is not None
                try:
                    event = codec.decode(self._open.stream.kind, stored.type, stored.payload)
                except codec.UnreadableEvent as error:
                    yield Unreadable(stored.position, type(error).__name__)
                    continue
                self._open = self._open._replace(
                    stored=(*self._open.stored, stored), events=(*self._open.events, event)
                )
                continue
            yield from self.rest()
            yield from self._begin(stored)

    def rest(self) -> Iterator[Recorded]:
        """The last decision, which nothing has completed yet."""
        if self._open is not None:
            yield self._open
        self._open = None

    def _begin(self, stored: StoredEvent) -> Iterator[Recorded | Unreadable]:
        try:
            stream = streams.parse(stored.stream)
            if stream.kind == FOREIGN_KIND:
                return
            event = codec.decode(stream.kind, stored.type, stored.payload)
            inputs = inputs_in(stored.metadata)
        except (codec.UnreadableEvent, msgspec.DecodeError, ValueError) as error:
            yield Unreadable(stored.position, type(error).__name__)
            return
        one = Recorded((stored,), stream, (event,), inputs)
        if inputs is None:
            yield one
        else:
            self._open, self._others = one, without(stored.metadata)

    def _goes_on(self, stored: StoredEvent) -> bool:
        """Whether an event belongs to the decision before it: the next one of the stream, and in the same append."""
        if self._open is None:
            return False
        last = self._open.stored[-1]
        return (
            (stored.stream, stored.version, stored.position)
            == (last.stream, last.version + 1, last.position + 1)
            and stored.recorded_at == last.recorded_at
            and stored.metadata == self._others
        )
