"""Opens the folder of a report and checks all that can be checked without the events: that every byte is the one that
was signed, that the figures fit their positions, and that the last event is in the tree of the checkpoint.

Nothing of the folder is trusted: no file is followed out of it, and none is read that the report does not name.
"""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

from authrim import __version__
from authrim.crypto.signed_note import BrokenNote, NoteKey, SignedNote, read_note, read_note_key, verified
from authrim.reports.files import (
    CHECKPOINT,
    FORMAT,
    NAME,
    PROOF,
    REPORT,
    document,
    entry_of,
    names_in,
)
from authrim.reports.findings import Anchor, Fault, Findings
from authrim.reports.making import EXTENSION, Proof, SignedReport, check_ids, files_of
from authrim.reports.positions import BrokenPositions, read_positions
from domain.report.model import Figure, Finding, Report
from domain.tree.checkpoint import Checkpoint
from domain.tree.hashing import event_hash
from domain.tree.proofs import verify_inclusion

#: Bytes of a document that is read as a whole.
_LARGEST: Final = 64 << 20
#: What is not made again: it depends on the fonts of a machine.
_OF_THE_MACHINE: Final = ".pdf"


class Unusable(Exception):
    """There is no report to verify."""


class OpenedReport(msgspec.Struct, frozen=True):
    """A report that was read, and the note that signed it."""

    folder: Path
    signed: SignedReport
    note: str

    @property
    def report(self) -> Report:
        """What it says."""
        return self.signed.report


def open_report(folder: Path, anchor: Anchor | None, findings: Findings) -> OpenedReport | None:
    """Read a report and check it by itself. None: it cannot be read, and the findings say why. Raises Unusable."""
    if not (folder / REPORT).is_file():
        raise Unusable(f"{folder} is no folder of a report: it has no {REPORT}.")
    try:
        content = _whole(folder, REPORT)
        signed = _read(content)
        opened = OpenedReport(folder, signed, _note(folder))
    except Fault as fault:
        findings.add(fault)
        return None
    for name in sorted({entry.name for entry in signed.files} | set(names_in(folder)) - {REPORT, CHECKPOINT}):
        _collect(findings, _check_file, opened, name)
    _collect(findings, _check_sections, opened)
    _collect(findings, _check_proof, opened)
    for one in _with_positions(opened.report):
        _collect(findings, _check_positions, opened, one)
    _collect(findings, _check_signature, opened, sha256(content).hexdigest(), anchor, findings)
    if not findings.faults:
        _collect(findings, _check_made, opened)
    if not findings.faults:
        findings.checked.append("every file is the one that the report names, and there are no others")
        findings.checked.append("each figure fits its positions, and the tables and pages fit the figures")
        findings.checked.append("the last event of the period is in the tree of the checkpoint")
    return opened


def _collect(findings: Findings, check: Callable[..., None], *arguments: object) -> None:
    try:
        check(*arguments)
    except Fault as fault:
        findings.add(fault)


def _place(folder: Path, name: str) -> Path:
    """Where a file of the report is: itself, and in a folder that is no link, so that nothing else is ever opened."""
    path = folder / name
    leads_elsewhere = path.is_symlink() or (path.parent != folder and path.parent.is_symlink())
    if leads_elsewhere or not path.is_file():
        raise Fault("the file is missing", name)
    return path


def _whole(folder: Path, name: str) -> bytes:
    path = _place(folder, name)
    if path.stat().st_size > _LARGEST:
        raise Fault("the file is too large", name)
    return path.read_bytes()


def _read(content: bytes) -> SignedReport:
    try:
        signed = msgspec.json.decode(content, type=SignedReport)
        if signed.format != FORMAT or document(signed) != content:
            raise Fault(f"this is not a report of the format {FORMAT}, byte by byte", REPORT)
        check_ids(signed.report)
        bytes.fromhex(signed.report.root)
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise Fault("this is not a report", REPORT) from None
    return signed


def _note(folder: Path) -> str:
    try:
        return _whole(folder, CHECKPOINT).decode()
    except UnicodeDecodeError:
        raise Fault("this is not a signed note", CHECKPOINT) from None


def _check_file(opened: OpenedReport, name: str) -> None:
    """A file is there with the size and digest that the report names."""
    entry = next((entry for entry in opened.signed.files if entry.name == name), None)
    if entry is None or not NAME.fullmatch(name):
        raise Fault("the report does not name this file", name)
    _place(opened.folder, name)
    if entry_of(opened.folder, name) != entry:
        raise Fault("the file is not the one that was signed", name)


def _check_made(opened: OpenedReport) -> None:
    """The tables and pages are those of the report. Only the version that made them can tell."""
    report = opened.report
    if report.made_from != __version__:
        return
    digests = {entry.name: entry.sha256 for entry in opened.signed.files}
    for name, content in files_of(report):
        if not name.endswith(_OF_THE_MACHINE) and digests.get(name) != sha256(content).hexdigest():
            raise Fault("the file does not say what the report says", name)


def _check_sections(opened: OpenedReport) -> None:
    """Every section is there that a control names: one that says nothing good cannot be left out."""
    there = {section.id for section in opened.report.sections}
    named = {name for control in opened.report.framework.controls for name in control.sections}
    if named - there:
        raise Fault(f"the section {min(named - there)} is missing, and a control names it", REPORT)


def _check_proof(opened: OpenedReport) -> None:
    """The last event of the period is the last one of the checkpoint's tree."""
    content, report = _whole(opened.folder, PROOF), opened.report
    try:
        proof = msgspec.json.decode(content, type=Proof)
        leaf, path = bytes.fromhex(proof.leaf), [bytes.fromhex(node) for node in proof.hashes]
        if document(proof) != content:
            raise Fault("the file is not in the form of a report", PROOF)
        made = event_hash(leaf, proof.recorded_at)
    except (msgspec.DecodeError, ValueError, OverflowError):
        raise Fault("this is not an inclusion proof", PROOF) from None
    size, root = report.tree_size, bytes.fromhex(report.root)
    if not proof.position == size == report.period.last_position:
        raise Fault("the proof is not of the last event of the period", PROOF)
    if not verify_inclusion(size - 1, size, made, path, root):
        raise Fault("the last event is not in the tree of the checkpoint", PROOF)


def _check_positions(opened: OpenedReport, one: Figure | Finding) -> None:
    """The positions are in their form and as many as the figure says."""
    said, count, first, last = one.positions, 0, 0, 0
    entry = next((entry for entry in opened.signed.files if entry.name == said.file), None)
    if entry is None or entry.sha256 != said.digest or not NAME.fullmatch(said.file):
        raise Fault("the figure does not name the file of its positions", REPORT, one.id)
    path = _place(opened.folder, said.file)
    try:
        for found in read_positions(path):
            count += found.last - found.first + 1
            first, last = first or found.first, found.last
    except (BrokenPositions, OSError) as broken:
        raise Fault(f"the positions cannot be read: {broken}", said.file, one.id) from None
    if (count, first, last) != (said.count, said.first, said.last):
        raise Fault("the figure has other positions than its file", said.file, one.id)
    if last > opened.report.period.last_position:
        raise Fault("a position comes after the period", said.file, one.id)
    if isinstance(one, Figure) and one.counts and one.value != count:
        raise Fault(f"the figure says {one.value}, and has {count} positions", REPORT, one.id)


def _check_signature(opened: OpenedReport, digest: str, anchor: Anchor | None, findings: Findings) -> None:
    """The note under the checkpoint is by a key of the log, and names this report."""
    keys = (opened.signed.key,) if anchor is None else anchor.keys
    known = [key for text in keys if (key := read_note_key(text)) is not None]
    report = opened.report
    head = Checkpoint(report.origin, report.tree_size, bytes.fromhex(report.root)).text()
    try:
        note = _signed_by(opened.note, known)
    except BrokenNote as broken:
        raise Fault(f"the signature does not hold: {broken}", CHECKPOINT) from None
    if not note.text.startswith(head):
        raise Fault("the checkpoint is not of the tree of the report", CHECKPOINT)
    if note.text != f"{head}{EXTENSION} {digest}\n":
        raise Fault("the report is not the one that was signed", REPORT)
    if anchor is None:
        findings.unchecked.append(
            f"who signed the report: give the log's --key; its signer is {opened.signed.key}"
        )
    else:
        findings.checked.append(f"{anchor.source} signed the checkpoint, and with it the report")


def _signed_by(text: str, keys: list[NoteKey]) -> SignedNote:
    note = read_note(text)
    verified(note, keys)
    if len(note.signatures) != 1 or note.encoded() != text:
        raise BrokenNote("there is more in the file than the note and its signature")
    return note


def _with_positions(report: Report) -> list[Figure | Finding]:
    found: list[Figure | Finding] = []
    for section in report.sections:
        found += [*section.figures, *section.findings]
    return found
