"""The states of many streams, in memory as far as they fit and on disk beyond: a log may have any number of grants."""

import sqlite3
from collections import OrderedDict
from typing import Final, Generic, TypeVar

import msgspec

S = TypeVar("S")

#: States of one kind that stay in memory. About half of them go to disk at a time.
KEPT: Final = 20_000


class Spool(Generic[S]):
    """States by the name of their stream. The disk is a temporary database that goes when the process ends."""

    def __init__(self, kind: type[S], kept: int = KEPT) -> None:
        self._kept = kept
        self._recent: OrderedDict[str, S] = OrderedDict()
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(kind).decode
        self._disk = sqlite3.connect("", isolation_level=None)
        self._disk.execute("PRAGMA journal_mode = OFF")
        self._disk.execute("CREATE TABLE states (stream TEXT PRIMARY KEY, state BLOB) WITHOUT ROWID")

    def get(self, stream: str) -> S | None:
        """The state of a stream, None when it is not known."""
        state = self._recent.get(stream)
        if state is not None:
            self._recent.move_to_end(stream)
            return state
        row = self._disk.execute("SELECT state FROM states WHERE stream = ?", (stream,)).fetchone()
        return None if row is None else self._decode(row[0])

    def put(self, stream: str, state: S) -> None:
        """Keep the state of a stream in place of the one before."""
        self._recent[stream] = state
        self._recent.move_to_end(stream)
        if len(self._recent) > self._kept:
            self._to_disk()

    def _to_disk(self) -> None:
        oldest = [self._recent.popitem(last=False) for _ in range(len(self._recent) // 2)]
        self._disk.execute("BEGIN")
        self._disk.executemany(
            "INSERT OR REPLACE INTO states (stream, state) VALUES (?, ?)",
            [(stream, self._encode(state)) for stream, state in oldest],
        )
        self._disk.execute("COMMIT")
