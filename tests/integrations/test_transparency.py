"""The log before independent implementations: golang.org/x/mod/sumdb, and the witness of filippo.io/torchwood."""

import asyncio
import json
import re
import shutil
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import NamedTuple

import pytest
from structlog.testing import capture_logs

from authrim.crypto.signed_note import NoteKey, read_note, read_note_key, verified
from authrim.store.read_back import ReadBack
from authrim.transparency.background import checkpoints_of
from authrim.transparency.rollback import Rollback, find_rollback
from tests.integrations.installing import SOFTWARE, go_program, run, system_packages
from tests.store.log_samples import behind_its_back, write_grant
from tests.store.test_tree import without_protection
from tests.support.patience import PATIENCE
from tests.support.ports import free_port
from tests.support.processes import wait_until
from tests.support.running import running_server
from tests.transparency.installation import command_line

pytestmark = pytest.mark.integrations

WITNESS = "witness.example/w1"


@pytest.fixture(scope="module")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The verifier, built."""
    system_packages()
    folder = tmp_path_factory.mktemp("verifier")
    for file in (SOFTWARE / "tlog-verifier").iterdir():
        shutil.copy(file, folder)
    run("go", "build", "-mod=readonly", "-o", "verifier", ".", folder=folder)
    return folder / "verifier"


async def test_go_accepts_the_log(store: ReadBack, store_place: Path | str, verifier: Path) -> None:
    """Go's sumdb packages accept the checkpoint, the tiles, and the proofs that the commands print."""
    async with running_server(store, publish_log_tree=True) as server:
        commands = command_line(store_place, ISSUER=server.issuer, DEVELOPMENT="true", HOST="localhost")
        for number in range(36):
            await write_grant(store, f"early-{number}")
        first = await checkpoints_of(server.core).sign()
        for number in range(36):
            await write_grant(store, f"late-{number}")
        second = await checkpoints_of(server.core).sign()
        assert first is not None
        assert second is not None
        assert second.size > 512
        positions = (1, 256, 257, first.size, second.size)
        included = [
            await asyncio.to_thread(commands.json, "audit", "prove", str(position)) for position in positions
        ]
        pairs = ((first.size, second.size), (1, 256), (256, 513), (3, second.size))
        consistent = [
            await asyncio.to_thread(commands.json, "audit", "prove-consistency", *map(str, pair))
            for pair in pairs
        ]
        key = await asyncio.to_thread(commands.json, "audit", "checkpoint-key")
        command = (str(verifier), server.url("/transparency"), key["verifier_key"])
        given = json.dumps({"inclusion": included, "consistency": consistent})
        accepted = await asyncio.to_thread(
            subprocess.run,
            command,
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        assert accepted.returncode == 0, accepted.stderr
        assert accepted.stdout.count("included") == len(positions)
        assert accepted.stdout.count("consistent") == len(pairs)
        included[0]["entry"] = included[1]["entry"]
        given = json.dumps({"inclusion": included, "consistency": consistent})
        refused = await asyncio.to_thread(
            subprocess.run,
            command,
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        assert refused.returncode == 1


class RunningWitness(NamedTuple):
    """A witness, and the database in which it knows logs."""

    key: NoteKey
    url: str
    database: Path

    def learn(self, key: NoteKey) -> None:
        """Let it know a log by its verifier key."""
        with closing(sqlite3.connect(self.database)) as file, file:
            empty = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
            file.execute("INSERT INTO log (origin, tree_size, tree_hash) VALUES (?, 0, ?)", (key.name, empty))
            file.execute("INSERT INTO key (origin, key) VALUES (?, ?)", (key.name, key.encoded()))

    @property
    def setting(self) -> str:
        return f"{self.key.encoded()} {self.url}"


@pytest.fixture(scope="module")
def litewitness() -> Path:
    """The witness of torchwood, built."""
    system_packages()
    return go_program("filippo.io/torchwood/cmd/litewitness", "v0.6.1")


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """An ssh-agent that holds the witness's key: its socket, and the fingerprint of the key."""
    # The path of a socket is short.
    socket, key = Path("/tmp") / f"agent-{free_port()}", tmp_path / "witness_key"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL)
    try:
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key))
        wait_until(socket.exists)
        run("ssh-add", "-q", str(key), environment={"SSH_AUTH_SOCK": str(socket)})
        yield socket, run("ssh-keygen", "-l", "-f", f"{key}.pub").split()[1]
    finally:
        process.terminate()
        process.wait()
        socket.unlink(missing_ok=True)


@asynccontextmanager
async def running_witness(
    program: Path, agent: tuple[Path, str], folder: Path
) -> AsyncIterator[RunningWitness]:
    socket, fingerprint = agent
    port, database = free_port(), folder / "witness.db"
    process = await asyncio.create_subprocess_exec(
        str(program), "-name", WITNESS, "-db", str(database), "-ssh-agent", str(socket), "-key", fingerprint,
        "-listen", f"localhost:{port}", stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    printed = ""
    try:
        async with asyncio.timeout(PATIENCE):
            while "msg=listening" not in printed:
                line = (await process.stderr.readline()).decode()
                assert line, printed
                printed += line
        found = re.search(r"vkey=(\S+)", printed)
        assert found is not None, printed
        key = read_note_key(found[1])
        assert key is not None
        yield RunningWitness(key, f"http://localhost:{port}", database)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def test_a_witness_cosigns_and_refuses_a_fork(
    store: ReadBack, store_place: Path | str, litewitness: Path, agent: tuple[Path, str], tmp_path: Path
) -> None:
    """A229, A231: a witness cosigns what continues the log, and refuses a fork; then no server starts on that log."""
    async with running_witness(litewitness, agent, tmp_path) as witness:
        settings = {
            "publish_log_tree": True, "witnesses": (witness.setting,), "witness_quorum": 1,
            "egress_allow": ("localhost",),
        }  # fmt: skip
        async with running_server(store, **settings) as server:
            checkpoints = checkpoints_of(server.core)
            log_key = (await checkpoints.keys.signer()).public
            with capture_logs() as lines:
                stranger = await checkpoints.sign()
            assert stranger is not None
            assert stranger.cosignatures == 0
            assert any(line["event"] == "witness.refused" for line in lines), "it does not know the log yet"
            witness.learn(log_key)
            for name in ("one", "two", "three"):
                await write_grant(store, name)
                signed = await checkpoints.sign()
                assert signed is not None
                assert signed.cosignatures == 1
            async with server.http.get(server.url("/transparency/checkpoint")) as response:
                note = read_note(await response.text())
            assert verified(note, [witness.key, log_key]) == (log_key, witness.key)
            assert await find_rollback(store, checkpoints) is None
            seen = (await store.head()).position - 1
            # Whoever owns the database writes another history, and everything that is computed from it.
            without_protection(
                store_place, "UPDATE events SET recorded_at = recorded_at + 1 WHERE position = 5"
            )
            behind_its_back(store_place, "DELETE FROM checkpoints")
            await store.tree.clear()
            await write_grant(store, "four")
            with capture_logs() as lines:
                forked = await checkpoints.sign()
            assert forked is not None
            assert forked.cosignatures == 0
            assert any(line["event"] == "witness.forked" for line in lines)
            found = await find_rollback(store, checkpoints)
            assert isinstance(found, Rollback)
            assert found.known_by == WITNESS
            assert found.lost_size >= seen


async def test_a_witness_that_cannot_be_reached(store: ReadBack) -> None:
    """F36: without its witnesses a server signs, publishes nothing that lacks the quorum, and starts."""
    key = NoteKey(WITNESS, 4, bytes(range(32)))
    nobody = f"{key.encoded()} http://localhost:{free_port()}"
    async with running_server(store, witnesses=(nobody,), egress_allow=("localhost",)) as server:
        checkpoints = checkpoints_of(server.core)
        with capture_logs() as lines:
            signed = await checkpoints.sign()
        assert signed is not None
        assert signed.cosignatures == 0
        assert any(line["event"] == "witness.failed" and line["witness"] == WITNESS for line in lines)
        assert await find_rollback(store, checkpoints) is None
