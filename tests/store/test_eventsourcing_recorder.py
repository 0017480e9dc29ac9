"""The eventsourcing library's own recorder cases, and its applications, on Authrim's log (decisions.md 13)."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from uuid import UUID, uuid4

import pytest
from eventsourcing import persistence
from eventsourcing.domain import Aggregate
from eventsourcing.tests import persistence as library_cases

from authrim.store.codec import REGISTRIES
from authrim.store.contract import Store
from authrim.store.eventsourcing_adapter import LogRecorder
from authrim.store.postgres.store import PostgresStore
from authrim.store.sqlite.schema import migrate_sqlite
from authrim.store.sqlite.store import SQLiteStore
from tests.store.store_samples import grant_append


@contextmanager
def recorder_on(store: Store) -> Iterator[LogRecorder]:
    """The store open on a loop of its own, in a thread of its own, as a process application would have it."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(store.open(), loop).result()
        try:
            yield LogRecorder(store, loop)
        finally:
            asyncio.run_coroutine_threadsafe(store.close(), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class RecorderCases:
    """What the library's cases are run on; each engine gives a fresh log as ``recorder``."""

    recorder: LogRecorder

    def create_recorder(self) -> LogRecorder:
        return self.recorder

    def test_subscription(self) -> None:
        """The case that the library leaves to be called: what is inserted reaches subscriptions, in order."""
        self.optional_test_insert_subscribe()  # type: ignore[attr-defined]

    def test_insert_of_what_is_given_twice(self) -> None:
        """An event that stands twice in one insert is a conflict, and nothing of it is written."""
        event = persistence.StoredEvent(uuid4(), 1, "topic", b"state")
        with pytest.raises(persistence.IntegrityError):
            self.recorder.insert_events([event, event])
        assert self.recorder.insert_events([]) == []
        assert self.recorder.max_notification_id() is None

    def test_events_of_several_aggregates_keep_their_order(self) -> None:
        """Interleaved events of two aggregates, with UUID and text ids, come back as they went in."""
        aggregate, other = uuid4(), str(uuid4())
        events = [
            persistence.StoredEvent(aggregate, 0, "topic", b"\x00\xff"),
            persistence.StoredEvent(other, 7, "topic", b"b"),
            persistence.StoredEvent(aggregate, 1, "topic", b"c"),
            persistence.StoredEvent(other, 8, "topic", b"d"),
        ]
        assert list(self.recorder.insert_events(events)) == [1, 2, 3, 4]
        assert [
            persistence.StoredEvent(n.originator_id, n.originator_version, n.topic, n.state)
            for n in self.recorder.select_notifications(1, 10)
        ] == events
        assert self.recorder.select_events(other) == [events[1], events[3]]

    def test_projection_over_our_own_events(self) -> None:
        """A projection of the stock library follows Authrim's own streams by topic, from the beginning and on."""
        for name in ("a", "b"):
            self.recorder.start(self.recorder.store.append(grant_append(name))).result()
        with self.recorder.subscribe(gt=0, topics=["grant.code_issued.v1"]) as subscription:
            seen = [next(subscription), next(subscription)]
            self.recorder.start(self.recorder.store.append(grant_append("c"))).result()
            seen.append(next(subscription))
        assert [(n.id, n.originator_id, n.originator_version) for n in seen] == [
            (1, "default:grant:a", 1),
            (2, "default:grant:b", 1),
            (3, "default:grant:c", 1),
        ]
        (event,) = self.recorder.select_events("default:grant:a")
        assert event.topic == "grant.code_issued.v1"

    def test_our_own_streams_are_not_written_from_outside(self) -> None:
        """An application of the library cannot put an event into a grant's stream."""
        for kind in REGISTRIES:
            with pytest.raises(persistence.ProgrammingError):
                self.recorder.insert_events([persistence.StoredEvent(f"default:{kind}:a", 1, "topic", b"")])
        assert self.recorder.max_notification_id() is None

    def test_aggregates_of_the_library(self) -> None:
        """The library's event store keeps the events of its aggregates on our log."""
        transcoder = persistence.JSONTranscoder()
        transcoder.register(persistence.UUIDAsHex())
        transcoder.register(persistence.DatetimeAsISO())
        mapper: persistence.Mapper[UUID] = persistence.Mapper(transcoder)
        events = persistence.EventStore(mapper, self.recorder)
        aggregate = Aggregate()
        aggregate.trigger_event(Aggregate.Event)
        events.put(aggregate.collect_events())
        versions = [event.originator_version for event in events.get(aggregate.id)]
        assert versions == [1, 2]

    def test_the_loops_own_thread_is_refused(self) -> None:
        """A call from the loop's own thread is an error and not a standstill."""

        async def call() -> None:
            with pytest.raises(persistence.ProgrammingError):
                self.recorder.max_notification_id()

        self.recorder.start(call()).result()


class TestRecorderOnSQLite(RecorderCases, library_cases.ApplicationRecorderTestCase[LogRecorder]):
    @pytest.fixture(autouse=True)
    def fresh_log(self, tmp_path: Path) -> Iterator[None]:
        migrate_sqlite(tmp_path / "authrim.db")
        with recorder_on(SQLiteStore(tmp_path / "authrim.db")) as self.recorder:
            yield


class TestRecorderOnPostgres(RecorderCases, library_cases.ApplicationRecorderTestCase[LogRecorder]):
    @pytest.fixture(autouse=True)
    def fresh_log(self, postgres_dsn: str) -> Iterator[None]:
        with recorder_on(PostgresStore(postgres_dsn)) as self.recorder:
            yield
