"""``authrim account`` on a real store."""

import asyncio
import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from authrim.core.execute import Change, append_of
from authrim.core.sealed_rows import SUBJECT, PrivateData
from authrim.crypto.ids import new_id
from authrim.crypto.master import MasterKeys
from authrim.crypto.passwords import Passwords
from authrim.people import accounts
from authrim.people.claims import PASSWORD
from authrim.people.new_account import LOGIN_TAKEN, AccountRequest, AccountStore, find_subject
from authrim.store.chain import verify
from authrim.store.sqlite.store import SQLiteStore
from domain.errors import Refusal
from domain.person.account import Account
from domain.person.session_events import SessionStarted
from domain.stream import account_stream, session_stream
from projections.tables import LOGINS, SEALED, row_key
from tests.support.command_line import CommandLine

PASSWORD_TEXT = "canary-password-7Wq"
CLAIMS = {"name": "Canary Name", "email": "canary@example.com", "email_verified": True}


@pytest.fixture
def claims_file(tmp_path: Path) -> str:
    file = tmp_path / "claims.json"
    file.write_text(json.dumps(CLAIMS))
    return str(file)


def create(authrim: CommandLine, login: str, *options: str) -> str:
    arguments = ("account", "create", login, "--password-stdin", *options)
    return str(authrim.json(*arguments, stdin=f"{PASSWORD_TEXT}\n")["subject"])


async def password_is(private: PrivateData, subject: str, password: str) -> bool:
    stored = await private.open("default", SUBJECT, subject, PASSWORD)
    passwords = Passwords()
    try:
        return stored is not None and await passwords.verify(stored.decode(), password)
    finally:
        passwords.close()


async def test_password_given_is_the_one_that_works(
    authrim: CommandLine, store: SQLiteStore, private: PrivateData, master: MasterKeys
) -> None:
    """The account can be found by its login, in any spelling, and its password checks."""
    subject = await asyncio.to_thread(create, authrim, "Alice")
    assert await find_subject(store, master, "default", "alice ") == subject
    assert await password_is(private, subject, PASSWORD_TEXT)
    assert not await password_is(private, subject, PASSWORD_TEXT + "x")


def test_nothing_personal_is_on_the_disk_in_clear(
    authrim: CommandLine, claims_file: str, stored_bytes: Callable[[], bytes]
) -> None:
    """A227: neither login nor password nor a claim can be read in the file; the pseudonym can."""
    subject = create(authrim, "canary-login", "--claims", claims_file)
    disk = stored_bytes()
    assert subject.encode() in disk
    assert b"canary" not in disk.lower()


def test_list_shows_every_account_page_by_page_and_nothing_personal(
    authrim: CommandLine, claims_file: str
) -> None:
    """The pages hold each account once, erased ones too, and neither login nor claims."""
    subjects = sorted(create(authrim, f"canary-{n}", "--claims", claims_file) for n in range(5))
    authrim.json("account", "erase", subjects[0], "--yes")
    seen: list[dict[str, Any]] = []
    while page := authrim.json(
        "account", "list", "--limit", "2", "--after", seen[-1]["subject"] if seen else ""
    ):
        if not page["accounts"]:
            break
        assert len(page["accounts"]) <= 2
        seen += page["accounts"]
    assert [one["subject"] for one in seen] == subjects
    assert [one["status"] for one in seen] == ["erased", *["active"] * 4]
    shown = authrim.run("account", "list").stdout
    assert "canary" not in (shown + json.dumps(seen)).lower()
    assert max(map(len, shown.splitlines())) <= 80


def test_show_tells_nothing_personal_unless_asked(authrim: CommandLine, claims_file: str) -> None:
    """Login and claims are shown with --personal only; a password hash never is."""
    subject = create(authrim, "canary-login", "--claims", claims_file)
    for output in (
        authrim.run("account", "show", subject).stdout,
        authrim.run("--json", "account", "show", subject).stdout,
    ):
        assert "canary" not in output.lower()
    shown = authrim.json("account", "show", "canary-login", "--personal", "--reason", "test")
    assert (shown["login"], shown["claims"], shown["status"]) == ("canary-login", CLAIMS, "active")
    assert "argon2" not in json.dumps(shown)


def test_password_is_no_argument(authrim: CommandLine) -> None:
    """A227: it would be in the list of processes and in the shell's history."""
    authrim.run("account", "create", "alice", "--password", PASSWORD_TEXT, status=2)


def test_password_is_asked_for_twice_and_not_echoed(authrim: CommandLine) -> None:
    """At a prompt the password is typed twice, and nothing of it is printed."""
    asked = authrim.run("account", "create", "alice", stdin=f"{PASSWORD_TEXT}\n{PASSWORD_TEXT}\n")
    assert PASSWORD_TEXT not in asked.output


@pytest.mark.parametrize("password", ["", "short-7", "x" * 1025])
def test_password_of_a_length_that_nobody_should_have(authrim: CommandLine, password: str) -> None:
    """Too short is guessed, too long is no password: both are refused, and no account is made."""
    refused = authrim.json("account", "create", "alice", "--password-stdin", stdin=f"{password}\n", status=1)
    assert "8 to 1024" in refused["hint"]
    authrim.run("account", "show", "alice", status=1)


def test_login_is_used_once(authrim: CommandLine) -> None:
    """A225: another spelling of a taken login is the same login."""
    create(authrim, "alice")
    arguments = ("account", "create", "ＡLICE", "--password-stdin")
    assert authrim.json(*arguments, stdin=f"{PASSWORD_TEXT}\n", status=1)["error"] == "invalid_request"


async def test_two_at_once_get_one_login(
    store: SQLiteStore, private: PrivateData, master: MasterKeys
) -> None:
    """The database decides who has the login; the loser leaves no event and no row behind."""
    passwords = Passwords()
    try:
        answers = await asyncio.gather(
            *(
                accounts.create_account(
                    AccountStore(store, private, master, passwords, "default"),
                    AccountRequest("alice", PASSWORD_TEXT, {}),
                    subject,
                )
                for subject in ("one", "two")
            )
        )
    finally:
        passwords.close()
    made = [answer for answer in answers if isinstance(answer, Account)]
    refused = [answer for answer in answers if isinstance(answer, Refusal)]
    assert (len(made), refused) == (1, [LOGIN_TAKEN])
    (loser,) = {"one", "two"} - {made[0].subject}
    assert (await store.read_stream(account_stream("default", loser))).version == 0
    assert not [row for row in await store.read_rows(SEALED.name, "", 100) if f":{loser}:" in row["key"]]


async def test_new_password_ends_the_sessions_of_the_person_alone(
    authrim: CommandLine, store: SQLiteStore, private: PrivateData
) -> None:
    """A188: the old password and the sessions that began with it are over; others are not touched."""
    subject = await asyncio.to_thread(create, authrim, "alice")
    sessions = {new_id(): subject, new_id(): subject, new_id(): "somebody-else"}
    for session_id, owner in sessions.items():
        started = SessionStarted(owner, "digest", 1, "acr", ("pwd",), 2**40)
        change = Change(session_stream("default", session_id), 0, (started,))
        await store.append(append_of((change,), b"{}"))
    arguments = ("account", "set-password", "alice", "--password-stdin")
    await asyncio.to_thread(authrim.json, *arguments, stdin="another-password\n")
    assert await password_is(private, subject, "another-password")
    assert not await password_is(private, subject, PASSWORD_TEXT)
    for session_id, owner in sessions.items():
        found = await store.find("session", row_key("default", session_id))
        assert found.row is not None
        assert found.row["status"] == ("ended" if owner == subject else "active")


def test_claims_are_replaced_whole(authrim: CommandLine, claims_file: str) -> None:
    """What is not in the new claims is gone."""
    create(authrim, "alice", "--claims", claims_file)
    authrim.json("account", "set-claims", "alice", "-", stdin='{"nickname": "Ali"}')
    assert authrim.json("account", "show", "alice", "--personal", "--reason", "test")["claims"] == {
        "nickname": "Ali"
    }


def test_groups_and_roles(authrim: CommandLine, claims_file: str) -> None:
    """Each is replaced whole and leaves the other claims alone; new claims leave them alone; none takes them away."""
    create(authrim, "alice", "--claims", claims_file)
    authrim.json("account", "set-groups", "alice", "staff")
    authrim.json("account", "set-groups", "alice", "engineering", "on-call")
    authrim.json("account", "set-roles", "alice", "admin")
    authrim.json("account", "set-claims", "alice", "-", stdin='{"nickname": "Ali"}')
    shown = authrim.json("account", "show", "alice", "--personal", "--reason", "test")["claims"]
    assert shown == {"nickname": "Ali", "groups": ["engineering", "on-call"], "roles": ["admin"]}
    authrim.json("account", "set-groups", "alice")
    refused = authrim.json(
        "account", "set-roles", "alice", *("r" * length for length in range(1, 130)), status=1
    )
    assert "roles" in refused["description"]
    assert authrim.json("account", "show", "alice", "--personal", "--reason", "test")["claims"] == {
        "nickname": "Ali",
        "roles": ["admin"],
    }


def test_unknown_claim_is_named(authrim: CommandLine) -> None:
    """Which claim nobody knows is said, so that it can be mended."""
    create(authrim, "alice")
    refused = authrim.json("account", "set-claims", "alice", "-", stdin='{"department": "x"}', status=1)
    assert "department" in refused["description"]


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ('{"email": {"canary": 1}}', 1),
        ('{"department": "canary"}', 1),
        ('["canary"]', 2),
        ('{"name": "canary', 2),
    ],
)
def test_wrong_claims_are_refused_and_not_repeated(authrim: CommandLine, claims: str, status: int) -> None:
    """A227: neither a wrong value nor broken JSON is printed, and the claims stay as they were."""
    create(authrim, "alice")
    refused = authrim.run("account", "set-claims", "alice", "-", stdin=claims, status=status)
    assert "canary" not in refused.output
    assert authrim.json("account", "show", "alice", "--personal", "--reason", "test")["claims"] == {}


def test_disable_and_enable(authrim: CommandLine) -> None:
    """Both are told by the account's status, and repeating one appends nothing."""
    create(authrim, "alice")
    for command, status in (("disable", "disabled"), ("disable", "disabled"), ("enable", "active")):
        assert authrim.json("account", command, "alice")["status"] == status


async def sealed_of_people(store: SQLiteStore) -> list[str]:
    """The keys of all sealed rows but those that prove the master keys."""
    rows = await store.read_rows(SEALED.name, "", 100)
    return [row["key"] for row in rows if not row["key"].startswith("default:master:")]


async def test_erased_is_erased(
    authrim: CommandLine, claims_file: str, store: SQLiteStore, stored_bytes: Callable[[], bytes]
) -> None:
    """A234: key, login and data are gone; the log still tells of the pseudonym and verifies; it is never used again."""
    subject = await asyncio.to_thread(create, authrim, "alice", "--claims", claims_file)
    await asyncio.to_thread(authrim.json, "account", "erase", "alice", "--yes")
    assert await sealed_of_people(store) == []
    assert await store.read_rows(LOGINS.name, "", 10) == []
    events = await store.read_whole_stream(account_stream("default", subject))
    assert [event.type for event in events][-1] == "account.person_erased.v1"
    shown = await asyncio.to_thread(
        authrim.json, "account", "show", subject, "--personal", "--reason", "test"
    )
    assert (shown["status"], shown["login"], shown["claims"]) == ("erased", None, None)
    set_claims = ("account", "set-claims", subject, "-")
    refused = await asyncio.to_thread(authrim.json, *set_claims, stdin='{"name": "x"}', status=1)
    assert refused["error"] == "invalid_request"
    assert await sealed_of_people(store) == []
    assert await asyncio.to_thread(create, authrim, "alice") != subject
    assert (await verify(store)).problem is None


async def test_erasing_does_not_depend_on_reading(authrim: CommandLine, store: SQLiteStore) -> None:
    """With the master key lost the person can still be erased, the login with the rest; another one stays."""
    subject = await asyncio.to_thread(create, authrim, "alice")
    other = await asyncio.to_thread(create, authrim, "bob")
    environment = {**authrim.environment, "AUTHRIM_MASTER_KEYS": secrets.token_urlsafe(32)}
    stranger = CommandLine(environment)
    await asyncio.to_thread(
        stranger.run, "account", "show", subject, "--personal", "--reason", "test", status=2
    )
    await asyncio.to_thread(stranger.json, "account", "erase", subject, "--yes")
    assert [row["subject"] for row in await store.read_rows(LOGINS.name, "", 10)] == [other]
    assert all(f":{other}:" in key for key in await sealed_of_people(store))


def test_rotated_master_key_still_finds_logins(authrim: CommandLine) -> None:
    """An account made under an earlier master key is found, is unique, and is erased with its login."""
    create(authrim, "alice")
    keys = f"{secrets.token_urlsafe(32)},{authrim.environment['AUTHRIM_MASTER_KEYS']}"
    rotated = CommandLine({**authrim.environment, "AUTHRIM_MASTER_KEYS": keys})
    arguments = ("account", "create", "alice", "--password-stdin")
    assert rotated.json(*arguments, stdin=f"{PASSWORD_TEXT}\n", status=1)["error"] == "invalid_request"
    assert rotated.json("account", "erase", "alice", "--yes")["status"] == "erased"
    rotated.run("account", "show", "alice", status=1)


def test_unknown_account(authrim: CommandLine) -> None:
    """Each command on an account that is not there says so, and what to check."""
    for command in ("show", "enable", "disable"):
        refused: dict[str, Any] = authrim.json("account", command, "nobody", status=1)
        assert refused["description"] == "There is no such account."
