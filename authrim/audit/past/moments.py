"""A moment of the log: a position, and the time by which its state is judged."""

import msgspec

from authrim.audit.search import position_at
from authrim.audit.timeline import time_of
from authrim.store.contract import Store
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


async def moment_at(store: Store, place: int | Time | None) -> Moment | Refusal:
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
