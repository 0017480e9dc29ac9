"""Events of the log as a table for people."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from authrim.audit.sentences import SENTENCES, reason_in_words, shown
from authrim.audit.timeline import Line, time_of

#: Fields that are for comparing by machine; ``--json`` has them.
_DIGESTS: Final = ("_hash", "_digest", "_jwk", "hmac_key_id", "state")
_TIMES: Final = ("_at", "_until", "auth_time", "active_from")


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
        request = _request(line) + (f" · {_place(line)}" if places else "")
        if request != above:
            above = request
            table.add_row("", "", Text(request, style="cyan"))
        what = Text(line.what, style="" if line.readable else "red")
        details = ", ".join(_details(line))
        if causes and (cause := causes.get(line.position)) is not None:
            what.append(f" ← {cause}", style="cyan")
        if details:
            what.append(f"\n{details}", style="dim")
        table.add_row(str(line.position), time_of(line.recorded_at)[:-4].replace("T", " "), what)
    return table


def _request(line: Line) -> str:
    """The actor of an event, and its request."""
    named = {"trace": line.metadata.trace, "error id": line.metadata.error_id}
    return " · ".join([line.by, *(f"{name} {shown(value)}" for name, value in named.items() if value)])


def _place(line: Line) -> str:
    """The stream of an event, as its commands name it."""
    return shown(line.stream.partition(":")[2].replace(":", " ", 1))


def _details(line: Line) -> Iterable[str]:
    """The fields that the sentence does not name. When it happened is in the row already."""
    for name, value in line.fields.items():
        if name == "reason":
            yield reason_in_words(shown(value)).removesuffix(".")
        elif name == "expires_at" or (name.endswith(_TIMES) and not name.endswith("_at")):
            yield f"{name} {datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M:%S}"
        elif not name.endswith((*_DIGESTS, *_TIMES)) and f"{{{name}}}" not in SENTENCES.get(line.type, ""):
            yield f"{name} {shown(value)}"
