"""Lets the current master key take over from the older ones, while servers go on answering.

What is sealed under an older key is sealed again, page by page: the header of each row says under which key it is, so
the work needs no record of its own, and whoever interrupts it runs it again. Only when nothing is left, one append lets
the older keys go: it drops their canaries, keeps what has to last of them, and records that they were replaced.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple

import msgspec

from authrim.core.execute import Change, append_of
from authrim.core.kept_master_keys import keeping_row, kept_row_of
from authrim.core.master_proof import OLDEST_CANARY, canary_of, read_canaries
from authrim.core.origin import own_origin
from authrim.core.sealed_rows import is_under_master_key
from authrim.core.stream_state import read_state
from authrim.crypto import sealing
from authrim.crypto.master import MasterKeys
from authrim.crypto.sealing import SealBroken
from authrim.store.contract import Conflict, Store, Unavailable
from authrim.store.read_back import ReadBack
from authrim.store.reseal_contract import ResealedRow
from domain.errors import Refusal
from domain.setting import settings
from domain.setting.events import MasterKeyReplaced
from domain.stream import DEFAULT_TENANT, setting_stream
from projections.rows import Row
from projections.tables import SEALED

#: Rows that are read and changed together: appends wait some milliseconds for a page.
PAGE: Final = 200
#: How often everything is looked through before we say that somebody goes on sealing under an older key.
_PASSES: Final = 5
#: How often another process may be faster before we give up.
_ATTEMPTS: Final = 5

ONE_KEY: Final = Refusal(
    "invalid_request",
    "There is one master key only.",
    hint="Put a new key before it, and start every process again. Then run this command with both keys.",
    reason="no_older_key",
)
NEXT_KEY: Final = Refusal(
    "invalid_request",
    "A next master key is configured, which does not seal yet.",
    hint="Move it from next_master_key to the front of master_keys on every machine first.",
    reason="next_key",
)
NOT_IN_USE: Final = Refusal(
    "invalid_request",
    "The server that started last seals under another master key.",
    hint="Start every process with the new key in front. Where none runs, give --servers-stopped.",
    reason="key_not_in_use",
)
STILL_SEALING: Final = Refusal(
    "temporarily_unavailable",
    "A process goes on sealing under an older master key.",
    hint="Start every process with the new key in front, and run this command again.",
    reason="key_in_use",
    status=503,
)


class Swept(NamedTuple):
    """What one look through a table did. ``unreadable``: rows that no configured key opens."""

    changed: int
    unreadable: int


Advance = Callable[[int], None]
"""Takes the number of rows that were looked at."""
Sweep = Callable[[Advance], Awaitable[Swept]]
"""Looks through a table once, and brings it under the current master key."""


class Rotation(msgspec.Struct, frozen=True):
    """A rotation that is complete. ``replaced``: the keys that this run let go; ``may_leave``: all that the settings no
    longer need. ``changed`` and ``unreadable`` count rows."""

    current: str
    replaced: tuple[str, ...]
    may_leave: tuple[str, ...]
    changed: int
    unreadable: int


async def rotate_master_key(
    store: ReadBack, master: MasterKeys, sweeps: Sequence[Sweep], advance: Advance, *,
    servers_stopped: bool = False,
) -> Rotation | Refusal:  # fmt: skip
    """Bring everything under the current master key, and let the older ones go. ``sweeps``: what has to be looked
    through beside the sealed rows. ``master`` is proved. Raises StoreError; what was done by then stays done."""
    refusal = await _refuse(store, master, servers_stopped=servers_stopped)
    if refusal is not None:
        return refusal
    changed = 0
    for _ in range(_PASSES):
        swept = [await reseal_rows(store, master, advance), *[await sweep(advance) for sweep in sweeps]]
        changed += sum(one.changed for one in swept)
        if not any(one.changed for one in swept):
            break
    else:
        return STILL_SEALING
    replaced = await _let_go(store, master)
    await store.overwrite_deleted()  # what is left on the disk of the rows as they were
    unreadable = sum(one.unreadable for one in swept)
    return Rotation(master.current_id, replaced, master.older_ids, changed, unreadable)


async def _refuse(store: Store, master: MasterKeys, *, servers_stopped: bool) -> Refusal | None:
    if master.next_id is not None:
        return NEXT_KEY
    if not master.older_ids:
        return ONE_KEY
    recorded = (await read_state(store, setting_stream(DEFAULT_TENANT), settings.fold)).state
    seal_with = recorded.get("master_keys")
    in_use = not seal_with or seal_with[0] == master.current_id
    return None if in_use or servers_stopped else NOT_IN_USE


async def reseal_rows(store: ReadBack, master: MasterKeys, advance: Advance) -> Swept:
    """Seal again what is sealed under an older master key: data keys of owners, secrets of clients, what is kept."""
    changed = unreadable = 0
    after = ""
    while rows := await store.read_rows(SEALED.name, after, PAGE):
        after = rows[-1]["key"]
        resealed: list[ResealedRow] = []
        for row in rows:
            try:
                again = _sealed_again(master, row["key"], bytes(row["ciphertext"]))
            except SealBroken:
                unreadable += 1
                continue
            if again is not None:
                resealed.append(again)
        if resealed:
            changed += await store.resealing.reseal(resealed)
        advance(len(rows))
    return Swept(changed, unreadable)


def _sealed_again(master: MasterKeys, key: str, sealed: bytes) -> ResealedRow | None:
    """The row under the current key; None when it has nothing to do with an older one. Raises SealBroken.

    The proofs that an older key is there are sealed under it for as long as it is needed.
    """
    key_id = sealing.master_key_of(sealed)
    if not is_under_master_key(key) or key_id == master.current_id:
        return None
    if key_id not in master.older_ids:
        raise SealBroken
    if key in (OLDEST_CANARY, canary_of(key_id)):
        return None
    return ResealedRow(key, sealed, sealing.wrap(master, key, sealing.unwrap(master, key, sealed)))


async def _let_go(store: Store, master: MasterKeys) -> tuple[str, ...]:
    """Let the older keys go that the database still asks for; their ids."""
    stream = setting_stream(DEFAULT_TENANT)
    for _ in range(_ATTEMPTS):
        there = await read_canaries(store)
        leaving = [
            key_id
            for key_id in master.older_ids
            if canary_of(key_id) in there or kept_row_of(key_id) not in there
        ]
        if not leaving:
            return ()
        read = await read_state(store, stream, settings.fold)
        events = tuple(MasterKeyReplaced(key_id, master.current_id, read.now) for key_id in leaving)
        dropped = (OLDEST_CANARY, *map(canary_of, leaving))
        rows = (
            *(Row(SEALED.name, "drop", {"key": key}) for key in dropped),
            *(keeping_row(master, master.to_keep(key_id)) for key_id in leaving),
        )
        metadata = own_origin(DEFAULT_TENANT, "admin").metadata()
        try:
            await store.append(append_of((Change(stream, read.version, events),), metadata, rows=rows))
        except Conflict:
            continue  # another process recorded something, or did the same
        return tuple(leaving)
    raise Unavailable("the settings keep changing: run this command again")
