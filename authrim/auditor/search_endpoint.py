"""Searching the log on a page: the conditions of ``authrim audit search``, one query of the index for each page."""

from typing import Final

from aiohttp import web

from authrim.audit.past.moments import position_of
from authrim.audit.search import Lines, Wanted, search_once
from authrim.auditor._lines import found_of
from authrim.auditor._page import LINES, AuditorPage, Visit
from authrim.auditor.asking import search_values
from authrim.pages.audit_views import AuditSearchPage, Found
from authrim.store.codec import REGISTRIES
from authrim.web.call import PAGES
from authrim.web.own_host import led_home
from domain.errors import Refusal
from projections.audit import BESIDE

_TYPES: Final = tuple(sorted(type_ for one in REGISTRIES.values() for type_ in one if type_ not in BESIDE))


async def _show(visit: Visit) -> web.StreamResponse:
    return _page(visit)


async def _take(visit: Visit) -> web.StreamResponse:
    found = await _search(visit)
    if isinstance(found, Refusal):
        return _page(visit, refusal=found)
    return _page(visit, found_of(visit.call.core, found))


async def _search(visit: Visit) -> Lines | Refusal:
    first, last = visit.place("from"), visit.place("to")
    if isinstance(first, Refusal):
        return first
    if isinstance(last, Refusal):
        return last
    values = await search_values(visit.asker, visit.asked, visit.reason)
    if isinstance(values, Refusal):
        return values
    lower = await position_of(visit.log, first, after=True)
    until = await position_of(visit.log, last, after=False)
    wanted = Wanted(visit.call.tenant, values, max(visit.after, lower or 0), until)
    return await search_once(visit.log, wanted, LINES)


def _page(visit: Visit, found: Found | None = None, refusal: Refusal | None = None) -> web.Response:
    page = AuditSearchPage(types=_TYPES, found=found, **visit.settings("search", refusal))
    status = 200 if refusal is None else refusal.status
    return visit.call.parts[PAGES].audit("audit_search", page, status)


_SEARCH: Final = AuditorPage(_show, _take)


@led_home
async def show_search(request: web.Request) -> web.StreamResponse:
    """GET ``/audit``: the form of a search."""
    return await _SEARCH.show(request)


async def answer_search(request: web.Request) -> web.StreamResponse:
    """POST ``/audit``: what was found, after the question was recorded where it is about a person."""
    return await _SEARCH.take(request)
