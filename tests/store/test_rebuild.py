"""Rebuild and verify: what the log says is what the tables hold, and whatever was done to them is found and mended."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import pytest

from authrim.audit import rebuild as rebuilding
from authrim.audit.follow import FOLLOWED, Follower
from authrim.audit.rebuild import Difference, Report, rebuild, verify
from authrim.audit.tree import TreeFollower
from authrim.core.execute import Change, append_of
from authrim.core.origin import Origin
from authrim.store.contract import Unavailable
from authrim.store.postgres.application_role import grant_application_role
from authrim.store.postgres.store import PostgresStore
from authrim.store.read_back import ReadBack
from domain.log_events import CheckpointSigned
from domain.stream import checkpoint_stream
from projections.audit import AUDIT
from projections.tables import INLINE_TABLES, PRIVATE_TABLES
from tests.postgres_cluster import USER, Cluster
from tests.store.log_samples import CANARY, TENANT, behind_its_back, write_grant, write_history, write_poison

#: What is done to a table, and how a verification names it.
TAMPERED = {
    "a status": (
        "UPDATE clients SET status = 'active' WHERE key = 'default:app'",
        Difference("clients", "default:app", "differs", ("status",)),
    ),
    "a document and its version": (
        "UPDATE accounts SET document = replace(document, 'person', 'else'), version = 7 WHERE key = 'default:person'",
        Difference("accounts", "default:person", "differs", ("document", "version")),
    ),
    "a session that lives on": (
        "UPDATE sessions SET expires_at = 99999 WHERE key = 'default:browser'",
        Difference("sessions", "default:browser", "differs", ("expires_at",)),
    ),
    "a key that is gone": (
        "DELETE FROM signing_keys WHERE key = 'default:kid-1'",
        Difference("signing_keys", "default:kid-1", "missing"),
    ),
    "a revocation that is undone": (
        "UPDATE tokens SET revoked_at = NULL WHERE key = 'default:grant-2:grant-2-1'",
        Difference("tokens", "default:grant-2:grant-2-1", "differs", ("revoked_at",)),
    ),
    "a token that was never given out": (
        "INSERT INTO tokens (key, tenant, grant_id, client_id, document, expires_at) "
        "VALUES ('default:grant-9:x', 'default', 'grant-9', 'app', '{}', 99999)",
        Difference("tokens", "default:grant-9:x", "extra"),
    ),
    "a client that a logout would not reach": (
        "DELETE FROM session_clients WHERE key = 'default:browser:app'",
        Difference("session_clients", "default:browser:app", "missing"),
    ),
    "a logout that nobody is told of": (
        "DELETE FROM outbox",
        Difference("outbox", "23", "missing"),
    ),
    "a trace that is hidden": (
        "UPDATE audit SET error_id = NULL WHERE error_id = 'error-alone'",
        Difference("audit", "24", "differs", ("error_id",)),
    ),
}


async def written(store: ReadBack) -> int:
    """A history that has been followed to its end; the head's position."""
    await write_history(store)
    signed = Change(checkpoint_stream(TENANT, 20), 0, (CheckpointSigned(20, "a note", 300),))
    await store.append(append_of((signed,), Origin(TENANT, actor="system").metadata()))
    for followed in FOLLOWED:
        await Follower(store, followed).catch_up()
    return await TreeFollower(store).catch_up()


async def test_a_true_history_fits(store: ReadBack) -> None:
    """The tables that are written with the appends and after them are what a replay makes of the log."""
    head = await written(store)
    seen: list[tuple[int, int]] = []
    report = await verify(store, lambda done, whole: seen.append((done, whole)), page=4)
    assert report.fits, report
    assert report.position == head
    assert [done for done, _ in seen] == [4, 8, 12, 16, 20, 24, head]
    assert {whole for _, whole in seen} == {head}


def test_every_table_of_the_log_is_rebuilt() -> None:
    """Every table is either rebuilt or private: none is forgotten, and no secret row is replaced."""
    names = {table.name for table in rebuilding.REBUILT}
    assert names == {table.name for table in INLINE_TABLES} | {"audit", "outbox", "checkpoints", "tiles"}
    assert not names & {table.name for table in PRIVATE_TABLES}


@pytest.mark.parametrize("what", TAMPERED)
async def test_tampered_row_is_named_and_mended(store: ReadBack, store_place: Path | str, what: str) -> None:
    """A changed, deleted or added row is named by table, key and columns without a value, and a rebuild mends it."""
    await written(store)
    statement, difference = TAMPERED[what]
    behind_its_back(store_place, statement)
    found = await verify(store)
    assert found.differences == (difference,)
    assert not found.fits
    assert CANARY not in f"{found}"
    assert not found.repaired
    assert (await verify(store)).differences == (difference,)  # looking changes nothing
    mended = await rebuild(store)
    assert (mended.repaired, mended.differences) == (True, (difference,))
    assert (await verify(store)).fits


async def test_everything_is_made_again(store: ReadBack, store_place: Path | str) -> None:
    """F39: with every table empty, a rebuild makes the same rows again, and private rows stay as they are."""
    await written(store)
    behind_its_back(
        store_place, "INSERT INTO logins (key, tenant, subject) VALUES ('default:h', 'default', 'person')"
    )
    tables = [table.name for table in rebuilding.REBUILT]
    before = {name: behind_its_back(store_place, f"SELECT * FROM {name} ORDER BY 1") for name in tables}
    assert all(before.values())
    for name in tables:
        behind_its_back(store_place, f"DELETE FROM {name}")
    assert (await rebuild(store, page=3)).repaired
    assert before == {
        name: behind_its_back(store_place, f"SELECT * FROM {name} ORDER BY 1") for name in tables
    }
    assert behind_its_back(store_place, "SELECT subject FROM logins") == [("person",)]


async def test_page_size_changes_nothing(store: ReadBack) -> None:
    """States that are folded on over pages of one event are the same as those folded at once."""
    await written(store)
    assert (await verify(store, page=1)).fits


async def test_follower_behind_is_no_difference(store: ReadBack) -> None:
    """F17: what a follower has not come to yet is late and not wrong, and a rebuild leaves it to the follower."""
    await write_history(store)
    await Follower(store, AUDIT, page=5).step()
    assert (await verify(store)).fits
    assert (await rebuild(store)).repaired
    assert (await Follower(store, AUDIT).step()).handled > 0
    assert (await verify(store)).fits


@pytest.mark.parametrize("replay", [verify, rebuild])
async def test_while_others_write(store: ReadBack, replay: Callable[..., Awaitable[Report]]) -> None:
    """Verify and rebuild go on beside appends and a follower, and nothing that is written meanwhile seems wrong."""
    await written(store)
    grants: list[str] = []

    async def write() -> None:
        while len(grants) < 5:
            grants.append(f"meanwhile-{len(grants)}")
            await write_grant(store, grants[-1], revoked=len(grants) % 2 == 0)
            await Follower(store, AUDIT).step()

    writing = asyncio.create_task(write())
    reports = []
    while not writing.done():
        reports.append(await replay(store, page=1))
    await writing
    assert {report.differences for report in reports} == {()}
    await Follower(store, AUDIT).catch_up()
    assert (await verify(store)).fits


async def test_unreadable_event_is_named_and_nothing_changed(
    store: ReadBack, store_place: Path | str
) -> None:
    """F19, A232: with an event that cannot be read nothing is proved, and a rebuild changes no row."""
    head = await written(store)
    await write_poison(store, "default:client:poisoned")
    behind_its_back(store_place, "UPDATE clients SET status = 'active' WHERE key = 'default:app'")
    for replay in (verify, rebuild):
        report = await replay(store)
        assert [failure.position for failure in report.unreadable] == [head + 1, head + 2, head + 3]
        assert (report.fits, report.repaired) == (False, False)
        assert CANARY not in f"{report}"
    assert behind_its_back(store_place, "SELECT status FROM clients") == [("active",)]


async def test_rebuild_takes_up_failed_events(store: ReadBack, store_place: Path | str) -> None:
    """F19: an event that could not be handled once and can be now has its row after a rebuild, and is not failed."""
    await written(store)
    behind_its_back(store_place, "DELETE FROM audit WHERE position = 3")
    behind_its_back(
        store_place,
        f"INSERT INTO failed_events (projection, position, kind, failed_at) VALUES ('{AUDIT.name}', 3, 'Error', 1)",
    )
    assert (await verify(store)).differences == (Difference("audit", "3", "missing"),)
    assert (await rebuild(store)).repaired
    assert behind_its_back(store_place, "SELECT * FROM failed_events") == []
    assert (await verify(store)).fits


async def test_reports_are_bounded(
    store: ReadBack, store_place: Path | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much differs, a report names so many rows and a rebuild mends all of them."""
    await written(store)
    monkeypatch.setattr(rebuilding, "MOST_NAMED", 3)
    behind_its_back(store_place, "DELETE FROM audit")
    assert len((await rebuild(store)).differences) == 3
    assert (await verify(store)).fits


async def test_rebuild_needs_the_owner(cluster: Cluster, postgres_dsn: str) -> None:
    """The application role may follow and verify; a rebuild it is refused, with a reason and nothing changed."""
    role = f"app_{uuid4().hex[:8]}"
    cluster.execute(f"CREATE ROLE {role} LOGIN")
    await grant_application_role(postgres_dsn, role)
    store = PostgresStore(postgres_dsn.replace(f"//{USER}@", f"//{role}@"))
    await store.open()
    try:
        await written(store)
        assert (await verify(store)).fits
        with pytest.raises(Unavailable, match="InsufficientPrivilege"):
            await rebuild(store)
    finally:
        await store.close()
