"""Records that somebody reviewed who can do what, in a report that was made from this log."""

import asyncio
from hashlib import sha256
from pathlib import Path
from typing import Final

from authrim.audit.bundle import tree
from authrim.audit.bundle.damage import Damaged
from authrim.core.execute import Change, Outcome, carry_out
from authrim.core.origin import operator
from authrim.core.questions import refuse_reason
from authrim.crypto.ids import new_id
from authrim.outside.telemetry import scrub_text
from authrim.reports.files import REPORT
from authrim.reports.findings import Anchor, Findings
from authrim.reports.opening import OpenedReport, Unusable, open_report
from authrim.store.read_back import ReadBack
from authrim.transparency.keys import public_keys
from domain.errors import Refusal, invalid_request
from domain.report.model import Report
from domain.report.sections.access_review import AccessReview
from domain.review_events import AccessReviewed
from domain.stream import question_stream
from domain.tree.proofs import Range
from domain.units import MICROSECONDS

NO_REPORT: Final = invalid_request(
    "This is no report.", hint="Name the folder that authrim report has made, with its report.json."
)
NOT_OF_THIS_LOG: Final = invalid_request(
    "The report was not made from this log.", hint="Its root is not that of this log up to its last position."
)
NOTHING_TO_REVIEW: Final = invalid_request(
    "The report does not tell who can do what.",
    hint="Make one for a framework with the section access_review: authrim report log-evidence has it.",
)
REASON_WANTED: Final = invalid_request(
    "Nobody would know what came of the review.",
    hint="Say it with --reason, such as the number of a ticket. It stays in the log; write nothing personal into it.",
)


async def record_review(
    store: ReadBack, tenant: str, folder: Path, reason: str
) -> tuple[Report, str] | Refusal:
    """Record a review: the report, and the SHA-256 of its ``report.json``. Raises Unavailable."""
    refusal = refuse_reason(reason, demanded=False) or (None if reason.strip() else REASON_WANTED)
    opened = refusal or await _opened(store, folder)
    if isinstance(opened, Refusal):
        return opened
    report, digest = opened.report, sha256((folder / REPORT).read_bytes()).hexdigest()
    refusal = await _why_not(store, tenant, report)
    if refusal is not None:
        return refusal
    stream = question_stream(tenant, new_id())

    async def attempt() -> Outcome[None]:
        now = (await store.read_stream(stream)).now // MICROSECONDS
        event = AccessReviewed(report.period.last_position, now, reason.strip(), digest, operator())
        return Outcome(None, (Change(stream, 0, (event,)),))

    recorded = await carry_out(store, tenant, attempt)
    return recorded if isinstance(recorded, Refusal) else (report, digest)


async def _opened(store: ReadBack, folder: Path) -> OpenedReport | Refusal:
    """The report, every byte of it as a key of this log signed it."""
    anchor = Anchor(tuple(one.encoded() for one in await public_keys(store)), "a key of this log")
    findings = Findings()
    try:
        opened = await asyncio.to_thread(open_report, folder, anchor, findings)
    except (Unusable, OSError):
        return NO_REPORT
    if opened is not None and not findings.faults and not findings.unchecked:
        return opened
    what = [f"{fault['file']}: {fault['what']}" for fault in findings.faults] + findings.unchecked
    return invalid_request(
        f"The report is not the one that was signed. {scrub_text(what[0])}.",
        hint="authrim report verify tells all that is wrong with it.",
    )


async def _why_not(store: ReadBack, tenant: str, report: Report) -> Refusal | None:
    """Why this report shows no access of this log."""
    last = report.period.last_position
    if report.tenant != tenant or not 0 < last <= (await store.head()).position:
        return NOT_OF_THIS_LOG
    try:
        ((root,),) = await tree.hashes_of(store, last, [[Range(0, last)]])
    except Damaged:
        return NOT_OF_THIS_LOG
    if (report.tree_size, report.root) != (last, root.hex()):
        return NOT_OF_THIS_LOG
    return None if any(one.id == AccessReview.id for one in report.sections) else NOTHING_TO_REVIEW
