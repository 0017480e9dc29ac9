"""How far a receiver has got what its stream has for it.

Tokens are made of the log, in its order. ``through`` is a position up to which nothing is left; ``beyond`` are the
positions behind it of which the receiver has got the token already.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import msgspec

from domain.event import Event
from domain.signal.events import SignalsDelivered

#: Tokens that may wait for their acknowledgement: further ones come when these are acknowledged.
WINDOW: Final = 1000


class Progress(msgspec.Struct, frozen=True):
    """The newest event of a delivery stream says it all."""

    through: int = 0
    beyond: frozenset[int] = frozenset()


def progress_of(newest: Event | None, begins_after: int) -> Progress:
    """The progress after the newest event; a stream that begins later has nothing to give before that."""
    if not isinstance(newest, SignalsDelivered):
        return Progress(begins_after)
    through = max(newest.through, begins_after)
    return Progress(through, frozenset(one for one in newest.beyond if one > through))


def delivered(
    progress: Progress, waiting: Sequence[int], read_to: int, got: Collection[int],
    refused: Mapping[int, str], now: int,
) -> SignalsDelivered | None:  # fmt: skip
    """The event for what the receiver has got. ``waiting`` are the positions of all tokens behind ``through`` that it
    had not got, in order, as far as the log was read: to ``read_to``. None: it has got nothing new."""
    new = {position for position in waiting if position in got or position in refused}
    if not new:
        return None
    left = [position for position in waiting if position not in new]
    through = left[0] - 1 if left else read_to
    beyond = tuple(sorted(one for one in new | progress.beyond if one > through))
    named = {str(position): refused[position] for position in sorted(new) if position in refused}
    return SignalsDelivered(through, now, len(new), beyond, named)
