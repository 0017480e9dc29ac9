"""``authrim report FRAMEWORK`` as it is used, on each store."""

import asyncio
import json
import shlex
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from authrim.commands.root import main
from authrim.reports.catalog import frameworks, section_ids
from authrim.store.read_back import ReadBack
from tests.reports.commands import contents, files_in, make, questions, run
from tests.store.log_samples import behind_its_back, write_grant


async def test_the_same_positions_give_the_same_bytes(log: ReadBack, settings: None, tmp_path: Path) -> None:
    """A300: what was appended since changes no byte of a report, and each one is recorded before it is made."""
    head = (await log.head()).position
    await make(tmp_path / "one", "--from", 3, "--to", head, "--reason", "ticket 4711")
    await write_grant(log, "grant-4")
    told = await run("log-evidence", "--from", 3, "--to", head, "--out", tmp_path / "two", "--json")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert stat.S_IMODE((tmp_path / "one").stat().st_mode) == 0o700
    summary = json.loads(told.stdout)
    assert (summary["first_position"], summary["last_position"]) == (3, head)
    first, second = await questions(log)
    assert (first["question"], first["reason"], first["exported"]) == ("report", "ticket 4711", True)
    assert first["conditions"] == {"framework": "log-evidence", "from": "3", "to": str(head)}
    assert second["conditions"] == first["conditions"]


async def test_a_damaged_log_is_not_reported(
    log: ReadBack, settings: None, store_place: Path | str, tmp_path: Path
) -> None:
    """F34: a report ends at the first row that is not what was recorded, names its position, and leaves no folder."""
    if isinstance(store_place, Path):
        behind_its_back(store_place, "DROP TRIGGER events_no_update")
    else:
        behind_its_back(store_place, "ALTER TABLE events DISABLE TRIGGER ALL")
    behind_its_back(store_place, "UPDATE events SET type = 'grant.code_voided.v1' WHERE position = 5")
    refused = await make(tmp_path / "bad", status=1)
    assert "Position 5: the row is not the one that was recorded." in refused.output
    assert files_in(tmp_path, "bad") == []


async def test_refusals(log: ReadBack, settings: None, tmp_path: Path) -> None:
    """Each refusal says why. Nothing is recorded, and no folder is made or replaced."""
    out, there = tmp_path / "no", tmp_path / "there"
    there.mkdir()
    for arguments, said in (
        (("--to", 100_000), "The log has no such position."),
        (("--from", 5, "--to", 4), "Nothing was recorded in this period."),
        (("--to", "2999-01-01"), "The period has not ended."),
        (("--to", "2001-01-01"), "Nothing was recorded in this period."),
        (("--reason", "\x1b[2J"), "The reason cannot be recorded."),
    ):
        assert said in (await make(out, *arguments, status=1)).output
    refused = await run("sox", "--out", out, status=1)
    assert "There is no framework 'sox'." in refused.output
    assert "log-evidence" in refused.output
    assert "is there already" in (await make(there, status=2)).output
    assert "cannot be made" in (await make(out / "deep", status=2)).output
    assert files_in(tmp_path, "no") == []
    assert await questions(log) == []


@pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
async def test_frameworks_are_listed(log: ReadBack, settings: None) -> None:
    """Whoever does not know the frameworks can ask."""
    rows = json.loads((await run("frameworks", "--json")).stdout)["frameworks"]
    (row,) = (one for one in rows if one["framework"] == "log-evidence")
    assert row == {
        "framework": "log-evidence",
        "title": "Evidence from the log",
        "version": "1",
        "controls": 1,
    }


def test_one_framework_has_every_section() -> None:
    """Whoever wants to see all that there is can ask for it, and it stays all."""
    (everything,) = frameworks()["log-evidence"].controls
    assert set(everything.sections) >= set(section_ids())


@pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
async def test_the_query_of_a_figure_lists_its_events(
    log: ReadBack, settings: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command beside each figure, run in the folder of the report, lists exactly the events at its positions."""
    await make(tmp_path / "r")
    monkeypatch.chdir(tmp_path / "r")
    sections = json.loads((tmp_path / "r" / "report.json").read_bytes())["report"]["sections"]
    figures = [
        figure for section in sections for figure in section["figures"] if figure["positions"]["count"]
    ]
    assert len(figures) > 10
    for figure in figures[:6]:
        words = [*shlex.split(figure["query"])[1:], "--json", "--limit", "10000"]
        result = await asyncio.to_thread(CliRunner().invoke, main, words)
        assert result.exit_code == 0, result.output
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        said = figure["positions"]
        assert len(lines) == said["count"]
        assert (lines[0]["position"], lines[-1]["position"]) == (said["first"], said["last"])
    for words, said in (
        (("--type", "key.created.v1"), "no other condition"), ((), "no range of positions")
    ):  # fmt: skip
        refused = await asyncio.to_thread(
            CliRunner().invoke, main, ["audit", "search", "--positions", "tables/figures.csv", *words]
        )
        assert refused.exit_code == 2
        assert said in refused.output
