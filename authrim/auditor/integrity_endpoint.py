"""What the server knows of the log's integrity at this moment. It reads nothing again: to verify the log is a command's
work (``authrim audit verify``), which takes long."""

from typing import Final

from aiohttp import web

from authrim.audit.search import indexed_up_to
from authrim.auditor._lines import short_time
from authrim.auditor._page import AuditorPage, Visit
from authrim.pages import audit_texts as texts
from authrim.pages.audit_views import AuditIntegrityPage, Fact
from authrim.web.call import PAGES
from authrim.web.own_host import led_home


async def _show(visit: Visit) -> web.StreamResponse:
    store = visit.call.core.store
    head = await store.head()
    ledger = await store.read_ledger(max(head.position - 1, 0), 1)
    indexed = await indexed_up_to(store)
    facts = [
        Fact(texts.HEAD, str(head.position)),
        Fact(texts.CHAIN_HEAD, head.chain_hash.hex()),
        Fact(texts.LAST_BATCH, short_time(ledger[-1].recorded_at) if ledger else "–"),
        Fact(texts.WHOLE, texts.NO_DOUBT if not store.doubt else store.doubt, good=not store.doubt),
        Fact(texts.INDEXED, str(indexed), good=indexed >= head.position),
    ]
    page = AuditIntegrityPage(facts_known=tuple(facts), **visit.settings("integrity"))
    return visit.call.parts[PAGES].audit("audit_integrity", page)


_INTEGRITY: Final = AuditorPage(_show)


@led_home
async def show_integrity(request: web.Request) -> web.StreamResponse:
    """GET ``/audit/integrity``."""
    return await _INTEGRITY.show(request)
