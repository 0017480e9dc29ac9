"""``authrim report reviewed`` as it is used."""

import json
import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from authrim.store.read_back import ReadBack
from authrim.store.sqlite.store import SQLiteStore
from tests.reports.commands import make, run
from tests.store.log_samples import write_grant

_SMALL = """
id = "small"
title = "Sign-ins"
version = "1"
about = "Sign-ins alone."
[[control]]
id = "1"
title = "Sign-ins"
asks = "Who signed in."
sections = ["sign_ins"]
"""
REVIEWED = "audit.access_reviewed.v1"


async def _reviews(store: ReadBack) -> list[dict[str, object]]:
    events = await store.read_log(0, 10_000)
    return [json.loads(event.payload) for event in events if event.type == REVIEWED]


async def test_a_review_is_recorded_and_later_reports_tell(
    log: ReadBack, settings: None, tmp_path: Path
) -> None:
    """A review names the report and the last event of it; the next report counts only what came after it."""
    head = (await log.head()).position
    await make(tmp_path / "one", "--to", head)
    answer = await run("reviewed", tmp_path / "one", "--reason", "ticket 4711", "--json")
    digest = sha256((tmp_path / "one" / "report.json").read_bytes()).hexdigest()
    assert json.loads(answer.stdout) == {"reviewed_to": head, "report_sha256": digest}
    (event,) = await _reviews(log)
    assert (event["position"], event["report"], event["reason"]) == (head, digest, "ticket 4711")
    await make(tmp_path / "two")
    figures = _figures(tmp_path / "one"), _figures(tmp_path / "two")
    assert [one["access_review.reviews"] for one in figures] == [0, 1]
    assert figures[0]["access_review.changed_since_review"] > 0
    assert figures[1]["access_review.changed_since_review"] == 0


@pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
async def test_what_is_no_report_of_this_log_is_refused(
    log: ReadBack, settings: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A302: nobody signs off a report that was changed, tells of no access, is none, or without saying why."""
    monkeypatch.setenv("AUTHRIM_REPORT_FRAMEWORKS", str(tmp_path))
    (tmp_path / "small.toml").write_text(_SMALL)
    out = tmp_path / "one"
    await run("small", "--out", out)
    refused = await run("reviewed", out, "--reason", "x", status=1)
    assert "does not tell who can do what" in refused.output
    assert "Nobody would know" in (await run("reviewed", out, status=1)).output
    file = out / "report.json"
    file.write_text(file.read_text().replace('"small"', '"large"'))
    refused = await run("reviewed", out, "--reason", "x", status=1)
    assert "The report is not the one that was signed. " in refused.output
    refused = await run("reviewed", tmp_path / "none", "--reason", "x", status=1)
    assert "This is no report." in refused.output
    assert await _reviews(log) == []


@pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
async def test_a_report_of_another_branch_of_the_log_is_refused(
    log: ReadBack, settings: None, store_place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """A302: a report that was signed with the key of this log, of events that it does not have, is not reviewed."""
    copy = tmp_path / "copy.db"
    await make(tmp_path / "first")
    with closing(sqlite3.connect(store_place)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    await write_grant(log, "grant-4")
    await make(tmp_path / "one")
    other = SQLiteStore(copy)
    await other.open()
    await write_grant(other, "grant-5")
    await write_grant(other, "grant-6")
    await other.close()
    monkeypatch.setenv("AUTHRIM_DATABASE", str(copy))
    refused = await run("reviewed", tmp_path / "one", "--reason", "x", status=1)
    assert "was not made from this log" in refused.output


def _figures(folder: Path) -> dict[str, int]:
    report = json.loads((folder / "report.json").read_text())["report"]
    return {figure["id"]: figure["value"] for section in report["sections"] for figure in section["figures"]}
