"""``authrim report schedule`` on a log: what it writes, and what it says."""

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from click.testing import CliRunner

from authrim.audit.bundle import verify_bundle
from authrim.commands.root import main
from authrim.store.read_back import ReadBack
from domain.evidence import EvidenceWritten
from tests.reports.commands import FRAMEWORK, run
from tests.reports.schedule.test_keeping import Place

pytestmark = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


async def said(*arguments: object, status: int = 0) -> Any:
    """The JSON of the command."""
    return json.loads((await run("schedule", "--json", *arguments, status=status)).stdout)


def tomorrow() -> datetime:
    """When a report of today is due."""
    return datetime.now(UTC).replace(hour=6, minute=0, second=0) + timedelta(days=1)


async def test_reports_and_bundles_are_written_when_they_are_due(
    settings: None, log: ReadBack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the day after, a run writes the report and the bundle of the day, hands both to the command, and says in the
    log what they are; a folder that cannot be used is a failure that ends the run, the status and the monitor with
    status 1, until it can be."""
    given, evidence = tmp_path / "given", tmp_path / "evidence"
    program = tmp_path / "program.py"
    program.write_text(f"import sys; open({str(given)!r}, 'a').write(sys.argv[1] + chr(10))")
    monkeypatch.setenv("AUTHRIM_REPORT_SCHEDULE", f"0 6 * * * {FRAMEWORK} day; 0 6 * * * bundle day")
    monkeypatch.setenv("AUTHRIM_REPORT_DIRECTORY", str(evidence))
    monkeypatch.setenv("AUTHRIM_REPORT_COMMAND", f"{sys.executable},{program}")
    assert await said("--once") == {"written": [], "failed": [], "busy": False}
    with time_machine.travel(tomorrow(), tick=True):
        failed = await said("--once", status=1)
        assert len(failed["failed"]) == 2
        (first, *_) = (await said("--status", status=1))["schedules"]
        assert (first["status"], first["cause"], first["attempt"]) == ("failed", "directory_unusable", 1)
        monitor = await asyncio.to_thread(CliRunner().invoke, main, ["audit", "monitor", "--catch-up"])
        assert monitor.exit_code == 1
        assert "FAILED: directory_unusable" in monitor.stdout
        evidence.mkdir()
        written = (await said("--once"))["written"]
        assert await said("--once") == {"written": [], "failed": [], "busy": False}
        assert all(state["status"] == "ok" for state in (await said("--status"))["schedules"])
    folder, bundle = sorted(evidence.iterdir(), key=lambda path: path.suffix)
    assert sorted(written) == sorted([folder.name, bundle.name])
    assert {"report.json", "report.html", "checkpoint"} <= {path.name for path in folder.iterdir()}
    verified = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, verify_bundle.__file__, str(bundle)],
        capture_output=True,
        check=False,
    )
    assert b"NO FAULT FOUND" in verified.stdout
    assert sorted(given.read_text().splitlines()) == sorted(map(str, (folder, bundle)))
    events = await Place(log, "2026-01-01").events("bundle-day")
    assert isinstance(events[-1], EvidenceWritten)
    assert events[-1].name == bundle.name
    assert events[-1].last_position > events[-1].first_position > 0


async def test_nothing_scheduled_is_said(settings: None, store: ReadBack) -> None:
    """Without a schedule the command does not wait forever, and a schedule without a place is refused."""
    result = await run("schedule", status=1)
    assert "Set report_schedule" in result.output
    assert await said("--status") == {"schedules": []}
    await run("schedule", "--once", "--status", status=2)


async def test_a_framework_that_there_is_not_is_said_at_once(
    settings: None, store: ReadBack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Long before its report is due, and the other lines go on."""
    monkeypatch.setenv("AUTHRIM_REPORT_SCHEDULE", "0 6 1 * * sco2 month; 0 6 1 * * bundle month")
    monkeypatch.setenv("AUTHRIM_REPORT_DIRECTORY", str(tmp_path))
    result = await run("schedule", "--once")
    assert "There is no framework 'sco2'" in result.stderr
    assert "bundle" not in result.stderr


async def test_a_schedule_without_a_place_is_refused(
    settings: None, store: ReadBack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A schedule needs a folder or a command, and has each line once."""
    monkeypatch.setenv("AUTHRIM_REPORT_SCHEDULE", "0 6 1 * * soc2 month; 0 7 1 * * soc2 month")
    assert "set report_directory" in (await run("schedule", "--once", status=2)).output
    monkeypatch.setenv("AUTHRIM_REPORT_DIRECTORY", "/tmp")
    assert "twice" in (await run("schedule", "--once", status=2)).output
    monkeypatch.setenv("AUTHRIM_REPORT_SCHEDULE", "0 6 1 * * soc2 never")
    assert "must end with one of day" in (await run("schedule", "--once", status=2)).output
