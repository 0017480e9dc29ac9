"""``authrim`` without the wait for its imports: a process that has imported it makes each new one by a fork.

A command takes a second of processor time to start, nearly all of it to import what it needs. ``forking`` is the
process that has imported all of it. ``launcher`` is what a test or a shell starts in place of ``authrim``: it hands
over its arguments, its variables, its folder and its standard streams, passes signals on, and ends as the command ends.
The command goes through ``python -m authrim`` with them.

Of what a test looks at a process for, its number, its first imports or what Python's own variables do (``PYTHON…``),
there is nothing here: ``processes.started`` starts it as it is.
"""

import atexit
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from tests.support.ready_authrim.launcher import KILL

_LAUNCHER = Path(__file__).with_name("launcher.py")


class ReadyProcess(subprocess.Popen[str]):
    """A launcher, and the command behind it."""

    def kill(self) -> None:
        """``kill -9`` of the command. The launcher ends after it, so that its files and its port are free then."""
        self.send_signal(KILL)


@contextmanager
def started(*arguments: str, environment: dict[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """``authrim`` with these arguments, until the block ends; it is killed when it has not ended by then."""
    process = ReadyProcess(
        [*command(), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | (environment or {}),
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def command(module: str = "authrim") -> tuple[str, ...]:
    """What stands for ``authrim`` in a list of arguments, or for another module that is run as a program."""
    # Without ``site`` and the variables of Python, the launcher takes 20 ms.
    return (sys.executable, "-IS", str(_LAUNCHER), _address(), module)


def write_program(folder: Path) -> None:
    """Write a program ``authrim`` into a folder, for shells that have the folder in their PATH."""
    program = folder / "authrim"
    words = " ".join(f"'{word}'" for word in command())
    program.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
    program.chmod(0o755)


@cache
def _address() -> str:
    """Where the process listens that forks: a name in the kernel, which needs no file. It ends with this process."""
    with socket.socket(socket.AF_UNIX) as listener:
        name = f"authrim-tests-{os.getpid()}"
        listener.bind(f"\0{name}")
        listener.listen(128)
        forking = subprocess.Popen(
            [sys.executable, "-m", "tests.support.ready_authrim.forking", str(listener.fileno())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[listener.fileno()],
            cwd=Path(__file__).parents[3],
        )
    atexit.register(_end, forking)
    # Nobody's patience is for its imports, which it does once.
    assert forking.stdout is not None
    assert forking.stdout.readline() == b"ready\n"
    return name


def _end(forking: subprocess.Popen[bytes]) -> None:
    assert forking.stdin is not None
    forking.stdin.close()
    forking.wait()
