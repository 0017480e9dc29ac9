"""``authrim account search`` and the reading of personal data."""

import asyncio
import json
from collections.abc import Callable

import pytest

from authrim.store.contract import Store
from authrim.store.sqlite.store import SQLiteStore
from tests.support.command_line import CommandLine

REASON = ("--reason", "ticket 4711")
PEOPLE = {
    "ada@example.com": {"name": "Ada Lovelace", "email": "countess@example.org"},
    "bob": {"name": "Bob Straße", "nickname": "Bobby"},
    "carol": {"name": "Carol", "zoneinfo": "Europe/Bobbio"},
}


def create(authrim: CommandLine) -> dict[str, str]:
    """The subjects of three people, by login."""
    subjects = {}
    for login, claims in PEOPLE.items():
        create_one = ("account", "create", login, "--password-stdin")
        subjects[login] = authrim.json(*create_one, stdin="a-long-password\n")["subject"]
        authrim.json("account", "set-claims", login, "-", stdin=json.dumps(claims))
    return subjects


async def questions(store: Store) -> list[dict[str, object]]:
    events = await store.read_log(0, 1000)
    return [json.loads(event.payload) for event in events if event.type == "audit.question_asked.v1"]


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_a_part_of_a_login_a_name_or_an_address_finds(
    authrim: CommandLine, engine: str, request: pytest.FixtureRequest
) -> None:
    """Case and compatibility forms do not matter; other claims are not looked at; an erased person is not found."""
    if engine == "postgres":
        dsn = request.getfixturevalue("postgres_dsn")
        authrim = CommandLine({**authrim.environment, "AUTHRIM_DATABASE": dsn})
    subjects = create(authrim)

    def found(text: str) -> dict[str, list[str]]:
        accounts = authrim.json("account", "search", text, *REASON)["accounts"]
        return {one["subject"]: one["matched"] for one in accounts}

    assert found("LOVELACE") == {subjects["ada@example.com"]: ["name"]}
    assert found("ada@example.com") == {subjects["ada@example.com"]: ["login"]}
    assert found("countess@") == {subjects["ada@example.com"]: ["email"]}
    assert found("strasse") == {subjects["bob"]: ["name"]}
    assert found("ＢＯＢ") == {subjects["bob"]: ["login"]}
    assert found("bobb") == {subjects["bob"]: ["nickname"]}
    assert found("nobody") == {}
    authrim.json("account", "erase", "bob", "--yes")
    assert found("bob") == {}


def test_a_search_is_bounded_and_goes_on(authrim: CommandLine) -> None:
    """A245: it opens so many accounts and no more, and says where to go on; the pages together are the whole."""
    subjects = create(authrim)
    search = ("account", "search", "example", *REASON, "--most-read", "1")
    first = authrim.run(*search)
    ordered = sorted(subjects.values())
    assert f"--after {ordered[0]}" in first.stderr
    seen = []
    for after in ("", *ordered):
        accounts = authrim.json(*search, *(("--after", after) if after else ()))["accounts"]
        seen += [one["subject"] for one in accounts]
    assert seen == [subjects["ada@example.com"]]
    both = authrim.json("account", "search", "bo", "--limit", "1", *REASON)["accounts"]
    assert len(both) == 1


def test_a_whole_login_comes_first_and_once(authrim: CommandLine) -> None:
    """A245: the account whose login is the text is on the first page, beside as many as the limit, and on no
    other."""
    for number in range(4):
        login, subject = (f"carol{number}", f"s{number}") if number < 3 else ("carol", "z-last")
        create_one = ("account", "create", login, "--password-stdin", "--subject", subject)
        authrim.run(*create_one, stdin="a long password\n")
    search = ("account", "search", "carol", "--limit", "2", *REASON)
    pages, after = [], ""
    while True:
        result = authrim.run("--json", *search, *(("--after", after) if after else ()))
        pages.append([one["subject"] for one in json.loads(result.stdout)["accounts"]])
        if "--after" not in result.stderr:
            break
        after = result.stderr.split("--after ")[1].split()[0]
    assert pages[0] == ["z-last", "s0", "s1"]
    assert sorted(subject for page in pages for subject in page) == ["s0", "s1", "s2", "z-last"]


async def test_reading_personal_data_is_recorded(
    authrim: CommandLine, store: SQLiteStore, stored_bytes: Callable[[], bytes]
) -> None:
    """A247: a search and ``show --personal`` need a reason and leave an event; the text that was searched for is
    nowhere in the database, and without a reason nothing is read or recorded."""
    subjects = await asyncio.to_thread(create, authrim)
    for refused in (("search", "canarytext"), ("show", "bob", "--personal")):
        result = await asyncio.to_thread(authrim.run, "account", *refused, status=1)
        assert "Say why with --reason" in result.stderr
    assert await questions(store) == []
    await asyncio.to_thread(authrim.run, "account", "search", "canarytext", *REASON)
    await asyncio.to_thread(authrim.run, "account", "show", "bob", "--personal", *REASON)
    await asyncio.to_thread(authrim.run, "account", "show", "bob")
    asked = await questions(store)
    assert [(one["question"], one.get("subject")) for one in asked] == [
        ("account_search", None),
        ("account_data", subjects["bob"]),
    ]
    assert {one["reason"] for one in asked} == {"ticket 4711"}
    assert b"canarytext" not in stored_bytes()
    assert b"Lovelace" not in stored_bytes()


@pytest.mark.parametrize("text", ["x", "", " \t", "a\u202eb", "y" * 321])
def test_a_text_that_finds_everybody_or_nobody(authrim: CommandLine, text: str) -> None:
    """What is too short, too long or cannot be seen is refused before anything is read."""
    assert "Nothing can be searched" in authrim.run("account", "search", text, *REASON, status=1).stderr
