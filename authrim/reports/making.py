"""Makes a report: one pass over the log, then the files, then the signature over all of them.

The same positions give the same bytes: nothing tells when a report was made.
"""

import asyncio
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

from authrim import __version__
from authrim.audit.bundle import tree
from authrim.audit.bundle.damage import Damaged
from authrim.audit.bundle.export import Signer
from authrim.audit.leaves import DIFFERS
from authrim.reports.csv_tables import csv_files
from authrim.reports.files import (
    CHECKPOINT,
    FORMAT,
    PROOF,
    REPORT,
    TABLES,
    FileEntry,
    document,
    entry_of,
    names_in,
)
from authrim.reports.folding import Folding, Part, sections_of
from authrim.reports.log_source import Progress, fold_log
from authrim.reports.positions import PositionFiles
from authrim.reports.renderings import RENDERINGS, documents_of
from authrim.store.chain import Problem
from authrim.store.log_reading import LogReading
from domain.report.model import Framework, Period, Report, Section
from domain.report.section import Context
from domain.tree.checkpoint import Checkpoint
from domain.tree.hashing import event_hash
from domain.tree.proofs import Range, inclusion_ranges, verify_inclusion

#: The extension line of the checkpoint that names the report.
EXTENSION: Final = "report"


class Wanted(msgspec.Struct, frozen=True):
    """What a report is made of. ``origin`` is the name of the log; ``documents`` are drawn, too. ``archives`` is the
    directory that has the contents which left the log."""

    framework: Framework
    tenant: str
    period: Period
    origin: str
    signer: Signer | None = None
    documents: bool = True
    archives: Path | None = None


class Proof(msgspec.Struct, frozen=True):
    """That the last event of the period is the last one of the checkpoint's tree: its leaf hash, its time, and the
    hashes of the inclusion proof (RFC 9162 §2.1.3)."""

    position: int
    recorded_at: int
    leaf: str
    hashes: tuple[str, ...]


class SignedReport(msgspec.Struct, frozen=True):
    """``report.json``: the report, its files, and the key that signed it."""

    format: str
    key: str
    report: Report
    files: tuple[FileEntry, ...]


async def make_report(store: LogReading, wanted: Wanted, folder: Path, progress: Progress) -> Report:
    """Make a report and write it into an empty folder. Raises Damaged, Unavailable."""
    period = wanted.period
    files = PositionFiles(folder)
    names = (name for control in wanted.framework.controls for name in control.sections)
    part = Part(wanted.tenant, period.first_position, period.last_position)
    folding = Folding(part, sections_of(names, files.emit))
    integrity = await fold_log(store, folding, (part.first, part.last), progress, wanted.archives)
    root, proof = await _proved(store, part.last)
    sections = await asyncio.to_thread(folding.result, Context(wanted.tenant, period, integrity))
    report = Report(
        wanted.framework, wanted.tenant, period, wanted.origin, part.last, root.hex(), __version__, sections
    )
    check_ids(report)
    await asyncio.to_thread(_write, folder, files, report, proof, wanted)
    return report


def files_of(report: Report) -> Iterator[tuple[str, bytes]]:
    """The files that are made from the report alone."""
    for name, content in csv_files(report):
        yield f"{TABLES}/{name}", content
    for name, render in RENDERINGS:
        yield name, render(report)


def check_ids(report: Report) -> None:
    """Raise ValueError for an id that two things of a report share: their files would be one."""
    sections = report.sections
    for named in (
        [figure.id for section in sections for figure in section.figures],
        [finding.id for section in sections for finding in section.findings],
        ["figures", *(one.id for section in sections for one in section.tables)],
        [one.id for section in sections for one in section.series],
    ):
        twice = {one for one in named if named.count(one) > 1}
        if twice:
            raise ValueError(f"two parts of the report are called {min(twice)}")


def _write(folder: Path, positions: PositionFiles, report: Report, proof: Proof, wanted: Wanted) -> None:
    signer, documents = wanted.signer, documents_of(report) if wanted.documents else ()
    positions.complete(_trails(report.sections))
    (folder / TABLES).mkdir(mode=0o700)
    for name, content in (*files_of(report), *documents, (PROOF, document(proof))):
        (folder / name).write_bytes(content)
    entries = tuple(entry_of(folder, name) for name in names_in(folder))
    signed = document(SignedReport(FORMAT, "" if signer is None else signer.key, report, entries))
    (folder / REPORT).write_bytes(signed)
    if signer is not None:
        # The key signs nothing but checkpoints: an extension line (C2SP tlog-checkpoint) names the report.
        head = Checkpoint(report.origin, report.tree_size, bytes.fromhex(report.root)).text()
        (folder / CHECKPOINT).write_bytes(signer.sign(f"{head}{EXTENSION} {sha256(signed).hexdigest()}\n"))


def _trails(sections: Sequence[Section]) -> set[str]:
    """The ids of all that has positions."""
    figures = {figure.id for section in sections for figure in section.figures}
    return figures | {finding.id for section in sections for finding in section.findings}


async def _proved(store: LogReading, last: int) -> tuple[bytes, Proof]:
    """The root of the tree of the events up to the last one, and the proof of that one. Raises Damaged."""
    (event,) = await store.read_log(last - 1, 1)
    path, (root,) = await tree.hashes_of(store, last, [inclusion_ranges(last - 1, last), [Range(0, last)]])
    if not verify_inclusion(last - 1, last, event_hash(event.leaf, event.recorded_at), path, root):
        raise Damaged(Problem(last, last, DIFFERS))
    hashes = tuple(node.hex() for node in path)
    return root, Proof(last, event.recorded_at, event.leaf.hex(), hashes)
