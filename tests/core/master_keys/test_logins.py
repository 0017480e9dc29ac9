"""Logins while the master key changes: made, looked for and erased meanwhile, on both stores."""

from typing import Any

import pytest

from authrim.core.execute import Change, append_of
from authrim.core.master_proof import prove_master_keys
from authrim.core.origin import own_origin
from authrim.core.rotate_master import Advance, Rotation, Swept, rotate_master_key
from authrim.core.sealed_rows import PrivateData
from authrim.crypto.sealing import login_hmacs
from authrim.people.erasure import erase_account
from authrim.people.login_hashes import moving_logins
from authrim.people.new_account import find_subject
from authrim.store.read_back import ReadBack
from authrim.store.reseal_contract import MovedLogin
from domain.errors import Refusal
from domain.person.account_events import AccountCreated
from domain.stream import DEFAULT_TENANT, account_stream
from projections.tables import LOGINS, row_key
from tests.core.master_keys.rotating import NEW, account_rows, master_of, rotate
from tests.support.running import MASTER_KEY


async def test_accounts_that_are_made_meanwhile_hold_up_nothing(store: ReadBack) -> None:
    """A310: a process with both keys claims a login under both hashes. That needs no old key, so no rotation ends with
    the claim that somebody still seals with it."""
    both, made = master_of(NEW, MASTER_KEY), 0
    for master in (master_of(MASTER_KEY), both):
        await prove_master_keys(store, master)
    private = PrivateData(store, both)

    async def sweep_beside_sign_ups(advance: Advance) -> Swept:
        nonlocal made
        made += 1
        await store.append(append_of((), b"{}", rows=account_rows(private, both, f"person{made}")))
        return await moving_logins(store, private, both)(advance)

    done = await rotate_master_key(store, both, [sweep_beside_sign_ups], lambda _: None)
    assert isinstance(done, Rotation), done
    assert done.replaced == (master_of(MASTER_KEY).current_id,)
    assert await find_subject(store, master_of(NEW), DEFAULT_TENANT, "person1") == "person1"


async def test_who_is_erased_later_leaves_no_login(store: ReadBack) -> None:
    """A310: of an account that was made between the rotation and the start with the new key alone, the erasure deletes
    the hash of the old key too, which no process has any more."""
    both, new = master_of(NEW, MASTER_KEY), master_of(NEW)
    await prove_master_keys(store, master_of(MASTER_KEY))
    assert isinstance(await rotate(store, NEW, MASTER_KEY), Rotation)
    created = Change(account_stream(DEFAULT_TENANT, "ann"), 0, (AccountCreated("ann", 1),))
    rows = account_rows(PrivateData(store, both), both, "ann")
    await store.append(append_of((created,), own_origin(DEFAULT_TENANT, "admin").metadata(), rows=rows))
    assert len(await store.read_rows(LOGINS.name, "", 10)) == 2
    erased = await erase_account(store, PrivateData(store, new), new, DEFAULT_TENANT, "ann")
    assert not isinstance(erased, Refusal)
    assert await store.read_rows(LOGINS.name, "", 10) == []


async def test_a_login_that_moves_while_it_is_looked_for_is_found(
    store: ReadBack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A310: the login leaves the old hash after the new one was looked for, and before the old one is."""
    old, both = master_of(MASTER_KEY), master_of(NEW, MASTER_KEY)
    await store.append(append_of((), b"{}", rows=account_rows(PrivateData(store, old), old, "ann")))
    new_key, old_key = (row_key(DEFAULT_TENANT, one) for one in login_hmacs(both, DEFAULT_TENANT, "ann"))
    find = store.find

    async def find_and_move(query: str, key: str) -> Any:
        found = await find(query, key)
        if key == new_key:
            await store.resealing.move_logins([MovedLogin(old_key, new_key, "ann")])
        return found

    monkeypatch.setattr(store, "find", find_and_move)
    assert await find_subject(store, both, DEFAULT_TENANT, "ann") == "ann"
    assert await find_subject(store, both, DEFAULT_TENANT, "bob") is None
