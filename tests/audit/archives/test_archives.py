"""Archives as they are used, on each store: closed months as bundles that stand alone, and a rebuild from them."""

import gzip
import json
import re
import shlex
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.audit.archives.past_months import archive, authrim
from tests.store.log_samples import behind_its_back


async def key_file(folder: Path) -> Path:
    told = await authrim("--json", "audit", "checkpoint-key")
    path = folder / "key.txt"
    path.write_text(json.loads(told.stdout)["verifier_key"])
    return path


async def test_closed_months_are_archived_once(log: None, tmp_path: Path) -> None:
    """A278, A294: each closed month is a file that is never replaced and that only its owner may read; the month that
    is not over is in none, whatever is asked for; each run is recorded."""
    out = tmp_path / "archives"
    first = await archive(out, "2026-10")
    assert [one["month"] for one in first] == ["2026-08", "2026-09"]
    rest = await archive(out, "2027-01")
    assert [(one["month"], one["new"]) for one in rest] == [
        ("2026-08", False), ("2026-09", False), ("2026-10", True),
    ]  # fmt: skip
    assert [one["first_position"] for one in rest[1:]] == [one["last_position"] + 1 for one in rest[:-1]]
    files = sorted(out.iterdir())
    assert [file.name for file in files] == [one["file"] for one in rest]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    again = tmp_path / "again"
    again.mkdir()
    killed = again / f"{files[0].name}.partial"
    killed.write_bytes(b"of a run that was killed")
    await archive(again, "2026-11")
    killed.unlink()
    assert [file.read_bytes() for file in sorted(again.iterdir())] == [file.read_bytes() for file in files]
    found = await authrim("--json", "audit", "search", "--type", "audit.question_asked.v1")
    assert found.stdout.count('"ticket 4711"') == 3
    refused = await authrim("log", "archive", "--before", "2026-13", "--out", out, status=1)
    assert "not a month" in refused.output


async def test_archives_stand_alone(log: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A294: without a database, all archives are proved by the key of the log; a month that lacks between two, and one
    that was changed or cut, are named."""
    out = tmp_path / "archives"
    await archive(out)
    key = await key_file(tmp_path)
    monkeypatch.delenv("AUTHRIM_DATABASE")
    told = json.loads((await authrim("--json", "log", "verify", out, "--key", key)).stdout)
    assert [one["result"] for one in told["archives"]] == ["proved"] * 3
    unproved = await authrim("log", "verify", out, status=3)
    assert "who recorded the events" in unproved.output
    middle = sorted(out.iterdir())[1]
    whole = middle.read_bytes()
    middle.write_bytes(gzip.compress(gzip.decompress(whole).replace(b"of-1-0", b"of-1-9", 1)))
    assert (
        "not the one that was recorded"
        in (await authrim("log", "verify", out, "--key", key, status=1)).output
    )
    middle.write_bytes(whole[: len(whole) // 2])
    assert "it is damaged, or cut off" in (await authrim("log", "verify", out, "--key", key, status=1)).output
    middle.write_bytes(gzip.compress(bytes(1 << 24), 9))
    assert "swells" in (await authrim("log", "verify", out, "--key", key, status=1)).output
    middle.unlink()
    assert "are in no bundle" in (await authrim("log", "verify", out, "--key", key, status=1)).output


async def test_archives_are_searched_and_proved(
    log: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event is found by its stream, its type or an id in it, and one of them is proved, without a database."""
    out = tmp_path / "archives"
    months = await archive(out)
    key = await key_file(tmp_path)
    monkeypatch.delenv("AUTHRIM_DATABASE")

    async def found(*conditions: object) -> list[dict[str, Any]]:
        told = await authrim("--json", "log", "search", out, *conditions)
        return [json.loads(line) for line in told.stdout.splitlines()]

    of_stream = await found("--stream", "default:grant:of-1-0")
    assert of_stream == await found("--value", "of-1-0")
    position = of_stream[0]["position"]
    assert months[1]["first_position"] <= position <= months[1]["last_position"]
    assert [one["position"] for one in await found("--value", "of-1-0", "--to", position)] == [position]
    assert {one["type"] for one in await found("--type", "client.registered.v1")} == {"client.registered.v1"}
    assert "No event was found" in (await authrim("log", "search", out, "--value", "nobody", status=1)).output
    proved = await authrim("--json", "log", "verify", out, "--key", key, "--proof", position)
    (one,) = json.loads(proved.stdout)["archives"]
    assert (one["result"], one["file"]) == ("proved", months[1]["file"])
    assert one["proof"]["event"]["stream"] == "default:grant:of-1-0"
    beyond = await authrim("log", "verify", out, "--proof", 10_000, status=1)
    assert "No archive there has it" in beyond.output
    (out / str(months[2]["file"])).write_bytes(b"")
    first = await found("--stream", "default:grant:of-1-0", "--limit", len(of_stream))
    assert first == of_stream, "what is beyond the limit is not read"


async def test_tables_are_rebuilt_with_archives(
    log: None, store_place: Path | str, tmp_path: Path, forget_events: Callable[[int, int], None]
) -> None:
    """F34, A294: where the database lacks a part of the log, nothing is proved or changed without it. With the archives
    of this log every table is made as it was; with one that was changed, or that the ledger does not know, none is."""
    out = tmp_path / "archives"
    months = await archive(out)
    await authrim("projections", "rebuild")
    before = behind_its_back(store_place, "SELECT key, document FROM tokens ORDER BY key")
    first, last = months[1]["first_position"], months[1]["last_position"]
    forget_events(first, last)
    behind_its_back(store_place, "DELETE FROM tokens")
    refused = await authrim("projections", "rebuild", status=1)
    assert f"position {first} cannot be read: there is no event at this place" in refused.output
    assert "--archives" in refused.output
    whole = sorted(out.iterdir())[1]
    real = whole.read_bytes()
    whole.write_bytes(gzip.compress(gzip.decompress(real).replace(b"of-1-0", b"of-1-9")))
    assert (
        "Nothing was proved or changed"
        in (await authrim("projections", "rebuild", "--archives", out, status=1)).output
    )
    assert behind_its_back(store_place, "SELECT key FROM tokens") == []
    whole.write_bytes(real)
    chain = behind_its_back(store_place, f"SELECT chain_hash FROM ledger WHERE last_position = {last}")
    assert chain
    set_chain(store_place, last, "00" * 32)
    refused = await authrim("projections", "rebuild", "--archives", out, status=1)
    assert "not the one of this database" in refused.output
    set_chain(store_place, last, bytes(chain[0][0]).hex())  # type: ignore[call-overload]
    await authrim("projections", "rebuild", "--archives", out)
    assert behind_its_back(store_place, "SELECT key, document FROM tokens ORDER BY key") == before
    await authrim("projections", "verify", "--archives", out)


def set_chain(place: Path | str, last: int, chain: str) -> None:
    """Give a row of the ledger another chain hash."""
    if isinstance(place, Path):
        behind_its_back(place, "DROP TRIGGER IF EXISTS ledger_no_update")
        value = f"X'{chain}'"
    else:
        behind_its_back(place, "ALTER TABLE ledger DISABLE TRIGGER ALL")
        value = f"decode('{chain}', 'hex')"
    behind_its_back(place, f"UPDATE ledger SET chain_hash = {value} WHERE last_position = {last}")


async def test_the_page_can_be_followed(log: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands of docs/audit/archives.md do what the page says."""
    await archive(tmp_path / "archives")
    await key_file(tmp_path)
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parents[3] / "docs" / "audit" / "archives.md").read_text()
    lines = re.findall(r"^\$ authrim (.*)$", page, re.MULTILINE)
    assert len(lines) == 6
    for line in lines:
        told = await authrim(*shlex.split(line))
        if line == "log verify archives --key key.txt":
            assert told.stdout in page


@pytest.fixture
def forget_events(store_place: Path | str) -> Callable[[int, int], None]:
    """Takes events out of the table, as somebody who may change it."""

    def forget(first: int, last: int) -> None:
        if isinstance(store_place, Path):
            behind_its_back(store_place, "DROP TRIGGER events_no_delete")
        else:
            behind_its_back(store_place, "ALTER TABLE events DISABLE TRIGGER ALL")
        behind_its_back(store_place, f"DELETE FROM events WHERE position BETWEEN {first} AND {last}")

    return forget
