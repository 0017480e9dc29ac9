"""The rows that the events of an append become, but for their positions and their time: one way for both engines."""

from collections.abc import Iterator
from typing import NamedTuple

from authrim.store.chain import leaf_hash
from authrim.store.contract import Append


class AppendedEvent(NamedTuple):
    """An event as its row holds it."""

    stream: str
    version: int
    type: str
    payload: bytes
    metadata: bytes
    leaf: bytes


def appended(append: Append) -> Iterator[AppendedEvent]:
    """The events of an append, in the order of their positions."""
    for stream, expected_version, events, first_metadata in append.streams:
        metadata = first_metadata or append.metadata
        for version, (type_, payload) in enumerate(events, expected_version + 1):
            leaf = leaf_hash(stream, version, type_, payload, metadata)
            yield AppendedEvent(stream, version, type_, payload, metadata, leaf)
            metadata = append.metadata
