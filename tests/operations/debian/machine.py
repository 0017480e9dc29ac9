"""A machine with an empty Debian: under systemd-nspawn, with a systemd of its own, and no network but loopback."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Final

from tests.support.installing import installed, run

RELEASE: Final = "bookworm"
#: What an administrator installs before Authrim, and what the test looks at the machine with.
PACKAGES: Final = (
    "systemd",
    "systemd-sysv",
    "dbus",
    "python3",
    "postgresql",
    "nginx-light",
    "ca-certificates",
    "curl",
)
_UP: Final = "Reached target"
_SECONDS: Final = 300


def debian_archive() -> Path:
    """The files of the machine, as a tar archive in the user's cache."""

    def make(folder: Path) -> None:
        folder.mkdir()
        include = f"--include={','.join(PACKAGES)}"
        run("mmdebstrap", "--variant=minbase", include, RELEASE, str(folder / "root.tar"))

    return installed("debian", " ".join((RELEASE, *PACKAGES)).encode(), make) / "root.tar"


class Machine:
    """A machine that is running. ``root`` is its file system."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.root.mkdir()
        subprocess.run(["tar", "-C", str(self.root), "-xf", str(debian_archive())], check=True)
        self._console = folder / "console"
        with self._console.open("wb") as console:
            self._process = subprocess.Popen(
                [
                    "systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network", "--boot",
                    f"--machine=authrim{os.getpid()}", f"--directory={self.root}",
                ],
                stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT,
            )  # fmt: skip
        self._init = self._wait_for_init()
        self.run("systemctl", "is-system-running", "--wait", check=False)

    def command(self, *words: str, network_only: bool = False) -> list[str]:
        """The command that runs ``words`` on the machine; ``network_only``: here, with the machine's network."""
        parts = ["-n"] if network_only else ["-m", "-u", "-i", "-n", "-p"]
        return ["nsenter", "-t", str(self._init), *parts, "--", *words]

    def run(self, *words: str, check: bool = True, stdin: bytes = b"") -> str:
        """Run something on the machine; what it printed."""
        done = subprocess.run(
            self.command(*words), check=False, capture_output=True, timeout=_SECONDS, input=stdin
        )
        printed = done.stdout.decode()
        assert not check or done.returncode == 0, (words, printed, done.stderr.decode())
        return printed

    def write(self, path: str, content: bytes | str, mode: int = 0o644) -> None:
        """A file on the machine. It is written there: a link in its file system would lead out of it here."""
        stdin = content if isinstance(content, bytes) else content.encode()
        script = 'rm -f "$1" && cat > "$1" && chmod "$2" "$1"'
        self.run("sh", "-c", script, "sh", path, f"{mode:o}", stdin=stdin)

    def has(self, path: str) -> bool:
        """Whether there is such a file on the machine."""
        return self.run("sh", "-c", 'test -e "$1" && echo yes', "sh", path, check=False) == "yes\n"

    def stop(self) -> None:
        """Switch it off. What is left of it is removed with its folder."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.root, ignore_errors=True)

    def _wait_for_init(self) -> int:
        """The first process of the machine, when it has come up."""
        for _ in range(_SECONDS):
            assert self._process.poll() is None, self._console.read_text(errors="replace")
            children = (
                Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
            )
            if children and _UP in self._console.read_text(errors="replace"):
                return int(children[0])
            time.sleep(1)
        raise AssertionError(self._console.read_text(errors="replace"))
