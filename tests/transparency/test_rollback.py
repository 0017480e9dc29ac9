"""A server does not start on a log that is older than one that was signed (F35, A231)."""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from structlog.testing import capture_logs

from authrim.audit.tree import TreeFollower
from authrim.core.parts import Core
from authrim.crypto.signed_note import sign_note
from authrim.server.rollback import StartRefused, refuse_rollback
from authrim.store.read_back import ProjectionResult, ReadBack
from authrim.store.sqlite.schema import migrate_sqlite
from authrim.store.sqlite.store import SQLiteStore
from authrim.transparency.background import checkpoints_of
from authrim.transparency.state_file import write_state
from domain.tree.checkpoint import Checkpoint
from projections.audit import AUDIT
from tests.store.log_samples import behind_its_back, write_grant
from tests.store.test_tree import without_protection
from tests.support.browser import Browser, authenticated_post
from tests.support.patience import PATIENCE
from tests.support.ports import free_port
from tests.support.processes import answers, ended, wait_until
from tests.support.ready_authrim import started
from tests.support.running import MASTER_KEY, KnownClient, running_server
from tests.support.tokens import OFFLINE, is_active

REASON = "ticket 4711: the disk was lost"


@contextmanager
def served(environment: dict[str, str], *options: str) -> Iterator[str]:
    """``authrim serve`` as an operator starts it; its issuer."""
    issuer = environment["AUTHRIM_ISSUER"]
    with started("serve", *options, environment=environment) as process:
        wait_until(lambda: process.poll() is not None or answers(f"{issuer}/health/ready"))
        assert process.poll() is None, process.communicate()
        yield issuer


def asked(issuer: str, client: KnownClient, path: str, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
    answer = requests.post(f"{issuer}{path}", data=form, headers=client.basic, timeout=PATIENCE)
    return answer.status_code, answer.json()


def copied(source: Path, target: Path) -> None:
    """A backup, as SQLite makes one beside a running server."""
    with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(target)) as copy:
        live.backup(copy)


async def test_a_restored_backup(tmp_path: Path) -> None:
    """F35, A231: on a restored backup no server starts until an operator accepts it with a reason. Then all that was
    issued is worth nothing, what had been revoked after the backup is not valid again, and the log says who and why."""
    database, backup, state = tmp_path / "authrim.db", tmp_path / "backup.db", tmp_path / "state"
    migrate_sqlite(database)
    port = free_port()
    async with (
        opened(database) as store,
        running_server(store, port=port, checkpoint_state_file=state) as server,
    ):
        web, api, service = (
            await server.client("web"),
            await server.client("api"),
            await server.client("service"),
        )
        tokens = await Browser(server).code_flow(web, **OFFLINE)
        _, own = await authenticated_post(server, service, "/token", {"grant_type": "client_credentials"})
        await checkpoints_of(server.core).sign()
        await asyncio.to_thread(copied, database, backup)
        await authenticated_post(server, web, "/revoke", {"token": tokens["refresh_token"]})
        assert await is_active(server, api, own["access_token"])
        await checkpoints_of(server.core).sign()
        keys_before = await published_keys(server.issuer)
    for name in (database, Path(f"{database}-wal"), Path(f"{database}-shm")):
        name.unlink(missing_ok=True)
    shutil.copy(backup, database)
    environment = environment_of(database, port, state)
    with started("serve", environment=environment) as process:
        status, _, said = await asyncio.to_thread(ended, process)
    assert status == 1
    assert "state_file has a checkpoint of" in said
    assert "--accept-rollback" in said
    with started("serve", "--accept-rollback", " ", environment=environment) as process:
        status, _, said = await asyncio.to_thread(ended, process)
    assert (status, "Say why" in said) == (1, True)
    await asyncio.to_thread(accepted, environment, web, api, tokens, own, keys_before)
    with served(environment):
        pass  # it is not asked again
    recorded = behind_its_back(database, "SELECT payload FROM events WHERE type = 'log.rollback_accepted.v1'")
    assert len(recorded) == 1
    assert REASON in str(recorded[0])


def accepted(
    environment: dict[str, str], web: KnownClient, api: KnownClient, tokens: dict[str, Any], own: dict[str, Any],
    keys_before: set[str],
) -> None:  # fmt: skip
    with served(environment, "--accept-rollback", REASON) as issuer:
        form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        status, refused = asked(issuer, web, "/token", form)
        assert (status, refused["error"]) == (400, "invalid_grant")
        for token in (tokens["access_token"], own["access_token"]):
            assert asked(issuer, api, "/introspect", {"token": token})[1] == {"active": False}
        assert not keys_before & keys_of(requests.get(f"{issuer}/jwks", timeout=PATIENCE).json())


def keys_of(jwks: dict[str, Any]) -> set[str]:
    return {key["kid"] for key in jwks["keys"] if key.get("use") != "enc"}


async def published_keys(issuer: str) -> set[str]:
    return keys_of((await asyncio.to_thread(requests.get, f"{issuer}/jwks", timeout=PATIENCE)).json())


def environment_of(database: Path, port: int, state: Path) -> dict[str, str]:
    return {
        "AUTHRIM_ISSUER": f"http://localhost:{port}",
        "AUTHRIM_DEVELOPMENT": "true",
        "AUTHRIM_HOST": "localhost",
        "AUTHRIM_PORT": str(port),
        "AUTHRIM_DATABASE": str(database),
        "AUTHRIM_MASTER_KEYS": MASTER_KEY,
        "AUTHRIM_CHECKPOINT_STATE_FILE": str(state),
    }


@asynccontextmanager
async def opened(database: Path) -> AsyncIterator[SQLiteStore]:
    """A store on a file, until the block ends."""
    store = SQLiteStore(database, exclusive=True)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def remembers(core: Core, size: int, root: bytes) -> None:
    """Let the state file remember a checkpoint that the log's own key signed."""
    key = await checkpoints_of(core).keys.signer()
    text = Checkpoint(key.public.name, size, root).text()
    path = core.settings.checkpoint_state_file
    assert path is not None
    write_state(path, sign_note(text, key.public.name, key.private).encoded())


async def test_another_log(store: ReadBack, tmp_path: Path) -> None:
    """A231: a log that is longer than the checkpoint in the state file, but another one, is refused; a true one is not;
    and no checkpoint is signed on it (F34)."""
    async with running_server(store, checkpoint_state_file=tmp_path / "state") as server:
        await refuse_rollback(server.core.settings, store, None)  # nothing is remembered yet
        await checkpoints_of(server.core).sign()
        await write_grant(store, "one")
        await refuse_rollback(server.core.settings, store, None)
        await remembers(server.core, 3, bytes(32))
        with pytest.raises(StartRefused, match="state_file has a checkpoint of 3 events"):
            await refuse_rollback(server.core.settings, store, None)
        head = (await store.head()).position
        with capture_logs() as lines:
            await refuse_rollback(server.core.settings, store, REASON)
        assert any(line["event"] == "rollback.accepted" and line["lost_size"] == 3 for line in lines)
        assert (await store.head()).position > head
        await refuse_rollback(server.core.settings, store, None)
        assert await checkpoints_of(server.core).sign() is not None


async def test_a_longer_log_is_remembered(store: ReadBack, tmp_path: Path) -> None:
    """F35: a log that ends before the checkpoint that the state file remembers is refused."""
    async with running_server(store, checkpoint_state_file=tmp_path / "state") as server:
        await remembers(server.core, 5000, bytes(32))
        with pytest.raises(StartRefused, match="checkpoint of 5000 events"):
            await refuse_rollback(server.core.settings, store, None)


async def test_a_tree_ahead_of_the_log(store: ReadBack, store_place: Path | str) -> None:
    """F34: without any memory outside, a log whose end was cut off is refused by the tree beside it."""
    async with running_server(store) as server:
        await write_grant(store, "one")
        await checkpoints_of(server.core).sign()
        settings = server.core.settings
    without_protection(store_place, "DELETE FROM events WHERE position > 8", "UPDATE head SET position = 8")
    with pytest.raises(StartRefused, match="log ends at position 8, but the tree beside the log"):
        await refuse_rollback(settings, store, None)


async def test_followers_ahead_of_the_log(store: ReadBack, store_place: Path | str) -> None:
    """F35: without any memory outside and without the tree, a log whose end was cut off is refused because a table
    beside it was followed further, also after an acceptance that was interrupted. When it is accepted, the followers go
    on from its end, so that none passes over what is appended next."""
    async with running_server(store) as server:
        settings = server.core.settings
        await write_grant(store, "one")
    await followed(store, 100)
    without_protection(
        store_place, "DELETE FROM events WHERE position > 8", "DELETE FROM ledger WHERE last_position > 8",
        "UPDATE head SET position = 8", "DELETE FROM followers WHERE name = 'tree'", "DELETE FROM tiles",
    )  # fmt: skip
    for keep in (False, True):
        with pytest.raises(StartRefused, match=r"what follows the log (has come to|knows of)"):
            await refuse_rollback(settings, store, REASON if keep else None, keep=keep)
    await store.restored.follow_again(8)
    with pytest.raises(StartRefused, match="what follows the log knows of"):
        await refuse_rollback(settings, store, REASON, keep=True)
    await refuse_rollback(settings, store, REASON)
    await refuse_rollback(settings, store, None)
    assert await followed(store, 1) == 9


async def followed(store: ReadBack, most: int) -> int:
    """Let a table follow the log by so many events; the position that it comes to."""
    page = await store.run_followed_page(AUDIT, most, lambda _: ProjectionResult(()), wait=True)
    return page.position


@pytest.mark.parametrize("content", ["", "not a note", "text\n\n— a AAAAAAA=\n"])
async def test_a_broken_state_file(store: ReadBack, tmp_path: Path, content: str) -> None:
    """A274: a state file that is no checkpoint of this log is no reason to start."""
    state = tmp_path / "state"
    async with running_server(store, checkpoint_state_file=state) as server:
        state.write_text(content)
        with pytest.raises(StartRefused):
            await refuse_rollback(server.core.settings, store, None)
        await write_grant(store, "one")


async def test_a_foreign_state_file(store: ReadBack, tmp_path: Path) -> None:
    """A274: a checkpoint by a key that this database does not know, as after a restore, is refused."""
    state = tmp_path / "state"
    text = Checkpoint("elsewhere.example", 7, bytes(32)).text()
    note = sign_note(text, "elsewhere.example", Ed25519PrivateKey.generate())
    state.write_text(note.encoded())
    async with running_server(store, checkpoint_state_file=state) as server:
        with pytest.raises(StartRefused, match="checkpoint of 7 events"):
            await refuse_rollback(server.core.settings, store, None)


async def test_an_interrupted_acceptance_is_asked_again(store: ReadBack, tmp_path: Path) -> None:
    """F35: an acceptance that was recorded, but not come as far as the state file, is asked again: what the state file
    says is never taken as answered."""
    state = tmp_path / "state"
    async with running_server(store, checkpoint_state_file=state) as server:
        settings = server.core.settings
        await remembers(server.core, 5000, bytes(32))
        before = state.read_text()
        await refuse_rollback(settings, store, REASON)
        await refuse_rollback(settings, store, None)
        state.write_text(before)
        with pytest.raises(StartRefused, match="checkpoint of 5000 events"):
            await refuse_rollback(settings, store, None)


async def test_another_process_signs_while_one_starts(
    store: ReadBack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F18: a checkpoint that a running process signs while another one starts is no sign of another log."""
    async with running_server(store, checkpoint_state_file=tmp_path / "state") as server:
        checkpoints = checkpoints_of(server.core)
        await checkpoints.sign()
        catch_up = TreeFollower.catch_up

        async def overtaken(follower: TreeFollower) -> int:
            size = await catch_up(follower)
            with monkeypatch.context() as undone:
                undone.setattr(TreeFollower, "catch_up", catch_up)
                await write_grant(store, f"meanwhile-{size}")
                await checkpoints.sign()
            return size

        monkeypatch.setattr(TreeFollower, "catch_up", overtaken)
        await refuse_rollback(server.core.settings, store, None)


async def test_a_broken_checkpoint_ends_the_start(store: ReadBack, store_place: Path | str) -> None:
    """F34: where the newest checkpoint in the log does not verify, no witness is asked, and the start says why."""
    witness = (
        "witness.example/w1+e75f6532+BAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4 https://witness.example"
    )
    async with running_server(store, witnesses=(witness,)) as server:
        await checkpoints_of(server.core).sign()
        settings = server.core.settings
    behind_its_back(store_place, "UPDATE checkpoints SET note = replace(note, 'localhost', 'localh0st')")
    with pytest.raises(StartRefused, match="cannot be compared with what was signed"):
        await refuse_rollback(settings, store, None)
