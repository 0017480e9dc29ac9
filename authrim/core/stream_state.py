"""The state of one stream, as its events make it."""

from typing import Generic, NamedTuple, TypeVar

from authrim.store import codec
from authrim.store.contract import Store
from domain import stream as streams
from domain.event import Fold
from domain.units import MICROSECONDS

S = TypeVar("S")


class StreamState(NamedTuple, Generic[S]):
    """The state, the version that was read, and the database's clock then, in seconds."""

    state: S
    version: int
    now: int


async def read_state(store: Store, stream: str, fold: Fold[S]) -> StreamState[S]:
    """The state of a stream. Raises UnreadableEvent."""
    read = await store.read_stream(stream)
    events = codec.decode_stream(streams.parse(stream).kind, read)
    return StreamState(fold(events), read.version, read.now // MICROSECONDS)
