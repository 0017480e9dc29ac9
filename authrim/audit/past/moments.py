"""A moment of the log: a position, and the time by which its state is judged; and how people write one."""

import msgspec

from authrim.audit.search import moment_of, position_at
from authrim.audit.timeline import time_of
from authrim.store.log_reading import LogReading
from domain.errors import Refusal, invalid_request
from domain.units import MICROSECONDS


class Time(msgspec.Struct, frozen=True):
    """A time in µs UTC, where an integer alone would be a position."""

    micros: int


class Moment(msgspec.Struct, frozen=True):
    """Every event up to ``position`` has happened, that one included, and no later one. ``micros`` is the time."""

    position: int
    micros: int

    @property
    def now(self) -> int:
        """The time in seconds, the unit of the protocols."""
        return self.micros // MICROSECONDS


def place_of(text: str) -> int | Time:
    """What somebody wrote: a position as an integer, or a time in ISO 8601. Raises ValueError."""
    if text.isascii() and text.isdigit() and len(text) < 19:
        return int(text)
    try:
        return Time(moment_of(text))
    except OverflowError as error:
        raise ValueError(text) from error


async def position_of(store: LogReading, place: int | Time | None, *, after: bool) -> int | None:
    """The position that a place means: for ``after`` the one before the first event that counts."""
    match place:
        case None:
            return None
        case int():
            return max(place - 1, 0) if after else place
        case Time():
            return await position_at(store, place.micros)


async def moment_at(store: LogReading, place: int | Time | None) -> Moment | Refusal:
    """The moment of a position, of a time, or now. Raises Unavailable.

    At a position it is the time at which that event was recorded. What is still to come is refused: nobody knows it.
    """
    head = await store.head()
    match place:
        case None:
            return Moment(head.position, head.now)
        case Time():
            if place.micros > head.now:
                return invalid_request("The time is in the future.", hint=f"It is {time_of(head.now)} now.")
            return Moment(await position_at(store, place.micros + 1), place.micros)
        case int():
            if not 1 <= place <= head.position:
                return invalid_request(
                    "The log has no such position.", hint=f"Its positions are 1 to {head.position}."
                )
            (event,) = await store.read_log(place - 1, 1)
            return Moment(place, event.recorded_at)
