"""Runs an application in a process of its own, with its output in a file, until the test is done with it."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.support.patience import PATIENCE
from tests.support.ports import free_port
from tests.support.processes import wait_until


class Place(NamedTuple):
    """Where an application is: its folder, its port, and its address for people."""

    folder: Path
    port: int
    url: str


def new_place(folder: Path) -> Place:
    """A place on a free port of localhost."""
    port = free_port()
    return Place(folder, port, f"http://localhost:{port}")


@contextmanager
def running_application(
    place: Place, *command: str | Path, environment: Mapping[str, str] | None = None
) -> Iterator[Path]:
    """``command`` in the folder of its place, when it listens on its port. The file with its output."""
    output = place.folder / "output.log"
    with (
        output.open("ab") as stream,
        subprocess.Popen(
            command,
            cwd=place.folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        try:
            wait_until(lambda: process.poll() is not None or _listens(place.port), 20 * PATIENCE)
            assert process.poll() is None, output.read_text(errors="replace")
            yield output
        except BaseException:
            print(output.read_text(errors="replace")[-20_000:])
            raise
        finally:
            # The whole group of it: some applications start others.
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("localhost", port), 1):
            return True
    except OSError:
        return False
