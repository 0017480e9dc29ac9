"""A SoftHSM2 token behind a process of its own, as an HSM is: the process can be killed, stopped and started again."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.patience import PATIENCE

LABEL = "authrim test"
PIN = "canary-5678"
MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")


class SoftToken:
    """The token in a folder, reached through the library ``client``, which asks the process at a Unix socket."""

    def __init__(self, folder: Path) -> None:
        self.client = next(Path("/usr/lib").glob("*/pkcs11/p11-kit-client.so"))
        self._folder = folder
        self._socket = folder / "p11"
        self._server: subprocess.Popen[bytes] | None = None
        (folder / "tokens").mkdir(parents=True)
        configuration = folder / "softhsm2.conf"
        configuration.write_text(f"directories.tokendir = {folder}/tokens\nlog.level = ERROR\n")
        self._environment = {**os.environ, "SOFTHSM2_CONF": str(configuration)}
        command = [
            "softhsm2-util",
            "--init-token",
            "--free",
            "--label",
            LABEL,
            "--so-pin",
            "1234",
            "--pin",
            PIN,
        ]
        subprocess.run(command, env=self._environment, check=True, capture_output=True)

    @property
    def address(self) -> str:
        """What ``P11_KIT_SERVER_ADDRESS`` has to be for the client."""
        return f"unix:path={self._socket}"

    def start(self) -> None:
        self._socket.unlink(missing_ok=True)
        self._server = subprocess.Popen(
            ["p11-kit", "server", "--foreground", "--name", str(self._socket), "--provider", str(MODULE), "pkcs11:"],
            env=self._environment, stdout=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        until = time.monotonic() + PATIENCE
        while not self._socket.exists():
            assert time.monotonic() < until, "the process with the token does not listen"
            time.sleep(0.02)

    def kill(self) -> None:
        """No process is there any more: neither the one that listens nor those that it has for each client."""
        with suppress(ProcessLookupError):  # none was there
            self._signal(signal.SIGKILL)
        assert self._server is not None
        self._server.wait()

    def hang(self) -> None:
        """Nothing answers any more, and no connection ends."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._server is not None
        os.killpg(self._server.pid, number)


@contextmanager
def soft_token(folder: Path) -> Iterator[SoftToken]:
    """A token that can be reached."""
    token = SoftToken(folder)
    token.start()
    try:
        yield token
    finally:
        token.go_on()
        token.kill()
