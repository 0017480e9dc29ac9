"""The log: whether its end is what was chained, and whether it is as long as it was. ``audit verify`` proves it all."""

from collections.abc import AsyncIterator, Sequence
from typing import Final

from authrim.crypto.signed_note import BrokenNote, read_note
from authrim.doctor.check import Check
from authrim.doctor.examined import Examined
from authrim.doctor.finding import Finding, Problem
from authrim.doctor.needs import Needs
from authrim.store.chain import GENESIS, check_batch
from authrim.store.contract import Batch, Head, StoredEvent
from authrim.store.dropped import recorded_drops
from authrim.store.read_back import ReadBack
from authrim.transparency.state_file import StateUnusable, read_state
from domain.tree.checkpoint import read_checkpoint

BROKEN: Final = Problem(
    "log.broken",
    "fault",
    "The newest part of the log is not what was recorded.",
    "Run authrim audit verify, keep a copy of the database as it is, and follow docs/audit/incident.md.",
)
ROLLED_BACK: Final = Problem(
    "log.rolled_back",
    "fault",
    "The log was longer: the database was restored from a backup. What was revoked since then would be valid again.",
    'Restore the newer database; where it is lost, authrim serve --accept-rollback "REASON".',
)
RESTORED: Final = Problem(
    "log.restored",
    "fault",
    "The database was restored from a backup, and nobody has accepted that yet. The server will not start.",
    "authrim serve --accept-rollback with a reason, and --keep-grants if nothing is lost (docs/operations/backup.md).",
)
STATE_FILE: Final = Problem(
    "log.state_file",
    "fault",
    "The file that remembers the newest checkpoint cannot be used. The server will not start.",
    "Give the right file back, or its rights to the user of the server.",
)
STATE_BESIDE: Final = Problem(
    "log.state_beside",
    "warning",
    "The file that remembers the newest checkpoint is beside the database, so a backup restores both.",
    "Move checkpoint_state_file to another disk, which no backup of the database contains.",
)
EMPTY: Final = Problem(
    "log.empty",
    "note",
    "The log is empty.",
    "Nothing is to be done if this server is new. Otherwise correct database.",
)

#: Events at the end of the log that are proved here.
_TAIL: Final = 2000


async def _examine(examined: Examined) -> Sequence[Finding]:
    store = examined.opened_store
    head = await store.head()
    found: list[Finding] = []
    if not head.position:
        found.append(EMPTY.found())
    elif broken := await _broken(store, head):
        found.append(BROKEN.found(broken))
    return [*found, *await _rollback(examined, store, head)]


async def _broken(store: ReadBack, head: Head) -> str:
    """What is wrong at the end of the log; empty when nothing is."""
    ledger = await _end_of_ledger(store, head.position)
    if not ledger or ledger[-1].last_position != head.position:
        return f"the ledger does not reach position {head.position}"
    if ledger[-1].chain_hash != head.chain_hash:
        return "the head's chain hash is not the ledger's"
    if ledger[0].first_position == 1:
        before, chain, rest = 0, GENESIS, ledger
    else:
        before, chain, rest = ledger[0].last_position, ledger[0].chain_hash, ledger[1:]
    events, drops = _events(store, before), await recorded_drops(store, store.dropped)
    for batch in rest:
        problem = await check_batch(batch, events, before, chain, drops)
        if problem is not None:
            return str(problem)
        before, chain = batch.last_position, batch.chain_hash
    return ""


async def _end_of_ledger(store: ReadBack, position: int) -> list[Batch]:
    """The last rows of the ledger, two at least if there are, up to a position."""
    looked_back = _TAIL
    while True:
        after = max(0, position - looked_back)
        rows = [row for row in await store.read_ledger(after, looked_back) if row.last_position <= position]
        if len(rows) > 1 or not after:
            return rows
        looked_back *= 2


async def _events(store: ReadBack, after: int) -> AsyncIterator[StoredEvent]:
    while page := await store.read_log(after, _TAIL):
        for event in page:
            yield event
        after = page[-1].position


async def _rollback(examined: Examined, store: ReadBack, head: Head) -> list[Finding]:
    known = max(await store.tree.size(), await store.restored.furthest())
    mark = await store.restored.read()
    found = []
    if known > head.position:
        found.append(
            ROLLED_BACK.found(f"it ends at {head.position}, and a table beside it has come to {known}")
        )
    elif mark is not None and mark.longer:
        found.append(ROLLED_BACK.found(f"it ends at {head.position}, and was {mark.longer} events long"))
    elif mark is not None:
        found.append(RESTORED.found(f"backup {mark.backup or 'of other tools'} {mark.taken_at}".strip()))
    path = examined.settings.checkpoint_state_file
    if path is None:
        return found
    try:
        note = read_state(path)
        checkpoint = None if note is None else read_checkpoint(read_note(note).text)
    except (StateUnusable, BrokenNote) as unusable:
        return [*found, STATE_FILE.found(str(unusable))]
    if note is not None and checkpoint is None:
        found.append(STATE_FILE.found(f"{path} has no checkpoint in it"))
    if checkpoint is not None and checkpoint.size > head.position:
        detail = f"it ends at {head.position}, and {path} has a checkpoint of {checkpoint.size} events"
        found.append(ROLLED_BACK.found(detail))
    database = examined.settings.database.get_secret_value()
    if (
        examined.settings.postgres_dsn is None
        and path.absolute().parent == path.cwd().joinpath(database).parent
    ):
        found.append(STATE_BESIDE.found(str(path)))
    return found


CHECK: Final = Check(
    "log",
    "Is the end of the log what was recorded, and is the log as long as it was?",
    (BROKEN, ROLLED_BACK, RESTORED, STATE_FILE, STATE_BESIDE, EMPTY),
    _examine,
    (Needs.STORE,),
)
