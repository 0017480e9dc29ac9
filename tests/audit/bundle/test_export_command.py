"""``authrim audit export`` as it is used, on each store."""

import asyncio
import json
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from authrim.commands.root import main
from authrim.people.erasure import erase_account
from authrim.store.read_back import ReadBack
from domain.stream import DEFAULT_TENANT
from tests.audit.bundle.bundles import files_of, lines_of, verified
from tests.store.log_samples import behind_its_back
from tests.support.browser import Browser, redeem
from tests.support.person import LOGIN, PERSON
from tests.support.running import RunningServer

QUESTION = "audit.question_asked.v1"


@pytest.fixture
async def grant(server: RunningServer, browser: Browser, settings: None) -> str:
    """The id of a grant whose code was redeemed."""
    web = await server.client("web")
    shown, verifier = await browser.authorize(web, scope="openid offline_access", prompt="consent")
    code = (await browser.through_pages(shown)).parameters["code"]
    await redeem(server, web, code, verifier)
    await log_key()
    return code.split(".")[1]


async def log_key() -> str:
    """The key of the log, which is made when it is needed first."""
    told = await asyncio.to_thread(CliRunner().invoke, main, ["--json", "audit", "checkpoint-key"])
    assert told.exit_code == 0, told.output
    return str(json.loads(told.stdout)["verifier_key"])


async def export(*arguments: object, status: int = 0) -> Result:
    command = ["audit", "export", *(str(argument) for argument in arguments)]
    result = await asyncio.to_thread(CliRunner().invoke, main, command)
    assert result.exit_code == status, (result.output, result.exception)
    return result


def files_in(folder: Path, name: str) -> list[Path]:
    """What there is under a name, complete or not."""
    return list(folder.glob(f"{name}*"))


async def questions(store: ReadBack) -> list[dict[str, Any]]:
    events = await store.read_log(0, 10_000)
    return [json.loads(event.payload) for event in events if event.type == QUESTION]


async def test_every_export_is_recorded_and_not_in_it(
    server: RunningServer, grant: str, tmp_path: Path
) -> None:
    """A278: an export is an event before its file is there. The event is in no bundle of the same positions, so the
    same export gives the same bytes again, in a file that only its owner can read."""
    head = (await server.core.store.head()).position
    told = await export("--out", tmp_path / "one.tar", "--json", "--reason", "ticket 4711")
    report = json.loads(told.stdout)
    assert (report["first_position"], report["last_position"], report["events"]) == (1, head, head)
    (asked,) = await questions(server.core.store)
    assert (asked["question"], asked["exported"], asked["reason"]) == ("export", True, "ticket 4711")
    assert asked["conditions"] == {"from": "1", "to": str(head), "personal": "no"}
    await export("--out", tmp_path / "two.tar", "--from", 1, "--to", head)
    one, two = (tmp_path / "one.tar").read_bytes(), (tmp_path / "two.tar").read_bytes()
    assert one == two
    assert len(await questions(server.core.store)) == 2
    assert stat.S_IMODE((tmp_path / "one.tar").stat().st_mode) == 0o600
    assert verified(one, tmp_path, key=await log_key()).result == "proved"
    events = lines_of(files_of(one)["events.jsonl"])
    time = events[4]["recorded_at"] // 1_000_000
    await export("--out", tmp_path / "three.tar", "--from", time_text(time), "--to", time_text(time + 3600))
    assert len(await questions(server.core.store)) == 3


def time_text(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


async def test_a_grant_and_what_it_refers_to(server: RunningServer, grant: str, tmp_path: Path) -> None:
    """A bundle of a grant has its events, and those of the client, the person, the session and the key."""
    await export("--out", tmp_path / "grant.tar", "--grant", grant)
    await export("--out", tmp_path / "again.tar", "--grant", grant)
    bundle = (tmp_path / "grant.tar").read_bytes()
    assert bundle == (tmp_path / "again.tar").read_bytes()
    assert verified(bundle, tmp_path, key=await log_key()).result == "proved"
    streams = json.loads(files_of(bundle)["manifest.json"])["selection"]["streams"]
    assert {stream.split(":")[1] for stream in streams} == {"grant", "client", "account", "session", "key"}
    assert [asked["conditions"]["grant"] for asked in await questions(server.core.store)] == [grant, grant]


async def test_people_only_for_a_reason(server: RunningServer, grant: str, tmp_path: Path) -> None:
    """A279: a bundle names nobody. With ``--personal`` it does, for a reason that is recorded; a person who was erased
    stays erased."""
    await export("--out", tmp_path / "plain.tar")
    plain = (tmp_path / "plain.tar").read_bytes()
    for value in (LOGIN, PERSON["email"], PERSON["family_name"]):
        assert str(value).encode() not in plain
    refused = await export("--out", tmp_path / "people.tar", "--personal", status=1)
    assert "--reason" in refused.output
    assert not (tmp_path / "people.tar").exists()
    await export("--out", tmp_path / "people.tar", "--personal", "--reason", "ticket 4711")
    bundle = (tmp_path / "people.tar").read_bytes()
    assert verified(bundle, tmp_path, key=await log_key()).result == "proved"
    (person,) = lines_of(files_of(bundle)["people.jsonl"])
    assert (person["subject"], person["login"]) == (server.subject, LOGIN)
    assert person["claims"]["email"] == PERSON["email"]
    asked = (await questions(server.core.store))[-1]
    assert (asked["conditions"]["personal"], asked["reason"]) == ("yes", "ticket 4711")
    core = server.core
    await erase_account(core.store, core.private, core.master, DEFAULT_TENANT, server.subject)
    await export("--out", tmp_path / "erased.tar", "--personal", "--reason", "ticket 4711")
    (person,) = lines_of(files_of((tmp_path / "erased.tar").read_bytes())["people.jsonl"])
    assert (person["status"], person["login"], person["claims"]) == ("erased", None, None)


async def test_a_damaged_log_is_not_exported(
    server: RunningServer, grant: str, store_place: Path | str, tmp_path: Path
) -> None:
    """F34: an export ends at the first row that is not what was recorded, names its position, and leaves no file."""
    if isinstance(store_place, Path):
        behind_its_back(store_place, "DROP TRIGGER events_no_update")
    else:
        behind_its_back(store_place, "ALTER TABLE events DISABLE TRIGGER ALL")
    behind_its_back(store_place, "UPDATE events SET type = 'grant.code_voided.v1' WHERE position = 5")
    for part in ((), ("--from", 4, "--to", 6)):
        refused = await export("--out", tmp_path / "bad.tar", *part, status=1)
        assert "Position 5: the row is not the one that was recorded." in refused.output
    assert files_in(tmp_path, "bad.tar") == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--to", "100000"), "The log has no such position."),
        (("--tree-size", "100000"), "The log has no such position."),
        (("--from", "5", "--to", "4"), "There is nothing between these places."),
        (("--to", "5", "--tree-size", "4"), "A tree of this size does not have the last event."),
        (("--to", "5", "--consistent-with", "9"), "The tree is smaller than one that it would continue."),
        (("--grant", "nobody"), "There is no grant with this id."),
        (("--reason", "\x1b[2J"), "The reason cannot be recorded."),
    ],
)
async def test_refusals(
    server: RunningServer, grant: str, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    """Each refusal says why. Nothing is recorded and no file is made."""
    refused = await export("--out", tmp_path / "no.tar", *arguments, status=1)
    assert said in refused.output
    assert files_in(tmp_path, "no.tar") == []
    assert await questions(server.core.store) == []


async def test_a_file_is_never_replaced(server: RunningServer, grant: str, tmp_path: Path) -> None:
    """A bundle never takes the place of a file, and one that cannot be written is not recorded."""
    (tmp_path / "there.tar").write_text("mine")
    assert "is there already" in (await export("--out", tmp_path / "there.tar", status=2)).output
    assert "cannot be made" in (await export("--out", tmp_path / "no" / "where.tar", status=2)).output
    assert (tmp_path / "there.tar").read_text() == "mine"
    both = await export("--out", tmp_path / "x.tar", "--grant", "g", "--from", "1", status=2)
    assert "--from goes with positions" in both.output
    assert await questions(server.core.store) == []
