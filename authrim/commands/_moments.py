"""Options that take a time or a position of the log."""

from typing import Any

import click

from authrim.audit.past.moments import Time
from authrim.audit.search import moment_of, position_at
from authrim.store.contract import Store


class MomentType(click.ParamType[Any]):
    """A position as an integer, or a time in ISO 8601 as a ``Time``."""

    name = "TIME|POSITION"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The type of the value says which of the two it is."""
        if not isinstance(value, str):
            return value
        if value.isascii() and value.isdigit() and len(value) < 19:
            return int(value)
        try:
            return Time(moment_of(value))
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is neither a position nor a time such as 2026-11-29T14:00:00", param, ctx)


async def position_of(store: Store, place: int | Time | None, *, after: bool) -> int | None:
    """The position that a place means: for ``after`` the one before the first event that counts."""
    match place:
        case None:
            return None
        case int():
            return max(place - 1, 0) if after else place
        case Time():
            return await position_at(store, place.micros)
