"""A command as the first process of a container, whose signals the kernel treats in its own way."""

import os
import signal
import socket
import subprocess
from contextlib import closing

import pytest

from tests.support.patience import PATIENCE
from tests.support.ports import free_port
from tests.support.processes import COMMAND, children, wait_until

#: As root in the new name space where the user is not root outside.
NEW_SPACE = ("unshare", "--pid", "--fork", *(() if os.geteuid() == 0 else ("--user", "--map-root-user")))


@pytest.mark.parametrize("command", ["serve", "migrate"])
def test_a_command_that_waits_ends_on_sigterm(command: str) -> None:
    """While it waits for a database that does not answer, SIGTERM ends it: nobody has to kill the container."""
    port = free_port()
    environment = os.environ | {
        "AUTHRIM_ISSUER": "https://login.example.com",
        "AUTHRIM_MASTER_KEYS": "A" * 43,
        "AUTHRIM_DATABASE": f"postgresql://authrim@127.0.0.1:{port}/authrim",
    }
    with closing(socket.create_server(("127.0.0.1", port))) as silent:
        silent.settimeout(PATIENCE)
        process = subprocess.Popen([*NEW_SPACE, *COMMAND, command], env=environment)
        try:
            with silent.accept()[0]:
                (first,) = children(process.pid)
                os.kill(first, signal.SIGTERM)
                wait_until(lambda: process.poll() is not None)
        finally:
            process.kill()
    assert process.returncode == 128 + signal.SIGTERM
