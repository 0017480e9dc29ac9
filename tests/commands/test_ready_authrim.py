"""``authrim`` that tests start by a fork is the one that a shell starts."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.patience import PATIENCE
from tests.support.ports import free_port
from tests.support.processes import COMMAND, development_server, listening
from tests.support.ready_authrim import command, started, write_program
from tests.support.ready_made import new_sqlite_file
from tests.support.running import MASTER_KEY

ACCOUNT = ("account", "create", "anna", "--password-stdin")


def result_of(
    program: tuple[str, ...], folder: Path, stdin: str, variables: dict[str, str]
) -> tuple[int, str, str, set[str]]:
    """The exit status, what was printed, and the files that there are afterwards, with their modes."""
    ran = subprocess.run(
        program, cwd=folder, input=stdin, env=os.environ | variables, capture_output=True, text=True,
        umask=0o027, timeout=PATIENCE, check=False,
    )  # fmt: skip
    files = {f"{file.name} {file.stat().st_mode:o}" for file in folder.iterdir()}
    return ran.returncode, ran.stdout, ran.stderr, files


@pytest.mark.parametrize(
    ("words", "stdin", "status"),
    [
        (("--version",), "", 0),
        (("nonsense",), "", 2),
        (("client", "list", "--json"), "", 0),
        (("client", "show", "nobody"), "", 1),
        ((*ACCOUNT, "x"), "pass phrase\n", 2),
        (("backup", "here/there"), "", 1),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_a_forked_command_is_the_command(
    tmp_path: Path, words: tuple[str, ...], stdin: str, status: int
) -> None:
    """Both see the same arguments, variables, folder, input and umask, and end with the same words and status."""
    told = []
    for name, program in (("real", COMMAND), ("forked", command())):
        folder = tmp_path / name
        folder.mkdir()
        new_sqlite_file(folder / "authrim.db")
        settings = {
            "AUTHRIM_ISSUER": "https://login.example.com", "AUTHRIM_DATABASE": "authrim.db",
            "AUTHRIM_MASTER_KEYS": MASTER_KEY,
        }  # fmt: skip
        told.append(result_of((*program, *words), folder, stdin, settings))
    assert told[0] == told[1]
    assert told[0][0] == status


def test_a_shell_finds_it(tmp_path: Path) -> None:
    """It is a program in a PATH: its output goes into a pipe, and a shell sees its status."""
    write_program(tmp_path)
    script = "authrim --version | cat; authrim nonsense 2> /dev/null || echo status $?"
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    ran = subprocess.run(
        ["bash", "-c", script], env=os.environ | path, capture_output=True, text=True, check=True
    )
    assert ran.stdout.startswith("authrim, version ")
    assert ran.stdout.endswith("\nstatus 2\n")


def test_signals_reach_it(tmp_path: Path) -> None:
    """SIGTERM ends a server in order; ``kill`` ends it at once, and its port and its file are free after that."""
    port, data = free_port(), tmp_path / "data"
    with development_server(data, port) as (process, _):
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE)
        assert process.returncode == 0
    with development_server(data, port) as (process, _):
        pass
    assert process.returncode == -signal.SIGKILL
    with development_server(data, port):
        pass


def test_a_kill_reaches_it_at_once(tmp_path: Path) -> None:
    """Who kills a command that has hardly begun ends it all the same, and nothing of it stays."""
    port, data = free_port(), tmp_path / "data"
    for _ in range(10):
        with started("dev", "--port", str(port), "--data", str(data)) as process:
            pass
        assert process.returncode < 0
        assert not listening(port)
