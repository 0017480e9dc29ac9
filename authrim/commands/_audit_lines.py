"""Events of the log as a table for people."""

from collections.abc import Iterable, Mapping

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from authrim.audit.line_details import details_of, place_of, request_of
from authrim.audit.timeline import Line, time_of


def lines_table(
    lines: Iterable[Line], *, show_header: bool = True, places: bool = False,
    causes: Mapping[int, int | None] | None = None,
) -> RenderableType:  # fmt: skip
    """One row per event. The actor is shown once for the events of one request, with ``places`` also what the events
    are about. ``causes``: the position of the cause, by that of the event."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", show_header=show_header)
    table.add_column("Position", justify="right", no_wrap=True)
    table.add_column("Time (UTC)", no_wrap=True)
    table.add_column("What happened", overflow="fold", ratio=1)
    above = ""
    for line in lines:
        request = request_of(line) + (f" · {' '.join(place_of(line))}" if places else "")
        if request != above:
            above = request
            table.add_row("", "", Text(request, style="cyan"))
        what = Text(line.what, style="" if line.readable else "red")
        details = ", ".join(details_of(line))
        if causes and (cause := causes.get(line.position)) is not None:
            what.append(f" ← {cause}", style="cyan")
        if details:
            what.append(f"\n{details}", style="dim")
        table.add_row(str(line.position), time_of(line.recorded_at)[:-4].replace("T", " "), what)
    return table
