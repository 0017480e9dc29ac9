"""Counts the figures of a report again, from the log or from a bundle of it, and compares."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from authrim import __version__
from authrim.audit.bundle import tree, verify_bundle
from authrim.reports.bundle_source import ReportBundle
from authrim.reports.files import CHECKPOINT, REPORT
from authrim.reports.findings import Anchor, Fault, Findings
from authrim.reports.folding import Folding, Part, sections_of
from authrim.reports.log_source import Progress, fold_log
from authrim.reports.opening import OpenedReport
from authrim.reports.period import beside, recorded_at, times_fit
from authrim.store.log_reading import LogReading
from domain.report.model import Figure, Section
from domain.report.section import Context
from domain.tree.proofs import Range


async def recount_log(
    store: LogReading,
    opened: OpenedReport,
    findings: Findings,
    progress: Progress,
    archives: Path | None = None,
) -> None:
    """Count again from the log. Raises Damaged, Unavailable."""
    report = opened.report
    now = await store.head()
    head = now.position
    if report.tree_size > head:
        findings.add(Fault(f"the log ends at {head}, and the report is of {report.tree_size} events", REPORT))
        return
    ((root,),) = await tree.hashes_of(store, report.tree_size, [[Range(0, report.tree_size)]])
    if root.hex() != report.root:
        findings.add(Fault("the report is of another log: the roots of their trees differ", CHECKPOINT))
        return
    places = [position for position in beside(report.period) if 0 < position <= head]
    known = {head + 1: now.now} | {position: await recorded_at(store, position) for position in places}
    if not _times_fit(opened, known, findings):
        return
    folding = _folding(opened)
    part = report.period.first_position, report.period.last_position
    integrity = await fold_log(store, folding, part, progress, archives)
    context = Context(report.tenant, report.period, integrity)
    sections = await asyncio.to_thread(folding.result, context)
    compare(opened, sections, findings, "the log")


def recount_bundle(path: Path, opened: OpenedReport, anchor: Anchor | None, findings: Findings) -> None:
    """Count again from a bundle, after the bundle was verified. Raises OSError."""
    report = opened.report
    try:
        key = verify_bundle.read_key(opened.signed.key if anchor is None else anchor.keys[-1])
        checkpoint = verify_bundle.read_checkpoint(opened.note.encode(), CHECKPOINT)
        bundle = ReportBundle(path, key, checkpoint)
    except (ValueError, verify_bundle.Fault):
        findings.add(
            Fault("the bundle cannot be compared: the report has no key or no checkpoint", CHECKPOINT)
        )
        return
    if bundle.faults:
        for fault in bundle.faults:
            findings.add(Fault(f"the bundle is not authentic: {fault['what']}", str(path)))
        return
    findings.unchecked.extend(f"of the bundle: {text}" for text in bundle.unchecked)
    first, last = report.period.first_position, report.period.last_position
    if not bundle.is_range or bundle.last < last or bundle.first > first:
        findings.unchecked.append(f"the figures: the bundle does not have the positions {first} to {last}")
        return
    if not _times_fit(opened, bundle.times_of(beside(report.period)), findings):
        return
    folding = _folding(opened)
    context = Context(report.tenant, report.period, bundle.fold(folding, first, last))
    compare(opened, folding.result(context), findings, "the bundle", bundle.first)


def _times_fit(opened: OpenedReport, known: Mapping[int, int], findings: Findings) -> bool:
    """Whether the times that the report names are those of its positions, so that nothing of them was left out."""
    fit = times_fit(opened.report.period, known)
    if not fit:
        findings.add(Fault("the times of the period are not those of its positions", REPORT))
    return fit


def compare(
    opened: OpenedReport, counted: tuple[Section, ...], findings: Findings, source: str, begin: int = 1
) -> None:
    """Compare the sections with those that were counted again. ``begin``: the first position that was read; what
    differs may be due to events before it."""
    report = opened.report
    known = {section.id: section for section in counted}
    later: list[str] = []
    for said in report.sections:
        if said.id not in known:
            findings.unchecked.append(f"the section {said.id}: this version does not have it")
            continue
        wrong = _differences(said, known[said.id], exact=report.made_from == __version__)
        if begin > 1:
            later += [fault.figure or said.id for fault in wrong]
        else:
            for fault in wrong:
                findings.add(fault)
    if later:
        findings.unchecked.append(
            f"{', '.join(later)}: these need the events before {begin}; give a bundle from position 1"
        )
    if not findings.faults:
        findings.checked.append(f"the figures were counted again from {source}, with their positions")


def _differences(said: Section, counted: Section, *, exact: bool) -> list[Fault]:
    """What is not as it was counted again. ``exact``: both were made by the same version, so all texts are the same."""
    known = {figure.id: figure for figure in counted.figures}
    faults: list[Fault] = []
    for figure in said.figures:
        now = known.pop(figure.id, None)
        if now is None or _counted(now) != _counted(figure):
            is_now = "nothing" if now is None else f"{now.value} at {now.positions.count} positions"
            what = f"the figure is {figure.value} at {figure.positions.count} positions; counted again, it is {is_now}"
            faults.append(Fault(what, REPORT, figure.id))
    faults += [Fault("the figure is missing in the report", REPORT, figure_id) for figure_id in known]
    if not faults and _rows(said) != _rows(counted):
        faults.append(Fault(f"a table, series or finding of the section {said.id} is another one", REPORT))
    if not faults and exact and said != counted:
        faults.append(Fault(f"a text of the section {said.id} is another one", REPORT))
    return faults


def _counted(figure: Figure) -> tuple[object, ...]:
    return figure.value, figure.unit, figure.positions, figure.counts


def _rows(section: Section) -> tuple[object, ...]:
    tables = [(table.id, table.rows, table.truncated) for table in section.tables]
    series = [(series.id, series.points) for series in section.series]
    return tables, series, [(finding.id, finding.positions) for finding in section.findings]


def _folding(opened: OpenedReport) -> Folding:
    report = opened.report
    part = Part(report.tenant, report.period.first_position, report.period.last_position)
    return Folding(part, sections_of((section.id for section in report.sections), lambda _id, _part: None))
