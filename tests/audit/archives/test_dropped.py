"""Contents leave the log on each store: what may leave, what stays, who reads archives, and who emptied a row."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from authrim.core import log_drops as dropping
from authrim.core.stream_state import read_state
from authrim.reports.catalog import frameworks
from authrim.reports.making import Wanted, make_report
from authrim.reports.period import period_of
from authrim.store.contract import Unavailable
from domain import stream as streams
from domain.grant.grant import fold
from domain.report.model import Period
from tests.audit.archives.past_months import GONE, VALID, YOUNG, authrim, drop, emptied, files_of, store_at
from tests.audit.bundle.bundles import ORIGIN, silent
from tests.store.log_samples import TENANT, behind_its_back


async def test_what_has_ended_leaves_as_a_whole(archives: Path, store_place: Path | str) -> None:
    """A278, A294: grants and refusals leave when nothing of them is valid and all of it is archived and old. Clients,
    accounts, keys, and what lives or is young stay. The drop is recorded first, and the log still proves itself."""
    dropped = json.loads((await drop(archives)).stdout)
    gone = emptied(store_place)
    assert {f"default:grant:{GONE}", f"default:refusal:error-{GONE}", "default:refusal:error-alone"} <= gone
    assert {name.split(":")[1] for name in gone} == {"grant", "refusal", "session"}
    assert not {f"default:grant:{VALID}", f"default:grant:{YOUNG}", f"default:refusal:error-{YOUNG}"} & gone
    verified = json.loads((await authrim("--json", "audit", "verify")).stdout)
    assert (verified["ok"], verified["dropped"]) == (True, dropped["events"])
    assert "in archives alone" in (await authrim("audit", "verify")).output
    found = await authrim("--json", "audit", "search", "--type", "log.contents_dropped.v1")
    (event,) = [json.loads(line) for line in found.stdout.splitlines()]
    assert event["fields"]["reason"] == "ticket 4711"
    assert [line.split()[1] for line in event["fields"]["archives"]] == [
        file.name for file in files_of(archives)
    ]
    again = json.loads((await drop(archives)).stdout)
    assert again["events"] == 0, "what is gone does not leave again"


async def test_a_row_emptied_by_anybody_else_is_damage(archives: Path, store_place: Path | str) -> None:
    """F34: the database refuses to empty a row that is in no drop. Who can do it all the same, with a range in the
    table or without, is found by the walk: the log has the digest of what was dropped."""
    await drop(archives)
    rows = behind_its_back(
        store_place, f"SELECT min(position) FROM events WHERE stream_id = 'default:grant:{VALID}'"
    )
    position = int(str(rows[0][0]))
    nothing = "''" if isinstance(store_place, str) else "x''"
    empty = f"UPDATE events SET payload = {nothing}, metadata = {nothing} WHERE position = {position}"
    with pytest.raises(Exception, match="append-only"):
        behind_its_back(store_place, empty)
    values = f"({position}, {position}, 'of nobody', {'FALSE' if isinstance(store_place, str) else 0})"
    behind_its_back(store_place, f"INSERT INTO dropped VALUES {values}")
    with pytest.raises(Exception, match="append-only"):
        behind_its_back(store_place, f"UPDATE events SET type = 'other' WHERE position = {position}")
    behind_its_back(store_place, empty)
    refused = await authrim("audit", "verify", status=1)
    assert f"position {position}: its contents are gone, and the log does not say" in refused.output
    behind_its_back(store_place, "UPDATE dropped SET digest = (SELECT max(digest) FROM dropped)")
    assert (
        f"position {position}" not in (await authrim("audit", "verify", status=1)).output.split("Proved")[1]
    )


async def test_decisions_take_it_for_unknown(archives: Path, store_place: Path | str) -> None:
    """A decision about a grant that left is the one about a grant that never was, and a new one cannot have its
    versions."""
    await drop(archives)
    store = store_at(store_place)
    await store.open()
    stream = streams.grant_stream(TENANT, GONE)
    state, version, _ = await read_state(store, stream, fold)
    await store.close()
    assert not state.exists
    assert version == 3


async def test_tables_and_reports_read_archives(
    archives: Path, store_place: Path | str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the archives the tables are rebuilt and a report has the same bytes as before the drop; without them neither
    says anything that it cannot know. Search names the archive; an export of these events is refused."""
    await authrim("projections", "rebuild")
    await authrim("retention", "run")
    before = await report(store_place, folder_in(tmp_path, "before"), None)
    await drop(archives)
    refused = await authrim("projections", "verify", status=1)
    assert "log_archives" in refused.output
    await authrim("projections", "verify", "--archives", archives)
    with pytest.raises(Exception, match="in an archive"):
        await report(store_place, folder_in(tmp_path, "without"), None)
    assert await report(store_place, folder_in(tmp_path, "after"), archives) == before
    monkeypatch.setenv("AUTHRIM_LOG_ARCHIVES", str(archives))
    await authrim("projections", "verify")
    assert "in the archive of its month" in (await authrim("audit", "grant", GONE, status=1)).output
    told = await authrim("audit", "export", "--out", tmp_path / "bundle.tar", "--grant", GONE, status=1)
    assert "left the log" in told.output
    found = await authrim("--json", "log", "search", archives, "--value", f"{GONE}-1")
    assert f'"token_id": "{GONE}-1"' in found.stdout


def folder_in(place: Path, name: str) -> Path:
    """A new folder."""
    (place / name).mkdir()
    return place / name


async def report(place: Path | str, folder: Path, archives: Path | None) -> bytes:
    """The figures of a report on the months before the drop."""
    store = store_at(place)
    await store.open()
    try:
        period = await period_of(store, 1, 90)
        assert isinstance(period, Period)
        wanted = Wanted(
            frameworks()["log-evidence"], TENANT, period, ORIGIN, documents=False, archives=archives
        )
        await make_report(store, wanted, folder, silent)
    finally:
        await store.close()
    return (folder / "report.json").read_bytes()


async def test_nothing_leaves_without_its_archive(archives: Path, store_place: Path | str) -> None:
    """F34: a month that is not there, or an archive that is not the one of this log, ends the command before anything
    is recorded."""
    last = files_of(archives)[1]
    whole = last.read_bytes()
    last.write_bytes(whole[:-200])
    assert "damaged, or cut off" in (await drop(archives, status=1)).output
    last.unlink()
    assert "2026-09 is not in the directory" in (await drop(archives, status=1)).output
    assert emptied(store_place) == set()
    assert behind_its_back(store_place, "SELECT * FROM dropped") == []
    assert "not a month" in (await drop(archives, before="2026-13", status=1)).output


async def test_a_drop_that_was_killed_goes_on(
    archives: Path, store_place: Path | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F21: killed in the middle, what is gone and what is there are both proved; the next run finishes it first. What
    was never recorded is forgotten."""
    store = store_at(store_place)
    await store.open()
    kind = type(store.dropped)
    await store.close()
    empty: Callable[..., Any] = kind.empty
    steps: list[int] = []

    async def dies(self: object, first: int, last: int, *, ends: bool) -> None:
        steps.append(first)
        if len(steps) > 1:
            raise Unavailable
        await empty(self, first, last, ends=ends)

    monkeypatch.setattr(dropping, "STEP", 1)
    monkeypatch.setattr(kind, "empty", dies)
    await drop(archives, status=1)
    monkeypatch.setattr(kind, "empty", empty)
    half = json.loads((await authrim("--json", "audit", "verify")).stdout)
    assert (half["ok"], half["dropped"]) == (True, 1)
    again = json.loads((await drop(archives)).stdout)
    assert again["events"] == 0
    assert f"default:grant:{GONE}" in emptied(store_place)
    whole = json.loads((await authrim("--json", "audit", "verify")).stdout)
    assert whole["ok"]
    assert behind_its_back(store_place, "SELECT * FROM dropped WHERE waiting") == []
