"""Events as the pages show them."""

from collections.abc import Iterable
from urllib.parse import quote, urlencode

from authrim.audit.line_details import details_of, place_of, request_of
from authrim.audit.search import Lines
from authrim.audit.timeline import Line, time_of
from authrim.auditor.asking import HISTORIES
from authrim.core.parts import Core
from authrim.pages.audit_views import AuditLine, Found
from domain.stream import GRANT


def found_of(core: Core, page: Lines) -> Found:
    """A page of what was found."""
    return Found(told(core, page.lines), page.position, page.done)


def told(core: Core, lines: Iterable[Line]) -> tuple[AuditLine, ...]:
    """Events for people."""
    return tuple(line_view(core, line) for line in lines)


def line_view(core: Core, line: Line) -> AuditLine:
    """One event."""
    kind, identifier = place_of(line)
    return AuditLine(
        position=line.position,
        time=short_time(line.recorded_at),
        by=request_of(line),
        what=line.what,
        details=tuple(details_of(line)),
        kind=kind,
        id=identifier,
        url=history_url(core, kind, identifier),
        readable=line.readable,
    )


def short_time(micros: int) -> str:
    """A time for people, in UTC with milliseconds."""
    return time_of(micros)[:-4].replace("T", " ")


def history_url(core: Core, kind: str, identifier: str) -> str:
    """Where the history of a thing is; empty for what has none."""
    if kind == GRANT:
        return core.url(f"/audit/grant/{quote(identifier, safe='')}")
    if kind in HISTORIES:  # asking is recorded: the link leads to a form
        return core.url("/audit/history?" + urlencode({"kind": kind, "id": identifier}))
    return ""
