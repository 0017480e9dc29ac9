"""What ``authrim dev`` prints when it answers requests."""

import fcntl
import json
import os
import pty
import socket
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from tests.support.patience import PATIENCE


@pytest.mark.parametrize("columns", [None, 40, 80])
def test_secrets_are_printed_whole_at_every_width(tmp_path: Path, columns: int | None) -> None:
    """A file, and terminals of 40 and of 80 columns, get every secret and the password unbroken."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    reads, writes = os.pipe() if columns is None else pty.openpty()
    if columns is not None:
        fcntl.ioctl(writes, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    data = tmp_path / "data"
    command = (sys.executable, "-m", "authrim", "dev", "--port", str(port), "--data", str(data))
    quiet = subprocess.DEVNULL
    # A terminal that says nothing of itself is taken to be 80 columns wide.
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"} | {"TERM": "xterm"}
    with subprocess.Popen(command, env=environment, stdin=quiet, stdout=writes, stderr=quiet) as dev:
        os.close(writes)
        try:
            printed = b""
            until = time.monotonic() + PATIENCE
            while b"/token\n" not in printed.replace(b"\r", b"") and time.monotonic() < until:
                printed += os.read(reads, 4096)
        finally:
            dev.terminate()
            os.close(reads)
    kept = json.loads((data / "development.json").read_text())
    secrets = [one["client_secret"] for one in kept["clients"].values() if "client_secret" in one]
    assert len(secrets) == 2
    for secret in (*secrets, kept["account"]["password"]):
        assert secret.encode() in printed
