"""``authrim report verify``: what was signed and is so is proved, and whatever was changed is found and named."""

import asyncio
import json
import os
import random
import shutil
from collections.abc import Callable, Iterable
from functools import partial
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from authrim.commands.root import main
from authrim.reports.catalog import frameworks
from authrim.reports.files import document, new_folder
from authrim.reports.findings import Anchor, Findings
from authrim.reports.making import SignedReport, Wanted, make_report
from authrim.reports.opening import Unusable, open_report
from authrim.reports.period import period_of
from authrim.reports.recounting import recount_bundle, recount_log
from authrim.store.read_back import ReadBack
from domain.report.model import Period, Report
from domain.tree.checkpoint import Checkpoint
from tests.audit.bundle.bundles import ORIGIN, SIGNER, TestSigner, range_bundle, silent
from tests.reports.commands import contents, make, run

KEY = Anchor((SIGNER.key,), "the key")
MISFIT = "the times of the period are not those of its positions"


async def made(store: ReadBack, folder: Path, signer: TestSigner = SIGNER, first: int = 3) -> Path:
    """A report on the log from a position to its end."""
    period = await period_of(store, first, None)
    assert isinstance(period, Period)
    wanted = Wanted(frameworks()["log-evidence"], "default", period, ORIGIN, signer)
    with new_folder(folder) as partial:
        await make_report(store, wanted, partial, silent)
    return folder


def opened(folder: Path, anchor: Anchor | None = KEY) -> Findings:
    """What is found in the folder alone."""
    findings = Findings()
    open_report(folder, anchor, findings)
    return findings


async def recounted(store: ReadBack, folder: Path, anchor: Anchor | None = KEY) -> Findings:
    """What is found with the log."""
    findings = Findings()
    report = open_report(folder, anchor, findings)
    assert report is not None
    await recount_log(store, report, findings, silent)
    return findings


async def by_bundle(store: ReadBack, folder: Path, first: int, anchor: Anchor | None = KEY) -> Findings:
    """What is found with a bundle of the log that begins at a position."""
    findings = Findings()
    report = open_report(folder, anchor, findings)
    assert report is not None
    path = folder.with_name("part.tar")
    path.write_bytes(await range_bundle(store, first, report.report.tree_size))
    recount_bundle(path, report, anchor, findings)
    return findings


async def test_a_report_is_proved_by_the_log_and_by_a_bundle(log: ReadBack, tmp_path: Path) -> None:
    """A301: the figures are counted again from the log, or offline from a bundle; the key says whose it is."""
    folder = await made(log, tmp_path / "r")
    for found in (await recounted(log, folder), await by_bundle(log, folder, 1)):
        assert (found.result, found.faults, found.unchecked) == ("proved", [], [])
        assert any("counted again" in text for text in found.checked)
    without = await by_bundle(log, folder, 1, None)
    assert without.result == "unproved"
    part = await by_bundle(log, folder, 3)
    assert (part.result, part.faults) == ("unproved", [])
    assert "give a bundle from position 1" in part.unchecked[-1]


@pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
async def test_one_changed_byte_is_found_and_named(log: ReadBack, tmp_path: Path) -> None:
    """A301: whatever byte of whatever file is changed, that file is named. Of the many tables and positions some are
    changed: each of them is read in the same way."""
    folder = await made(log, tmp_path / "r")
    assert opened(folder).result == "proved"
    chosen = random.Random(1)
    files = contents(folder)
    for name in _some_of_each_folder(files, chosen):
        content = files[name]
        for _ in range(2):
            place = chosen.randrange(len(content))
            changed = (
                content[:place] + bytes([content[place] ^ 1 << chosen.randrange(7)]) + content[place + 1 :]
            )
            (folder / name).write_bytes(changed)
            found = opened(folder)
            assert found.result == "fault", (name, place)
            assert name in {fault["file"] for fault in found.faults}, (name, place, found.faults)
        for changed in (content + b"\n", content[:-1]):
            (folder / name).write_bytes(changed)
            assert name in {fault["file"] for fault in opened(folder).faults}, name
        (folder / name).write_bytes(content)
    assert opened(folder).result == "proved"


def _some_of_each_folder(names: Iterable[str], chosen: random.Random) -> list[str]:
    by_folder: dict[str, list[str]] = {}
    for name in names:
        by_folder.setdefault(name.rpartition("/")[0], []).append(name)
    return [name for ones in by_folder.values() for name in chosen.sample(ones, min(len(ones), 3))]


@pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
async def test_a_file_that_is_missing_or_does_not_belong_there(log: ReadBack, tmp_path: Path) -> None:
    """A301: a file that was added, taken away, or leads elsewhere is named."""
    folder = await made(log, tmp_path / "r")
    table = folder / "tables" / "figures.csv"
    shutil.copy(table, tmp_path / "elsewhere")
    (folder / "tables" / "more.csv").write_text("x")
    table.unlink()
    table.symlink_to(tmp_path / "elsewhere")
    faults = {fault["file"]: fault["what"] for fault in opened(folder).faults}
    assert faults == {
        "tables/more.csv": "the report does not name this file",
        "tables/figures.csv": "the file is missing",
    }
    (folder / "checkpoint").unlink()
    assert [fault["file"] for fault in opened(folder).faults] == ["checkpoint"]
    with pytest.raises(Unusable):
        opened(tmp_path)


@pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
async def test_a_folder_that_leads_elsewhere(log: ReadBack, tmp_path: Path) -> None:
    """A301: a link to a folder is named, whether it is one too many or stands for a folder of the report, and nothing
    is read through it; nor is a file of positions that is no file."""
    folder = await made(log, tmp_path / "r")
    (folder / "more").symlink_to(tmp_path)
    assert {fault["file"]: fault["what"] for fault in opened(folder).faults} == {
        "more": "the report does not name this file"
    }
    (folder / "more").unlink()
    pipe = folder / "positions" / "sign_ins.people.txt"
    pipe.unlink()
    os.mkfifo(pipe)
    assert {fault["file"] for fault in opened(folder).faults} == {"positions/sign_ins.people.txt"}
    pipe.unlink()
    (folder / "tables").rename(tmp_path / "tables")
    (folder / "tables").symlink_to(tmp_path / "tables")
    faults = {fault["file"]: fault["what"] for fault in opened(folder).faults}
    assert faults["tables"] == "the report does not name this file"
    assert faults["tables/figures.csv"] == "the file is missing"


def signed_again(folder: Path, signer: TestSigner, change: Callable[[Report], Report]) -> None:
    """A report in which somebody who can sign changed something, and made all that follows from it fit."""
    signed = msgspec.json.decode((folder / "report.json").read_bytes(), type=SignedReport)
    changed = msgspec.structs.replace(signed, key=signer.key, report=change(signed.report))
    content = document(changed)
    (folder / "report.json").write_bytes(content)
    report = changed.report
    head = Checkpoint(report.origin, report.tree_size, bytes.fromhex(report.root)).text()
    (folder / "checkpoint").write_bytes(signer.sign(f"{head}report {sha256(content).hexdigest()}\n"))


def other_version(report: Report) -> Report:
    """The report as of another version, whose pages nobody can make again."""
    return msgspec.structs.replace(report, made_from="0.0.9")


def one_more(report: Report) -> Report:
    """The report with one revocation more than there were, at the same positions."""
    sections = [
        msgspec.structs.replace(
            section,
            figures=tuple(
                msgspec.structs.replace(figure, value=7, counts=False)
                if figure.id == "revocations.grants"
                else figure
                for figure in section.figures
            ),
        )
        for section in report.sections
    ]
    return msgspec.structs.replace(other_version(report), sections=tuple(sections))


@pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
async def test_who_can_sign_cannot_make_figures_up(log: ReadBack, tmp_path: Path) -> None:
    """A301: a figure that its signer made up is found by counting it again, and named; and nobody else can sign."""
    folder = await made(log, tmp_path / "r")
    signed_again(folder, SIGNER, other_version)
    assert (await recounted(log, folder)).result == "proved"
    signed_again(folder, SIGNER, one_more)
    assert opened(folder).result == "proved"
    for found in (await recounted(log, folder), await by_bundle(log, folder, 1)):
        assert [fault["figure"] for fault in found.faults] == ["revocations.grants"]
        assert "the figure is 7 at" in found.faults[0]["what"]
    stranger = TestSigner(b"s" * 32)
    signed_again(folder, stranger, other_version)
    assert [fault["file"] for fault in opened(folder).faults] == ["checkpoint"]


@pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
async def test_who_can_sign_cannot_leave_a_part_of_the_period_out(log: ReadBack, tmp_path: Path) -> None:
    """A301: the times that a report names are those of its first and last position; one that names a longer time than
    it tells of is found by the log and by a bundle."""
    folder, head = await made(log, tmp_path / "r"), await log.head()
    for wider in ({"begins_at": 1}, {"ends_at": 1}, {"begins_at": 1 << 52}):
        signed_again(folder, SIGNER, partial(other_period, wider))
        for found in (await recounted(log, folder), await by_bundle(log, folder, 1)):
            assert [fault["what"] for fault in found.faults] == [MISFIT], wider
    signed_again(folder, SIGNER, partial(other_period, {"ends_at": 1 << 60}))
    assert [fault["what"] for fault in (await recounted(log, folder)).faults] == [MISFIT]
    whole = await made(log, tmp_path / "whole", first=1)
    signed_again(whole, SIGNER, partial(other_period, {"begins_at": 1, "ends_at": head.now}))
    for found in (await recounted(log, whole), await by_bundle(log, whole, 1)):
        assert MISFIT not in {fault["what"] for fault in found.faults}


@pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
async def test_who_can_sign_cannot_leave_a_section_out(log: ReadBack, tmp_path: Path) -> None:
    """A301: a section that a control names is missed."""
    folder = await made(log, tmp_path / "r")
    signed_again(folder, SIGNER, without_incidents)
    whats = [fault["what"] for fault in opened(folder).faults]
    assert whats == ["the section incidents is missing, and a control names it"]


def without_incidents(report: Report) -> Report:
    """The report without what it should say of incidents."""
    kept = tuple(section for section in report.sections if section.id != "incidents")
    return msgspec.structs.replace(other_version(report), sections=kept)


def other_period(times: dict[str, int], report: Report) -> Report:
    """The report with other times at the ends of its period."""
    changed = msgspec.structs.replace(report.period, **times)
    return msgspec.structs.replace(other_version(report), period=changed)


@pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
async def test_a_report_of_another_log_is_named(log: ReadBack, tmp_path: Path) -> None:
    """A301: the report of another log, or of one that was longer, is not taken for one of this log."""
    folder = await made(log, tmp_path / "r")
    signed_again(folder, SIGNER, lambda report: msgspec.structs.replace(report, root="00" * 32))
    assert "proof.json" in {fault["file"] for fault in opened(folder).faults}
    found = await recounted(log, folder)
    assert "the roots of their trees differ" in found.faults[-1]["what"]


async def test_the_command(log: ReadBack, settings: None, tmp_path: Path) -> None:
    """Exit status and words say what was found: by the log, by a bundle with the key, and by the files alone."""
    out, bundle = tmp_path / "r", tmp_path / "log.tar"
    head = (await log.head()).position
    await make(out, "--to", head)
    assert "PROVED" in (await run("verify", out)).output
    exported = await asyncio.to_thread(
        CliRunner().invoke, main, ["audit", "export", "--to", str(head), "--out", str(bundle)]
    )
    assert exported.exit_code == 0, exported.output
    key = json.loads((out / "report.json").read_bytes())["key"]
    told = await run("verify", out, "--bundle", bundle, "--key", key, "--json")
    assert json.loads(told.stdout)["result"] == "proved"
    assert "NOT CHECKED" in (await run("verify", out, "--files-only", "--key", key, status=3)).output
    assert "NOT PROVED" in (await run("verify", out, "--bundle", bundle, status=3)).output
    (out / "tables" / "figures.csv").write_text("all is well")
    assert "FAULT at tables/figures.csv" in (await run("verify", out, status=1)).output
    assert "no folder of a report" in (await run("verify", tmp_path, status=2)).output
    assert "no key" in (await run("verify", out, "--key", "x", status=2)).output


async def test_without_a_server(
    log: ReadBack, settings: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever was given a report, moved it elsewhere and has no server is told what to ask for, and can verify it."""
    made_here, elsewhere = tmp_path / "r", tmp_path / "elsewhere" / "moved"
    await make(made_here, "--to", (await log.head()).position)
    elsewhere.parent.mkdir()
    made_here.rename(elsewhere)
    for name in ("AUTHRIM_ISSUER", "AUTHRIM_DATABASE", "AUTHRIM_MASTER_KEYS"):
        monkeypatch.delenv(name)
    monkeypatch.chdir(elsewhere.parent)
    refused = await run("verify", "moved", status=2)
    assert "--files-only" in refused.output
    key = json.loads((elsewhere / "report.json").read_bytes())["key"]
    told = json.loads((await run("verify", "moved", "--files-only", "--key", key, "--json", status=3)).stdout)
    assert (told["faults"], len(told["checked"]), len(told["not_checked"])) == ([], 4, 1)
