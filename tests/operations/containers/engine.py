"""podman as Debian has it, with a store of its own: nothing that the user of this machine has is touched."""

import json
import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.support.installing import cache_folder, installed, run, system_packages

ROOT: Final = Path(__file__).parents[3]
#: Where images come from that a registry would have: an archive of Debian packages, made here.
_MIRRORS: Final = (
    "deb http://deb.debian.org/debian bookworm main",
    "deb http://deb.debian.org/debian-security bookworm-security main",
)
#: Files and processes.
_LIMIT: Final = 4096
_CERTIFICATES: Final = "/etc/ssl/certs"
_AUTHORITIES: Final = f"{_CERTIFICATES}/ca-certificates.crt"


class Engine:
    """The container tool, and the images that it has."""

    def __init__(self) -> None:
        system_packages("containers")
        self.folder = cache_folder() / "containers"
        self.folder.mkdir(exist_ok=True)
        files = {
            "storage.conf": self._storage(),
            "containers.conf": _containers(self.folder),
            "pip.conf": _pip(),
        }
        for name, text in files.items():
            (self.folder / name).write_text(text)
        self.environment = {
            "CONTAINERS_STORAGE_CONF": str(self.folder / "storage.conf"),
            "CONTAINERS_CONF": str(self.folder / "containers.conf"),
        }

    def _storage(self) -> str:
        return f'[storage]\ndriver = "overlay"\ngraphroot = "{self.folder}/images"\nrunroot = "{self.folder}/run"\n'

    def podman(self, *arguments: str) -> str:
        """Run podman to its end; what it printed. Fails with all of its output."""
        return run("podman", *arguments, environment=self.environment)

    def status(self, *arguments: str) -> tuple[int, str]:
        """The exit status of podman, and all that it printed."""
        ran = subprocess.run(
            ["podman", *arguments],
            env=os.environ | self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return ran.returncode, ran.stdout + ran.stderr

    def inspect(self, name: str) -> dict[str, Any]:
        """What podman knows of a container or an image."""
        (one,) = json.loads(self.podman("inspect", name))
        known: dict[str, Any] = one
        return known

    def debian_image(self, name: str, variant: str, *packages: str) -> str:
        """An image of Debian packages and of what they need; ``extract`` has nothing else, not even a shell."""
        options = ("--quiet", f"--variant={variant}", f"--include={','.join(packages)}")

        def install(folder: Path) -> None:
            folder.mkdir()
            archive = str(folder / "root.tar")
            run("mmdebstrap", *options, "bookworm", archive, *_MIRRORS)

        folder = installed(name, " ".join((*options, *_MIRRORS)).encode(), install)
        image = f"localhost/authrim-test-{folder.name}"
        if self.status("image", "exists", image)[0]:
            self.podman("import", "--quiet", str(folder / "root.tar"), image)
        return image

    def build(self, name: str, *options: str, folder: Path = ROOT) -> str:
        """Build an image from the container file of a folder. Registries are reached as this machine does."""
        self.podman(
            "build", "--quiet", "--format", "docker", "--layers", "--network", "host",
            "--volume", f"{_CERTIFICATES}:{_CERTIFICATES}:ro",
            "--volume", f"{self.folder}/pip.conf:/etc/pip.conf:ro",
            "--tag", name, *options, str(folder),
        )  # fmt: skip
        return name

    @contextmanager
    def running(self, name: str, *arguments: str) -> Iterator[str]:
        """A container in the background until the block ends; its name."""
        self.status("rm", "--force", "--volumes", name)
        self.podman("run", "--detach", "--name", name, *arguments)
        try:
            yield name
        finally:
            self.status("rm", "--force", "--volumes", "--time", "0", name)

    def logs(self, name: str) -> list[dict[str, Any]]:
        """The log lines of a server."""
        lines = self.status("logs", name)[1].splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]


def _containers(folder: Path) -> str:
    """A machine without systemd and with the rights that this process has: it may raise no limit."""
    kinds = {"nofile": resource.RLIMIT_NOFILE, "nproc": resource.RLIMIT_NPROC}
    limits = [f"{name}={_most(kind)}:{_most(kind)}" for name, kind in kinds.items()]
    return (
        f"[containers]\ndefault_ulimits = {json.dumps(limits)}\n"
        '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\nruntime = "runc"\n'
        f'[network]\nnetwork_backend = "netavark"\nnetwork_config_dir = "{folder}/networks"\n'
    )


def _most(kind: int) -> int:
    """As much as containers of tests need, and no more than this process may have."""
    soft = resource.getrlimit(kind)[0]
    return _LIMIT if soft == resource.RLIM_INFINITY else min(soft, _LIMIT)


def _pip() -> str:
    return f"[global]\ncert = {_AUTHORITIES}\n" if Path(_AUTHORITIES).exists() else ""
