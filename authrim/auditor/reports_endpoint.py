"""Compliance reports on a page, and to take away as a zip file (A303).

A report reads the log from its first event on. So a page makes one only up to a position that a server reads beside its
other work; the command has no such limit. Making a report is recorded before it is made.
"""

import asyncio
import tempfile
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any, Final, NamedTuple

from aiohttp import hdrs, web

from authrim.audit.bundle.damage import Damaged
from authrim.auditor._page import ENDPOINT, AuditorPage, Visit
from authrim.auditor.bundle_endpoint import told_of
from authrim.core.questions import refuse_reason
from authrim.pages.audit_views import AuditReportsPage
from authrim.pages.headers import picture_headers
from authrim.reports.catalog import BadFramework, frameworks
from authrim.reports.files import names_in
from authrim.reports.making import Wanted, make_report
from authrim.reports.period import period_of
from authrim.reports.render.page import body_of
from authrim.transparency.background import checkpoints_of
from authrim.transparency.keys import log_name
from authrim.transparency.signer import LogSigner, log_signer
from authrim.web.answers import refuse_on_page
from authrim.web.call import PAGES
from authrim.web.own_host import led_home
from domain.errors import Refusal, invalid_request
from domain.report.model import Framework, Period, Report

#: The last position that a report on a page may have.
MOST_POSITIONS: Final = 20_000
#: The kind of question that making a report is (A300).
QUESTION: Final = "report"
_IN_MEMORY: Final = 4 << 20
_PIECE: Final = 64 << 10
#: The time of each file in a zip: none is told, so that the same report is the same bytes.
_NO_TIME: Final = (1980, 1, 1, 0, 0, 0)

TOO_LONG: Final = invalid_request(
    "The log up to there is too long for a page.",
    hint="Use authrim report on the command line. A page reads up to position 20,000.",
)
NO_FRAMEWORK: Final = invalid_request("There is no such framework.", hint="Choose one of the list.")
BAD_FRAMEWORK: Final = invalid_request(
    "A file of a framework has mistakes.", hint="authrim report frameworks names each of them."
)


class _Wish(NamedTuple):
    """What the form asks for."""

    framework: Framework
    period: Period


async def _show(visit: Visit) -> web.StreamResponse:
    return await _page(visit)


async def _take(visit: Visit) -> web.StreamResponse:
    wish = await _wish(visit)
    if isinstance(wish, Refusal):
        return await _page(visit, refusal=wish)
    refusal = await _record(visit, wish, copied=False)
    if refusal is not None:
        return await _page(visit, refusal=refusal)
    try:
        with tempfile.TemporaryDirectory(prefix="authrim-report-") as folder:
            report = await _made(visit, wish, Path(folder), None)
    except Damaged as damaged:
        return await _page(visit, refusal=told_of(damaged))
    return await _page(visit, report)


async def _download(visit: Visit) -> web.StreamResponse:
    wish = await _wish(visit)
    refusal = wish if isinstance(wish, Refusal) else await _record(visit, wish, copied=True)
    if isinstance(wish, Refusal) or refusal is not None:
        return await refuse_on_page(visit.request, visit.call, ENDPOINT, refusal or NO_FRAMEWORK)
    try:
        with tempfile.TemporaryDirectory(prefix="authrim-report-") as name:
            folder = Path(name)
            signer = await log_signer(checkpoints_of(visit.call.core))
            await _made(visit, wish, folder, signer)
            file = await asyncio.to_thread(_zipped, folder)
    except Damaged as damaged:
        return await refuse_on_page(visit.request, visit.call, ENDPOINT, told_of(damaged))
    first, last = wish.period.first_position, wish.period.last_position
    headers = picture_headers() | {
        hdrs.CONTENT_DISPOSITION: f'attachment; filename="{wish.framework.id}-{first}-{last}.zip"',
        hdrs.CONTENT_TYPE: "application/zip",
    }
    return web.Response(body=_pieces(file), headers=headers)


async def _wish(visit: Visit) -> _Wish | Refusal:
    """The framework and the period, when a page may make the report."""
    first, last = visit.place("from"), visit.place("to")
    if isinstance(first, Refusal):
        return first
    if isinstance(last, Refusal):
        return last
    try:
        framework = (await _frameworks(visit)).get(visit.asked.get("framework", ""))
    except BadFramework:
        return BAD_FRAMEWORK
    if framework is None:
        return NO_FRAMEWORK
    refusal = refuse_reason(visit.reason, demanded=False)
    period = refusal or await period_of(visit.log, first, last)
    if isinstance(period, Refusal):
        return period
    return TOO_LONG if period.last_position > MOST_POSITIONS else _Wish(framework, period)


async def _record(visit: Visit, wish: _Wish, *, copied: bool) -> Refusal | None:
    """Record the report, before anything of it is read."""
    asker = visit.copying_asker if copied else visit.asker
    period = wish.period
    conditions = {
        "framework": wish.framework.id, "from": str(period.first_position), "to": str(period.last_position),
    }  # fmt: skip
    return await asker.record(QUESTION, visit.reason, conditions)


async def _made(visit: Visit, wish: _Wish, folder: Path, signer: LogSigner | None) -> Report:
    """The report, written into a folder. A document is not drawn: that takes seconds of a process that others wait
    for."""
    core = visit.call.core
    origin = log_name(core.settings) if signer is None else signer.origin
    archives = core.settings.log_archives
    wanted = Wanted(
        wish.framework, visit.call.tenant, wish.period, origin, signer, documents=False, archives=archives
    )
    return await make_report(visit.log, wanted, folder, _nobody_looks)


def _zipped(folder: Path) -> SpooledTemporaryFile[bytes]:
    """The files of a folder, always in the same bytes."""
    file = SpooledTemporaryFile[bytes](_IN_MEMORY)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names_in(folder):
            entry = zipfile.ZipInfo(name, _NO_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, (folder / name).read_bytes())
    file.seek(0)
    return file


async def _pieces(file: SpooledTemporaryFile[bytes]) -> AsyncIterator[bytes]:
    with file:
        while piece := file.read(_PIECE):
            yield piece


async def _frameworks(visit: Visit) -> dict[str, Framework]:
    """All frameworks. Raises BadFramework."""
    return await asyncio.to_thread(frameworks, visit.call.core.settings.report_frameworks)


async def _page(visit: Visit, report: Report | None = None, refusal: Refusal | None = None) -> web.Response:
    try:
        known = await _frameworks(visit)
    except BadFramework:
        known, refusal = {}, BAD_FRAMEWORK
    shown: dict[str, Any] = {}
    if report is not None:
        shown = {"title": report.framework.title, "report": await asyncio.to_thread(body_of, report)}
    page = AuditReportsPage(
        frameworks=tuple((one.id, one.title) for one in known.values()),
        **shown,
        **visit.settings("reports", refusal),
    )
    status = 200 if refusal is None else refusal.status
    return visit.call.parts[PAGES].audit("audit_reports", page, status)


def _nobody_looks(_done: int, _whole: int) -> None:
    pass


_REPORTS: Final = AuditorPage(_show, _take)
_DOWNLOAD: Final = AuditorPage(takes=_download)


@led_home
async def show_reports(request: web.Request) -> web.StreamResponse:
    """GET ``/audit/reports``: asks for which framework, and for which period."""
    return await _REPORTS.show(request)


async def answer_reports(request: web.Request) -> web.StreamResponse:
    """POST ``/audit/reports``: the report, after it was recorded."""
    return await _REPORTS.take(request)


async def take_report(request: web.Request) -> web.StreamResponse:
    """POST ``/audit/report``: the report with its tables, positions and signature, as a zip file."""
    return await _DOWNLOAD.take(request)
