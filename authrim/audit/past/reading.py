"""Streams as they were at a moment.

Everything is read from the log itself, by stream: rows beside the log know only the present.
"""

from collections.abc import Sequence
from typing import Any, Final, TypeVar

import msgspec

from authrim.audit.long_work import beside_the_loop
from authrim.audit.past.moments import Moment
from authrim.store import codec
from authrim.store.contract import StoredEvent
from authrim.store.log_reading import LogReading
from domain import stream as streams
from domain.client import client as clients
from domain.client import client_id_url
from domain.client.client import NO_CLIENT, Client
from domain.event import Event, Fold
from domain.key.key import KeyTimes
from domain.registration.policy import key_times
from domain.setting import settings
from domain.stream import client_stream, setting_stream
from domain.vocabulary.features import CLIENT_ID_METADATA

S = TypeVar("S")

#: Names of streams read at a time.
_PAGE: Final = 500


class Stream(msgspec.Struct, frozen=True):
    """A stream: the events up to a moment, and those after it."""

    stored: Sequence[StoredEvent]
    after: Sequence[StoredEvent]

    async def events(self) -> list[Event]:
        """The events up to the moment. Raises UnreadableEvent."""
        return await _decoded(self.stored)

    async def events_until_now(self) -> list[Event]:
        """All events. Raises UnreadableEvent."""
        return await _decoded([*self.stored, *self.after])


class Past:
    """The log at one moment, for one question: each stream is read once. ``times`` are those by which keys live where
    no settings had been recorded yet."""

    def __init__(self, store: LogReading, tenant: str, moment: Moment, times: KeyTimes) -> None:
        self._store = store
        self.tenant = tenant
        self.moment = moment
        self._times = times
        self._streams: dict[str, Stream] = {}
        self._states: dict[str, Any] = {}
        self._ids: dict[str, list[str]] = {}

    @property
    def now(self) -> int:
        """The time of the moment, in seconds."""
        return self.moment.now

    async def stream(self, name: str) -> Stream:
        """A stream. Raises Unavailable."""
        if name not in self._streams:
            self._streams[name] = await self._read(name)
        return self._streams[name]

    async def _read(self, name: str) -> Stream:
        events = await self._store.read_whole_stream(name)
        # Positions within a stream grow with its versions.
        reached = sum(event.position <= self.moment.position for event in events)
        return Stream(events[:reached], events[reached:])

    async def state(self, name: str, fold: Fold[S]) -> S:
        """The state of a stream at the moment. Raises UnreadableEvent or Unavailable."""
        if name not in self._states:
            events = await (await self.stream(name)).events()
            self._states[name] = await beside_the_loop(events, lambda: fold(events))
        state: S = self._states[name]
        return state

    async def key_times(self) -> KeyTimes:
        """The times by which keys lived, by the settings that a process had started with."""
        recorded = await self.state(setting_stream(self.tenant), settings.fold)
        try:
            return key_times(recorded["jwks_cache_seconds"], recorded["id_token_lifetime"])
        except KeyError:
            return self._times

    async def client(self, client_id: str) -> Client:
        """A client as the server knew it: one with a metadata document only where these were read."""
        recorded = await self.state(setting_stream(self.tenant), settings.fold)
        documents = CLIENT_ID_METADATA in recorded.get("features_on", (CLIENT_ID_METADATA,))
        if not client_id_url.has_client(client_id, documents=documents):
            return NO_CLIENT
        return await self.state(client_stream(self.tenant, client_id), clients.fold)

    async def ids(self, kind: str) -> list[str]:
        """The ids of all streams of a kind that there are, in order; some may have begun after the moment."""
        if kind not in self._ids:
            self._ids[kind] = await self._read_ids(f"{self.tenant}:{kind}:")
        return self._ids[kind]

    async def _read_ids(self, prefix: str) -> list[str]:
        found: list[str] = []
        after = ""
        while names := await self._store.stream_names(prefix, after, _PAGE):
            found += [name.removeprefix(prefix) for name in names]
            after = names[-1]
        return found


async def _decoded(stored: Sequence[StoredEvent]) -> list[Event]:
    """There may be many: on a page, other requests are answered while they are decoded."""
    return await beside_the_loop(
        stored,
        lambda: [
            codec.decode(streams.parse(event.stream).kind, event.type, event.payload) for event in stored
        ],
    )
