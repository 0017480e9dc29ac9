"""The history of a grant, of a session and of an account, and why a request was refused."""

from typing import Final

from aiohttp import web

from authrim.audit.long_work import beside_the_loop
from authrim.audit.search import Lines, history_once
from authrim.audit.timeline import Explanation, time_of, timeline_of, why
from authrim.auditor._lines import found_of, line_view
from authrim.auditor._page import LINES, AuditorPage, Visit
from authrim.auditor._slider import slider_of
from authrim.auditor.asking import HISTORIES, ask_history
from authrim.pages.audit_views import AuditErrorPage, AuditHistoryPage, Found
from authrim.web.call import PAGES
from authrim.web.own_host import led_home
from domain.errors import Refusal, invalid_request
from domain.stream import GRANT, grant_stream

#: The newest events of a grant on one page; a search finds the others.
_MOST: Final = 500

NOTHING: Final = invalid_request("Nothing of this id is in the log.", hint="Check the id, or search for it.")
NOT_A_KIND: Final = invalid_request("Choose a session or an account, and name it.")


async def _show_grant(visit: Visit) -> web.StreamResponse:
    core, grant_id = visit.call.core, visit.request.match_info["grant_id"]
    stream = grant_stream(visit.call.tenant, grant_id)
    events = await visit.log.found(lambda: visit.log.read_whole_stream(stream))
    timeline = await beside_the_loop(events, lambda: timeline_of(visit.call.tenant, grant_id, events))
    if not timeline.lines:
        return _history(visit, refusal=NOTHING)
    newest = timeline.lines[-_MOST:]
    found = Found(tuple(line_view(core, line) for line in newest), newest[-1].position, done=True)
    page = AuditHistoryPage(
        kind=GRANT,
        id=grant_id,
        status=timeline.status,
        found=found,
        slider=await slider_of(visit.log, events),
        **visit.settings("grant"),
    )
    return visit.call.parts[PAGES].audit("audit_history", page)


async def _show_form(visit: Visit) -> web.StreamResponse:
    return _history(visit)


async def _take_form(visit: Visit) -> web.StreamResponse:
    found = await _history_of(visit)
    if isinstance(found, Refusal):
        return _history(visit, refusal=found)
    return _history(visit, found=found_of(visit.call.core, found[1]), identifier=found[0])


async def _history_of(visit: Visit) -> tuple[str, Lines] | Refusal:
    """The events of a session or an account, and its id; recorded before they are read."""
    kind, identifier, asker = visit.asked.get("kind", ""), visit.asked.get("id", ""), visit.asker
    if kind not in HISTORIES or not identifier:
        return NOT_A_KIND
    named = await ask_history(asker, kind, identifier, visit.reason)
    if isinstance(named, Refusal):
        return named

    async def look() -> Lines:
        return await history_once(visit.log, asker.tenant, HISTORIES[kind], named, visit.after, LINES)

    lines = await visit.log.found(look, lambda found: bool(found.lines or visit.after))
    return (named, lines) if lines.lines or visit.after else NOTHING


def _history(
    visit: Visit, *, found: Found | None = None, refusal: Refusal | None = None, identifier: str = ""
) -> web.Response:
    page = AuditHistoryPage(
        kind=visit.asked.get("kind", "") if found else "",
        id=identifier,
        found=found,
        **visit.settings("history", refusal),
    )
    return visit.call.parts[PAGES].audit("audit_history", page, 200 if refusal is None else refusal.status)


async def _show_error(visit: Visit) -> web.StreamResponse:
    error_id = visit.request.match_info["error_id"]
    explanation = await visit.log.found(lambda: why(visit.log, error_id, catches_up=False))
    refusal = NOTHING if explanation is None else None
    page = AuditErrorPage(
        error=error_id,
        explained=() if explanation is None else _explained(explanation),
        found=None
        if explanation is None
        else found_of(visit.call.core, Lines(explanation.lines, 0, done=True)),
        **visit.settings("error", refusal),
    )
    return visit.call.parts[PAGES].audit("audit_error", page, 200 if refusal is None else refusal.status)


def _explained(explanation: Explanation) -> tuple[tuple[str, str], ...]:
    refusal, first = explanation.refusal, explanation.lines[0].metadata
    rows = (
        ("error", refusal.error),
        ("error_description", refusal.description),
        ("reason", explanation.in_words),
        ("hint", refusal.hint),
        ("specification", refusal.section),
        ("endpoint", explanation.where),
        ("time", time_of(explanation.recorded_at)),
        ("client_id", first.client_id),
        ("trace", first.trace),
    )
    return tuple((name, value) for name, value in rows if value)


_GRANT: Final = AuditorPage(_show_grant)
_HISTORY: Final = AuditorPage(_show_form, _take_form)
_ERROR: Final = AuditorPage(_show_error)


@led_home
async def show_grant(request: web.Request) -> web.StreamResponse:
    """GET ``/audit/grant/{grant_id}``: what happened to a grant."""
    return await _GRANT.show(request)


@led_home
async def show_history(request: web.Request) -> web.StreamResponse:
    """GET ``/audit/history``: asks whose history, and why."""
    return await _HISTORY.show(request)


async def answer_history(request: web.Request) -> web.StreamResponse:
    """POST ``/audit/history``: what happened in a session or to a person, after the question was recorded."""
    return await _HISTORY.take(request)


@led_home
async def show_error(request: web.Request) -> web.StreamResponse:
    """GET ``/audit/error/{error_id}``: why a request was refused."""
    return await _ERROR.show(request)
