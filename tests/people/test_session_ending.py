"""Ending sessions for an administrator, while others change them."""

import secrets

import pytest

from authrim.core.execute import Change, Outcome, carry_out
from authrim.core.sealed_rows import PrivateData
from authrim.crypto.master import MasterKeys
from authrim.crypto.passwords import Passwords
from authrim.people import accounts
from authrim.people.erasure import erase_account
from authrim.people.new_account import AccountRequest, AccountStore
from authrim.people.sessions.end import SESSION_LEFT, end_one, end_sessions
from authrim.store import codec
from authrim.store.contract import Store
from domain.errors import Refusal
from domain.event import Event
from domain.person.account import ERASED, Account
from domain.person.session import NO_SESSION, Session, fold
from domain.person.session_events import SessionReauthenticated, SessionStarted
from domain.stream import DEFAULT_TENANT, SESSION, session_stream
from projections.tables import row_key
from tests.support.ready_made import CHEAP

STREAM = session_stream(DEFAULT_TENANT, "busy")
STARTED = SessionStarted("ada", "hash", 1, "acr", ("pwd",), 2_000_000_000)
AGAIN = SessionReauthenticated("hash", 2, "acr", ("pwd",), 2_000_000_000)


async def write(store: Store, stream: str, version: int, event: Event, session: Session = NO_SESSION) -> None:
    async def attempt() -> Outcome[None]:
        return Outcome(None, (Change(stream, version, (event,), session),))

    assert await carry_out(store, DEFAULT_TENANT, attempt) is None


def keep_changing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody signs in again in the session ``busy`` after each reading of it."""
    read_stream = store.read_stream

    async def read_and_overtake(stream: str) -> object:
        read = await read_stream(stream)
        if stream == STREAM:
            await write(store, STREAM, read.version, AGAIN, fold(codec.decode_stream(SESSION, read)))
        return read

    monkeypatch.setattr(store, "read_stream", read_and_overtake)


async def test_a_session_that_could_not_be_ended_is_not_said_to_be(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A188: who is overtaken at every attempt is told so, because the session goes on."""
    await write(store, STREAM, 0, STARTED)
    with monkeypatch.context() as overtaking:
        keep_changing(store, overtaking)
        for ended in (
            await end_one(store, DEFAULT_TENANT, "busy", "administrator"),
            await end_sessions(store, DEFAULT_TENANT, "ada", "administrator"),
        ):
            assert isinstance(ended, Refusal)
            assert ended.error == "temporarily_unavailable"
    assert await end_sessions(store, DEFAULT_TENANT, "ada", "administrator") == 1


@pytest.mark.parametrize("change", ["set_password", "disable", "erase"])
async def test_a_session_that_is_left_is_told_whatever_ended_it(
    store: Store, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """A188: a new password, a disabled and an erased account end every session that can be ended, and say when one
    goes on."""
    master = MasterKeys([secrets.token_bytes(32)])
    private, passwords = PrivateData(store, master), Passwords(cost=CHEAP)
    place = AccountStore(store, private, master, passwords, DEFAULT_TENANT)
    created = await accounts.create_account(place, AccountRequest("ada", "a-long-password", {}), "ada")
    assert not isinstance(created, Refusal)
    for name in ("busy", "other"):
        await write(store, session_stream(DEFAULT_TENANT, name), 0, STARTED)
    with monkeypatch.context() as overtaking:
        keep_changing(store, overtaking)
        match change:
            case "set_password":
                answer = await accounts.set_password(place, "ada", "another-password")
            case "disable":
                answer = await accounts.disable_account(store, DEFAULT_TENANT, "ada", "test")
            case _:
                answer = await erase_account(store, private, master, DEFAULT_TENANT, "ada")
    passwords.close()
    assert answer == SESSION_LEFT
    assert (await store.find("session", row_key(DEFAULT_TENANT, "other"))).row["status"] == "ended"  # type: ignore[index]
    if change == "erase":  # an erasure that was interrupted is finished by the next one
        erased = await erase_account(store, private, master, DEFAULT_TENANT, "ada")
        assert isinstance(erased, Account)
        assert erased.status == ERASED
    else:
        assert await end_sessions(store, DEFAULT_TENANT, "ada", "administrator") == 1
    assert await end_sessions(store, DEFAULT_TENANT, "ada", "administrator") == 0
