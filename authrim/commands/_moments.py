"""Options that take a time or a position of the log."""

from typing import Any

import click

from authrim.audit.past.moments import place_of


class MomentType(click.ParamType[Any]):
    """A position as an integer, or a time in ISO 8601 as a ``Time``."""

    name = "TIME|POSITION"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The type of the value says which of the two it is."""
        if not isinstance(value, str):
            return value
        try:
            return place_of(value)
        except ValueError:
            self.fail(f"{value!r} is neither a position nor a time such as 2026-11-29T14:00:00", param, ctx)
