"""Moves logins to the hash that the current master key makes. The log has neither: a login is in a sealed row of its
person, and is found by a keyed hash."""

import asyncio
from collections.abc import Mapping
from typing import Any

from authrim.core.rotate_master import PAGE, Advance, Sweep, Swept
from authrim.core.sealed_rows import SUBJECT, PrivateData
from authrim.crypto.master import MasterKeys
from authrim.crypto.sealing import SealBroken, login_hmac
from authrim.people.claims import LOGIN
from authrim.store.read_back import ReadBack
from authrim.store.reseal_contract import MovedLogin
from projections.tables import LOGINS, row_key


def moving_logins(store: ReadBack, private: PrivateData, master: MasterKeys) -> Sweep:
    """The part of a rotation of the master key that concerns logins."""

    async def sweep(advance: Advance) -> Swept:
        changed = unreadable = 0
        after = ""
        while rows := await store.read_rows(LOGINS.name, after, PAGE):
            after = rows[-1]["key"]
            wanted = await asyncio.gather(*(_moved(private, master, row) for row in rows))
            unreadable += wanted.count(None)
            # Of two old hashes of one login, the second finds the new one there the next time. Whoever has the new one
            # needs no old key: servers go on making both for new accounts as long as they have both keys.
            moves = {one.new_key: one for one in wanted if one is not None and one.key != one.new_key}
            if moves:
                changed += await store.resealing.move_logins(list(moves.values()))
            advance(len(rows))
        return Swept(changed, unreadable)

    return sweep


async def _moved(private: PrivateData, master: MasterKeys, row: Mapping[str, Any]) -> MovedLogin | None:
    """Where the row belongs; None when the person's login cannot be read."""
    tenant, subject = row["tenant"], row["subject"]
    try:
        login = await private.open(tenant, SUBJECT, subject, LOGIN)
    except SealBroken:
        return None
    if login is None:
        return None
    return MovedLogin(row["key"], row_key(tenant, login_hmac(master, tenant, login.decode())), subject)
