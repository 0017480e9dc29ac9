"""The log as an ``ApplicationRecorder`` of the eventsourcing library (decisions.md 13).

Anyone can write a projection or a process application on Authrim's log with the stock library. The library calls
from threads; the store lives on an event loop; this adapter is the bridge.

An originator id that names one of our streams (``default:grant:…``) reads that stream. All others, and everything
that is written here, stand in streams of kind ``es``, which Authrim itself never decodes: their topics are not ours.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar
from uuid import UUID

from eventsourcing.persistence import (
    ApplicationRecorder,
    IntegrityError,
    ListenNotifySubscription,
    Notification,
    OperationalError,
    ProgrammingError,
    StoredEvent,
    Subscription,
)

from authrim.store import contract
from authrim.store.codec import REGISTRIES
from authrim.store.contract import Append, Conflict, NewEvent, Store, StreamAppend, Unavailable
from domain import stream as streams

T = TypeVar("T")

#: The kind of streams that belong to other applications.
OTHER = "es"
#: How many events are read at a time when a topic is looked for.
PAGE = 500


class LogRecorder(ApplicationRecorder):
    """Reads the log, and appends events of other applications, on behalf of any thread but the loop's own.

    ``loop`` runs ``store``. Raises the library's own errors: IntegrityError for an event that is there already,
    OperationalError while the store is unavailable.
    """

    def __init__(
        self, store: Store, loop: asyncio.AbstractEventLoop, tenant: str = streams.DEFAULT_TENANT
    ) -> None:
        self.store = store
        self._loop = loop
        self._tenant = tenant

    def insert_events(self, stored_events: Sequence[StoredEvent], **_kwargs: Any) -> Sequence[int]:
        """Append all events or none; their positions in the log."""
        if not stored_events:
            return []
        identities = {(event.originator_id, event.originator_version) for event in stored_events}
        if len(identities) < len(stored_events):
            raise IntegrityError("an event stands twice in what is to be inserted")
        metadata = f'{{"tenant":"{self._tenant}","actor":"application"}}'.encode()
        appended = self._wait_for(self.store.append(Append(self._stream_appends(stored_events), metadata)))
        return list(range(appended.first_position, appended.last_position + 1))

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """Events of one stream with ``gt < version <= lte``, newest first when ``desc``."""
        events = [
            StoredEvent(originator_id, event.version, event.type, event.payload)
            for event in self._wait_for(self.store.read_whole_stream(self._stream(originator_id)))
            if (gt is None or event.version > gt) and (lte is None or event.version <= lte)
        ]
        if desc:
            events.reverse()
        return events[:limit]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Events of the log from ``start`` to ``stop``, at most ``limit``, of the given topics or of all."""
        after = 0 if start is None else start - 1 if inclusive_of_start else start
        return self._wait_for(self._select_notifications(after, limit, stop, topics))

    def max_notification_id(self) -> int | None:
        """The newest position, None when the log is empty."""
        return self._wait_for(self.store.head()).position or None

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> Subscription[ApplicationRecorder]:
        """All events after position ``gt``, those there are and those to come."""
        return LogSubscription(self, gt, topics)

    def start(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine on the store's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def _wait_for(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """The result of a coroutine that runs on the store's loop."""
        if _is_running(self._loop):
            coroutine.close()
            raise ProgrammingError("the store's own loop would wait for itself: call from another thread")
        try:
            return self.start(coroutine).result()
        except Conflict as conflict:
            raise IntegrityError(str(conflict)) from None
        except Unavailable as unavailable:
            raise OperationalError(str(unavailable)) from None

    async def _select_notifications(
        self, after: int, limit: int, stop: int | None, topics: Sequence[str]
    ) -> list[Notification]:
        selected: list[Notification] = []
        size = max(limit, PAGE) if topics else limit
        while len(selected) < limit and (page := await self.store.read_log(after, size)):
            for event in page:
                if stop is not None and event.position > stop:
                    return selected
                if not topics or event.type in topics:
                    selected.append(_notification(event))
            after = page[-1].position
        return selected[:limit]

    def _stream_appends(self, stored_events: Sequence[StoredEvent]) -> tuple[StreamAppend, ...]:
        """The events as appends, in their order: successive versions of one stream together."""
        appends: list[StreamAppend] = []
        for event in stored_events:
            stream = self._stream(event.originator_id)
            if streams.parse(stream).kind != OTHER:
                raise ProgrammingError("Authrim's own streams are written by Authrim only")
            new = NewEvent(event.topic, event.state)
            before = event.originator_version - 1
            last = appends[-1] if appends else None
            if (
                last is not None
                and last.stream == stream
                and last.expected_version + len(last.events) == before
            ):
                appends[-1] = last._replace(events=(*last.events, new))
            else:
                appends.append(StreamAppend(stream, before, (new,)))
        return tuple(appends)

    def _stream(self, originator_id: UUID | str) -> str:
        """The stream of an originator."""
        if isinstance(originator_id, UUID):
            return f"{self._tenant}:{OTHER}:uuid:{originator_id}"
        parts = originator_id.split(":", 2)
        if len(parts) == 3 and parts[1] in REGISTRIES:
            return originator_id
        return f"{self._tenant}:{OTHER}:text:{originator_id}"


class LogSubscription(ListenNotifySubscription[LogRecorder]):
    """Follows the log: the library's own subscription, woken by the store's hints."""

    def __init__(self, recorder: LogRecorder, gt: int | None, topics: Sequence[str]) -> None:
        self._listening: Future[None] | None = None
        super().__init__(recorder=recorder, gt=gt, topics=topics)  # its thread may already stop() on an error
        self._listening = recorder.start(self._listen(recorder.store))
        if self._has_been_stopped:
            self._listening.cancel()

    def stop(self) -> None:
        """End the iteration."""
        super().stop()
        if self._listening is not None:
            self._listening.cancel()

    async def _listen(self, store: Store) -> None:
        async for _position in store.changes():
            self._has_been_notified.set()


def _is_running(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether the caller is on the loop's own thread."""
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False


def _notification(event: contract.StoredEvent) -> Notification:
    return Notification(_originator(event.stream), event.version, event.type, event.payload, event.position)


def _originator(stream: str) -> UUID | str:
    """The originator of a stream: the other way of ``LogRecorder._stream``."""
    _tenant, kind, identifier = streams.parse(stream)
    if kind != OTHER:
        return stream
    form, _, value = identifier.partition(":")
    return UUID(value) if form == "uuid" else value
