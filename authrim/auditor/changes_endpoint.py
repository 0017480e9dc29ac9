"""Who changed what, from what to what: the conditions of ``authrim audit changes``."""

from typing import Final

from aiohttp import web

from authrim.audit.changes import KINDS, ChangePage, ChangeRecord, narrowed, told, where
from authrim.audit.past.moments import position_of
from authrim.audit.search import Wanted, search_once
from authrim.audit.sentences import shown, value_in_words
from authrim.auditor._lines import line_view
from authrim.auditor._page import AuditorPage, Visit
from authrim.auditor.asking_past import NO_KIND, ask_changes
from authrim.core.parts import Core
from authrim.pages.audit_views import AuditChangesPage, ChangedFieldView, ChangeView
from authrim.web.call import PAGES
from authrim.web.own_host import led_home
from domain.changed_fields import ChangedField
from domain.errors import Refusal
from domain.stream import SETTING

#: Changes of one page: for each the whole history of what was changed is read.
_MOST: Final = 20
#: Characters of a value; the command has all.
_LONGEST: Final = 300


async def _show(visit: Visit) -> web.StreamResponse:
    return _page(visit)


async def _take(visit: Visit) -> web.StreamResponse:
    found = await _changes(visit)
    return _page(visit, refusal=found) if isinstance(found, Refusal) else _page(visit, found)


async def _changes(visit: Visit) -> ChangePage | Refusal:
    asked = visit.asked
    kind, name = asked.get("kind", ""), asked.get("id", "")
    if (kind and kind not in KINDS) or (name and (not kind or kind == SETTING)):
        return NO_KIND
    first, last = visit.place("from"), visit.place("to")
    if isinstance(first, Refusal):
        return first
    if isinstance(last, Refusal):
        return last
    narrowed_to = {one: asked.get(one, "") for one in ("actor", "field")}
    named = await ask_changes(visit.asker, (kind, name), narrowed_to, visit.reason)
    if isinstance(named, Refusal):
        return named
    tenant = visit.call.tenant
    values = where(tenant, kind, named)
    if actor := asked.get("actor"):
        values["actor"] = (actor,)
    lower = await position_of(visit.log, first, after=True)
    until = await position_of(visit.log, last, after=False)
    wanted = Wanted(tenant, values, max(visit.after, lower or 0), until)
    lines = await search_once(visit.log, wanted, _MOST)
    records = narrowed(await told(visit.log, lines.lines), named, asked.get("field", ""))
    return ChangePage(tuple(records), lines.position, lines.done)


def _page(visit: Visit, found: ChangePage | None = None, refusal: Refusal | None = None) -> web.Response:
    core = visit.call.core
    page = AuditChangesPage(
        kinds=KINDS,
        changes=None if found is None else tuple(_view(core, record) for record in found.changes),
        position=0 if found is None else found.position,
        done=found is None or found.done,
        **visit.settings("changes", refusal),
    )
    return visit.call.parts[PAGES].audit("audit_changes", page, 200 if refusal is None else refusal.status)


def _view(core: Core, record: ChangeRecord) -> ChangeView:
    line = line_view(core, record.line)
    return ChangeView(
        position=line.position,
        time=line.time,
        what=line.what,
        by=record.by,
        thing=f"{record.kind} {shown(record.thing)}",
        fields=tuple(_field(one) for one in record.fields),
        readable=record.readable,
    )


def _field(field: ChangedField) -> ChangedFieldView:
    return ChangedFieldView(
        shown(field.field),
        value_in_words(field.field, field.old, _LONGEST),
        value_in_words(field.field, field.new, _LONGEST),
        field.hidden,
    )


_CHANGES: Final = AuditorPage(_show, _take)


@led_home
async def show_changes(request: web.Request) -> web.StreamResponse:
    """GET ``/audit/changes``: asks of what."""
    return await _CHANGES.show(request)


async def answer_changes(request: web.Request) -> web.StreamResponse:
    """POST ``/audit/changes``: what was changed, after the question was recorded where it is about a person."""
    return await _CHANGES.take(request)
