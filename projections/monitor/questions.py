"""What the check of a page asks a store for, and what it answers with."""

from collections.abc import Generator, Sequence
from typing import Any, NamedTuple

from projections.monitor.rules import Breach


class LogRow(NamedTuple):
    """What the monitor reads of an event's row. ``recorded_at`` is in µs."""

    position: int
    stream: str
    version: int
    type: str
    payload: bytes
    recorded_at: int


class States(NamedTuple):
    """A question: the rows of these streams, as a mapping from stream to document."""

    streams: Sequence[str]


class Streams(NamedTuple):
    """A question: the events of these streams before a position, in order, as ``LogRow``."""

    streams: Sequence[str]
    before: int


class ActiveTokens(NamedTuple):
    """A question: the keys of those ``tokens`` rows of these keys (or prefixes with ``*``) that are not revoked."""

    keys: Sequence[str]


Question = States | Streams | ActiveTokens


class Told(NamedTuple):
    """A breach that is recorded in the log at a position."""

    breach: Breach
    position: int


class Checked(NamedTuple):
    """What a page changes. ``puts``: stream, document and when the row leaves (seconds). ``acknowledged``: ids."""

    puts: Sequence[tuple[str, str, int | None]]
    drops: Sequence[str]
    breaches: Sequence[Breach]
    told: Sequence[Told]
    acknowledged: Sequence[str]


Answers = Generator[Question, Any, Checked]
"""A check under way: it yields questions, is sent the answers, and returns what it found."""
