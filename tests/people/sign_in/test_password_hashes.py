"""A password's hash keeps up with the settings: it is made again when the person signs in with it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from authrim.core.sealed_rows import SUBJECT
from authrim.crypto.passwords import Passwords
from authrim.people import accounts
from authrim.people.claims import PASSWORD
from authrim.people.new_account import AccountStore
from authrim.people.part import PEOPLE
from authrim.store.contract import Store
from domain.stream import DEFAULT_TENANT
from tests.support.browser import Browser
from tests.support.ready_made import CHEAP, LEAST_MEMORY
from tests.support.running import RunningServer, running_server


@pytest.fixture
async def server(store: Store) -> AsyncIterator[RunningServer]:
    """A server whose hashes cost more than that of its one account did."""
    async with running_server(store, argon2_memory=2 * LEAST_MEMORY) as running:
        yield running


async def kept_hash(server: RunningServer) -> str:
    """The hash that lies sealed beside the log."""
    stored = await server.core.private.open(DEFAULT_TENANT, SUBJECT, server.subject, PASSWORD)
    assert stored is not None
    return stored.decode()


async def test_an_old_hash_is_made_anew_at_sign_in(server: RunningServer) -> None:
    """A hash of other costs is replaced once, by one of today's, and the password stays what it was."""
    web, passwords = await server.client("web"), server.parts[PEOPLE].passwords
    assert passwords.needs_rehash(await kept_hash(server))
    await Browser(server).code_flow(web)
    renewed = await kept_hash(server)
    assert not passwords.needs_rehash(renewed)
    await Browser(server).code_flow(web)
    assert await kept_hash(server) == renewed


async def test_a_wrong_password_renews_nothing(server: RunningServer) -> None:
    """Only who knows the password can have its hash made again."""
    web, before = await server.client("web"), await kept_hash(server)
    browser = Browser(server)
    shown, _ = await browser.authorize(web)
    assert (await browser.sign_in(shown, password="not the password")).status == 401
    assert await kept_hash(server) == before


async def test_a_password_set_meanwhile_stays(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A password that is changed while the old one's hash is made again is not written over: the account has moved."""
    web, passwords = await server.client("web"), server.parts[PEOPLE].passwords
    hashed = passwords.hash

    async def overtaken(password: str, *rest: Any) -> str:
        made = await hashed(password, *rest)
        cheap = Passwords(cost=CHEAP)
        await accounts.set_password(
            AccountStore(server.core.store, server.core.private, server.core.master, cheap, DEFAULT_TENANT),
            server.subject,
            "another one entirely",
        )
        cheap.close()
        return made

    monkeypatch.setattr(passwords, "hash", overtaken)
    browser = Browser(server)
    shown, _ = await browser.authorize(web)
    await browser.sign_in(shown)
    assert await passwords.verify(await kept_hash(server), "another one entirely")
