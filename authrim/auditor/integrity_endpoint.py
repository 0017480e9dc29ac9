"""What the server knows of the log's integrity at this moment. It reads nothing again: to verify the log is a command's
work (``authrim audit verify``), which takes long."""

from typing import Final

from aiohttp import web

from authrim.audit.search import indexed_up_to
from authrim.auditor._lines import short_time
from authrim.auditor._page import AuditorPage, Visit
from authrim.pages import audit_texts as texts
from authrim.pages.audit_views import AuditIntegrityPage, Fact
from authrim.reports.schedule.states import states_of
from authrim.web.call import PAGES
from authrim.web.own_host import led_home

#: Broken rules that are counted.
_MOST: Final = 100


async def _show(visit: Visit) -> web.StreamResponse:
    store = visit.call.core.store
    head = await store.head()
    ledger = await store.read_ledger(max(head.position - 1, 0), 1)
    indexed = await indexed_up_to(store)
    monitor = await store.monitor.state()
    broken = len(await store.monitor.breaches(_MOST))
    facts = [
        Fact(texts.HEAD, str(head.position)),
        Fact(texts.CHAIN_HEAD, head.chain_hash.hex()),
        Fact(texts.LAST_BATCH, short_time(ledger[-1].recorded_at) if ledger else "–"),
        Fact(texts.WHOLE, texts.NO_DOUBT if not store.doubt else store.doubt, good=not store.doubt),
        Fact(texts.INDEXED, str(indexed), good=indexed >= head.position),
        Fact(texts.PROVED, str(monitor.position), good=None if monitor.position >= head.position else False),
        Fact(texts.BROKEN, f"{broken}+" if broken == _MOST else str(broken), good=not broken),
        Fact(texts.TREE_SIZE, str(await store.tree.size())),
        *await _checkpoint(visit),
        *await _evidence(visit),
    ]
    page = AuditIntegrityPage(facts_known=tuple(facts), **visit.settings("integrity"))
    return visit.call.parts[PAGES].audit("audit_integrity", page)


async def _checkpoint(visit: Visit) -> tuple[Fact, ...]:
    """The newest checkpoint, and how many of the witnesses cosigned it."""
    core = visit.call.core
    newest, settings = await core.store.tree.last_checkpoint(), core.settings
    if newest is None:
        return (Fact(texts.CHECKPOINT, texts.NONE_YET),)
    facts = (Fact(texts.CHECKPOINT, f"{newest.size} (position {newest.position})"),)
    if not settings.witnesses:
        return facts
    said = f"{newest.cosignatures} / {len(settings.witnesses)}"
    return (*facts, Fact(texts.WITNESSES, said, good=newest.cosignatures >= max(settings.witness_quorum, 1)))


async def _evidence(visit: Visit) -> tuple[Fact, ...]:
    """Scheduled reports and bundles, and whether each was written."""
    states = await states_of(visit.call.core.store, visit.call.tenant)
    alarms = [state for state in states if state.status != "ok"]
    if not states:
        return ()
    said = ", ".join(f"{state.schedule}: {state.status}" for state in alarms or states)
    return (Fact(texts.EVIDENCE, said, good=not alarms),)


_INTEGRITY: Final = AuditorPage(_show)


@led_home
async def show_integrity(request: web.Request) -> web.StreamResponse:
    """GET ``/audit/integrity``."""
    return await _INTEGRITY.show(request)
