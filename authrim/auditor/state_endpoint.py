"""The state of anything as of a time or a position, chosen in a form or with a slider."""

import asyncio
from typing import Final

from aiohttp import web

from authrim.audit.past.moments import Moment
from authrim.audit.past.states import STATES
from authrim.audit.past.view import View
from authrim.audit.sentences import shown, value_in_words
from authrim.audit.timeline import time_of
from authrim.auditor._lines import history_url
from authrim.auditor._page import AuditorPage, Visit
from authrim.auditor._slider import slider_of
from authrim.auditor.asking_past import ask_state
from authrim.core.parts import Core
from authrim.core.signing_keys import key_times_of
from authrim.pages.audit_views import AuditStatePage, Slider, StateView
from authrim.web.call import PAGES
from authrim.web.own_host import led_home
from domain.errors import Refusal

#: Characters of a value; the command has all.
_LONGEST: Final = 2000


async def _show(visit: Visit) -> web.StreamResponse:
    return _page(visit)


async def _take(visit: Visit) -> web.StreamResponse:
    place = visit.place("at")
    if isinstance(place, Refusal):
        return _page(visit, refusal=place)
    core = visit.call.core
    thing = visit.asked.get("kind", ""), visit.asked.get("id", "")
    found = await ask_state(visit.asker, key_times_of(core.settings), thing, place, visit.reason)
    if isinstance(found, Refusal):
        return _page(visit, refusal=found)
    moment, views = found
    states = await asyncio.to_thread(lambda: tuple(_view(core, view, moment) for view in views))
    slider = None
    if thing[1] and len(views) == 1:
        events = await visit.log.read_whole_stream(views[0].last.stream)
        slider = await slider_of(visit.log, events, moment.position)
    return _page(visit, states, slider)


def _view(core: Core, view: View, moment: Moment) -> StateView:
    return StateView(
        kind=view.kind,
        id=shown(view.id),
        status=view.status,
        as_of=f"{time_of(moment.micros)}, position {moment.position}",
        rows=tuple(
            (name, value_in_words(name, value, _LONGEST))
            for name, value in view.in_words().items()
            if value not in (None, "", [], {})
        ),
        url=history_url(core, view.kind, view.id),
    )


def _page(
    visit: Visit, states: tuple[StateView, ...] | None = None, slider: Slider | None = None,
    refusal: Refusal | None = None,
) -> web.Response:  # fmt: skip
    page = AuditStatePage(
        kinds=tuple(STATES), states=states, slider=slider, **visit.settings("state", refusal)
    )
    return visit.call.parts[PAGES].audit("audit_state", page, 200 if refusal is None else refusal.status)


_STATE: Final = AuditorPage(_show, _take)


@led_home
async def show_state(request: web.Request) -> web.StreamResponse:
    """GET ``/audit/state``: asks what, and as of when."""
    return await _STATE.show(request)


async def answer_state(request: web.Request) -> web.StreamResponse:
    """POST ``/audit/state``: the state as of then, after the question was recorded."""
    return await _STATE.take(request)
