"""The newest master key takes over while a server runs, on both stores."""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from authrim.clients.secrets import ClientSecrets
from authrim.core import rotate_master
from authrim.core.execute import append_of
from authrim.core.master_proof import WrongMasterKeys, prove_master_keys
from authrim.core.rotate_master import Rotation, rotate_master_key
from authrim.core.sealed_rows import SUBJECT, PrivateData, erasing_row
from authrim.crypto import sealing
from authrim.crypto.master import MasterKeys
from authrim.crypto.sealing import SealBroken
from authrim.crypto.secrets import new_client_secret
from authrim.people import login_hashes
from authrim.people.erasure import erase_account
from authrim.people.new_account import find_subject
from authrim.server.wiring import make_parts
from authrim.store.read_back import ReadBack
from authrim.store.reseal_contract import MovedLogin, ResealedRow
from domain.errors import Refusal
from domain.stream import DEFAULT_TENANT
from projections.rows import Row
from projections.tables import LOGINS, SEALED, row_key, sealed_key
from tests.core.master_keys.rotating import NEW, NEWER, account_rows, master_of, rotate
from tests.support.accounts import add_account
from tests.support.browser import Browser
from tests.support.patience import PATIENCE
from tests.support.ports import free_port
from tests.support.running import MASTER_KEY, KnownClient, RunningServer, development_settings, running_server
from tests.support.tokens import verified_claims


def keys(*texts: str) -> tuple[SecretStr, ...]:
    return tuple(map(SecretStr, texts))


async def sealed_under(store: ReadBack, key_id: str) -> list[str]:
    """The keys of the rows that say that they are sealed under a master key."""
    rows = await store.read_rows(SEALED.name, "", 10_000)
    return [row["key"] for row in rows if sealing.master_key_of(bytes(row["ciphertext"])) == key_id]


async def refreshed(server: RunningServer, client: KnownClient, token: str) -> dict[str, Any]:
    form = {"grant_type": "refresh_token", "refresh_token": token}
    status, body = await server.post("/token", form, client.basic)
    assert status == 200, body
    return body


async def test_a_server_goes_on_while_the_key_changes(
    store: ReadBack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A310: sign-ins, refreshes and new accounts go on meanwhile; afterwards the old key is needed for nothing, and
    pseudonyms, refresh tokens and logins of before are still good."""
    monkeypatch.setattr(rotate_master, "PAGE", 3)
    monkeypatch.setattr(login_hashes, "PAGE", 3)
    place: dict[str, Any] = {"port": free_port()}
    secret = new_client_secret()
    async with running_server(store, **place) as server:
        place["subject"] = server.subject
        web = await server.client()
        paired = await server.client("paired", kind="web", subject_type="pairwise")
        for number in range(8):
            await add_account(server, f"person{number}")
        first = await Browser(server).code_flow(web, scope="openid offline_access", prompt="consent")
        idle = await Browser(server).code_flow(web, scope="openid offline_access", prompt="consent")
        pseudonym = await subject_for(server, paired)
        row = ClientSecrets(store, server.core.master).row(DEFAULT_TENANT, web.client_id, secret)
        await store.append(append_of((), b"{}", rows=(row,)))
    async with running_server(store, **place, master_keys=keys(NEW, MASTER_KEY)) as server:
        server.clients |= {"web": web, "paired": paired}
        assert await subject_for(server, paired) == pseudonym
        begun = asyncio.Event()
        working = asyncio.create_task(work_on(server, web, first["refresh_token"], begun))
        await begun.wait()
        done = await rotate(store, NEW, MASTER_KEY, advance=lambda _: None)
        working.cancel()
        (worked,) = await asyncio.gather(working, return_exceptions=True)
        assert isinstance(worked, asyncio.CancelledError), worked
    assert isinstance(done, Rotation)
    assert done.replaced == done.may_leave == (master_of(MASTER_KEY).current_id,)
    assert done.unreadable == 0
    assert await sealed_under(store, master_of(MASTER_KEY).current_id) == []
    async with running_server(store, **place, master_keys=keys(NEW)) as server:
        server.clients |= {"web": web, "paired": paired}
        assert await subject_for(server, paired) == pseudonym
        again = await refreshed(server, web, idle["refresh_token"])
        assert (await refreshed(server, web, again["refresh_token"]))["access_token"]
        await Browser(server).code_flow(web)
        assert await ClientSecrets(store, server.core.master).verifying(
            DEFAULT_TENANT, web.client_id, secret.hash
        )
    with pytest.raises(WrongMasterKeys):
        await make_parts(development_settings(free_port()), store)


async def subject_for(server: RunningServer, client: KnownClient) -> str:
    tokens = await Browser(server).code_flow(client)
    return str((await verified_claims(server, tokens["id_token"]))["sub"])


async def work_on(server: RunningServer, web: KnownClient, token: str, begun: asyncio.Event) -> None:
    """What people and clients do until they are stopped. Whatever is refused fails."""
    number = 0
    while True:
        token = (await refreshed(server, web, token))["refresh_token"]
        await Browser(server).code_flow(web)
        await add_account(server, f"later{number}")
        number += 1
        begun.set()


async def test_what_the_oldest_key_made_outlives_every_rotation(store: ReadBack) -> None:
    """A156: pseudonyms stay the same after the second key has left too, and so does the proof of refresh tokens."""
    first = master_of(MASTER_KEY)
    await prove_master_keys(store, first)
    pairwise, token = first.derive_lasting("pairwise"), first.derive("refresh-token")
    assert isinstance(await rotate(store, NEW, MASTER_KEY), Rotation)
    assert isinstance(await rotate(store, NEWER, NEW), Rotation)
    last = master_of(NEWER)
    await prove_master_keys(store, last)
    assert last.derive_lasting("pairwise") == pairwise
    assert last.derive("refresh-token", first.current_id) == token
    assert set(last.ids_for("refresh-token")) == {
        master_of(one).current_id for one in (MASTER_KEY, NEW, NEWER)
    }
    assert [key for key in await sealed_under(store, last.current_id) if ":kept." in key] == [
        sealed_key(DEFAULT_TENANT, "master", f"kept.{one}", "derived")
        for one in sorted((first.current_id, master_of(NEW).current_id))
    ]
    back = master_of(NEWER, MASTER_KEY)  # nobody is hindered from putting it back
    await prove_master_keys(store, back)
    assert back.derive_lasting("pairwise") == pairwise


async def test_what_no_key_opens_is_counted(store: ReadBack) -> None:
    """What is sealed under a key that was given up keeps no other key from leaving, and it is said how much it is."""
    await prove_master_keys(store, master_of(MASTER_KEY))
    lost = PrivateData(store, master_of(NEWER))
    await store.append(
        append_of((), b"{}", rows=lost.first_rows(DEFAULT_TENANT, SUBJECT, "eve", {"a": b"b"}))
    )
    done = await rotate(store, NEW, MASTER_KEY)
    assert isinstance(done, Rotation)
    assert (done.replaced, done.unreadable) == ((master_of(MASTER_KEY).current_id,), 1)


async def test_who_is_erased_meanwhile_stays_erased(store: ReadBack) -> None:
    """A310: a row that was dropped or replaced after it was read is not put back, and neither is a login."""
    old, both = master_of(MASTER_KEY), master_of(NEW, MASTER_KEY)
    await prove_master_keys(store, old)
    private, name = PrivateData(store, old), sealed_key(DEFAULT_TENANT, SUBJECT, "ann", "key")
    login = Row(LOGINS.name, "put", {"key": "default:old", "tenant": DEFAULT_TENANT, "subject": "ann"})
    first = private.first_rows(DEFAULT_TENANT, SUBJECT, "ann", {"login": b"ann"})
    await store.append(append_of((), b"{}", rows=(login, *first)))
    read = (await store.find("sealed", name)).row
    assert read is not None
    wrapped = bytes(read["ciphertext"])
    resealed = ResealedRow(name, wrapped, sealing.wrap(both, name, sealing.unwrap(both, name, wrapped)))
    moved = MovedLogin("default:old", "default:new", "ann")
    gone = (
        erasing_row(DEFAULT_TENANT, SUBJECT, "ann"),
        Row(LOGINS.name, "drop", {"key": "default:old"}),
    )
    await store.append(append_of((), b"{}", rows=gone))
    assert await store.resealing.reseal([resealed]) == 0
    assert await store.resealing.move_logins([moved]) == 0
    assert (await store.find("sealed", name)).row is None
    assert await store.read_rows(LOGINS.name, "", 10) == []
    another = private.first_rows(DEFAULT_TENANT, SUBJECT, "ann", {"login": b"ann"})
    await store.append(
        append_of((), b"{}", rows=(*another, login._replace(values={**login.values, "subject": "bob"})))
    )
    assert await store.resealing.reseal([resealed]) == 0
    assert await store.resealing.move_logins([moved]) == 0
    assert await private.open(DEFAULT_TENANT, SUBJECT, "ann", "login") == b"ann"
    assert [row["key"] for row in await store.read_rows(LOGINS.name, "", 10)] == ["default:old"]


async def test_processes_with_different_keys_in_front_understand_each_other(store: ReadBack) -> None:
    """A311: one that knows the next key opens what it sealed, finds logins that it made, and of two accounts with one
    login there is one, whichever key is in front."""
    place: dict[str, Any] = {"port": free_port(), "next_master_key": SecretStr(NEW)}
    async with running_server(store, **place) as server:
        ahead = master_of(NEW, MASTER_KEY)
        await prove_master_keys(store, ahead)
        rows = PrivateData(store, ahead).first_rows(DEFAULT_TENANT, SUBJECT, "eve", {"login": b"eve"})
        key = row_key(DEFAULT_TENANT, sealing.login_hmac(ahead, DEFAULT_TENANT, "eve"))
        claim = Row(LOGINS.name, "claim", {"key": key, "tenant": DEFAULT_TENANT, "subject": "eve"})
        await store.append(append_of((), b"{}", rows=(claim, *rows)))
        assert await server.core.private.open(DEFAULT_TENANT, SUBJECT, "eve", "login") == b"eve"
        assert await find_subject(store, server.core.master, DEFAULT_TENANT, "eve") == "eve"
        subject = await add_account(server, "zoe")
        logins = await store.read_rows(LOGINS.name, "", 100)
        assert {row["key"] for row in logins if row["subject"] == subject} == {
            row_key("default", one) for one in sealing.login_hmacs(ahead, "default", "zoe")
        }
        master = MasterKeys.from_settings([MASTER_KEY], NEW)
        assert await rotate_master_key(store, master, [], lambda _: None) == rotate_master.NEXT_KEY
    done = await rotate(store, NEW, MASTER_KEY, stopped=True)
    assert isinstance(done, Rotation)
    logins = await store.read_rows(LOGINS.name, "", 100)
    assert sorted(row["key"] for row in logins) == sorted(
        row_key("default", sealing.login_hmac(master_of(NEW), "default", one))
        for one in ("eve", "zoe", server.login)
    )
    erased = await erase_account(store, PrivateData(store, ahead), ahead, "default", subject)
    assert not isinstance(erased, Refusal)
    assert subject not in {row["subject"] for row in await store.read_rows(LOGINS.name, "", 100)}


async def test_killed_in_the_middle(store: ReadBack, store_place: Path | str) -> None:
    """F01, F03: after kill -9 some rows are under the new key and some under the old one, everything opens with both,
    and the next run finishes."""
    old, both = master_of(MASTER_KEY), master_of(NEW, MASTER_KEY)
    await prove_master_keys(store, old)
    private = PrivateData(store, old)
    for hundred in range(5):
        people = [f"person{hundred:02}{number:02}" for number in range(60)]
        rows = [row for one in people for row in account_rows(private, old, one)]
        await store.append(append_of((), b"{}", rows=tuple(rows)))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.core.master_keys.killed", str(store_place), f"{NEW},{MASTER_KEY}"
    )
    assert await asyncio.wait_for(process.wait(), PATIENCE) == -signal.SIGKILL
    left = len(await sealed_under(store, old.current_id))
    assert 0 < left < 300
    for master, opens in ((both, True), (master_of(NEW), False)):
        read = PrivateData(store, master).open(DEFAULT_TENANT, SUBJECT, "person0459", "login")
        assert opens is (not isinstance((await asyncio.gather(read, return_exceptions=True))[0], SealBroken))
    done = await rotate(store, NEW, MASTER_KEY)
    assert isinstance(done, Rotation)
    assert done.changed == left - len(("the canary", "the oldest")) + 300
    assert await sealed_under(store, old.current_id) == []
    new = master_of(NEW)
    await prove_master_keys(store, new)
    for one in ("person0000", "person0459"):
        assert await PrivateData(store, new).open(DEFAULT_TENANT, SUBJECT, one, "login") == one.encode()
        assert await find_subject(store, new, DEFAULT_TENANT, one) == one
    again = await rotate(store, NEW, MASTER_KEY)
    assert isinstance(again, Rotation)
    assert (again.changed, again.replaced, again.may_leave) == (0, (), (old.current_id,))
