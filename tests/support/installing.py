"""Installs what tests need from package registries, once per set of pinned versions.

Each set goes to a folder of its own in the user's cache, named after the digest of the pins: a changed pin is a new
folder, and tests that run beside each other wait for one installation.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

_SCRIPTS: Final = Path(__file__).parents[2] / "scripts"
_SECONDS: Final = 1800


def python_environment(pins: Path) -> Path:
    """The ``bin`` folder of an environment with the requirements of a file."""

    def install(folder: Path) -> None:
        run(sys.executable, "-m", "venv", str(folder))
        pip = (
            str(folder / "bin" / "python"),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        )
        run(*pip, "--require-hashes", "--requirement", str(pins))

    return installed(pins.stem, pins.read_bytes(), install) / "bin"


def node_packages(source: Path) -> Path:
    """A folder with the packages of ``source`` in it: programs beside them find them."""

    def install(folder: Path) -> None:
        shutil.copytree(source, folder)
        run("npm", "ci", "--no-audit", "--no-fund", "--silent", folder=folder)

    return installed(source.name, (source / "package-lock.json").read_bytes(), install)


def go_program(module: str, version: str) -> Path:
    """The program of a Go module, which pins what it is built from."""

    def install(folder: Path) -> None:
        run("go", "install", f"{module}@{version}", environment={"GOBIN": str(folder), "GOFLAGS": "-mod=mod"})

    folder = installed("go", f"{module}@{version}".encode(), install)
    (program,) = (file for file in folder.iterdir() if file.name != "installed")
    return program


def go_program_of(source: Path) -> Path:
    """The program of a folder with ``go.mod`` and ``go.sum``, built once."""
    pins = b"".join(file.read_bytes() for file in sorted(source.iterdir()))

    def install(folder: Path) -> None:
        folder.mkdir()
        run("go", "build", "-mod=readonly", "-o", str(folder / source.name), ".", folder=source)

    return installed(source.name, pins, install) / source.name


def system_packages(purpose: str) -> None:
    """The Debian packages for a purpose of ``scripts/system-packages.sh``, installed where they are missing."""
    run(str(_SCRIPTS / "system-packages.sh"), "--for", purpose)


def installed(name: str, pins: bytes, install: Callable[[Path], None]) -> Path:
    """The folder that ``install`` has filled, now or for an earlier test with the same pins."""
    digest = hashlib.sha256(pins).hexdigest()[:12]
    cache = cache_folder()
    folder = cache / f"{name}-{digest}"
    with (cache / f"{name}-{digest}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "installed").exists():
            shutil.rmtree(folder, ignore_errors=True)
            install(folder)
            (folder / "installed").touch()
    return folder


def cache_folder() -> Path:
    """Where all of it is, in the user's cache."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "authrim-integrations"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def run(
    *command: str,
    folder: Path | None = None,
    environment: dict[str, str] | None = None,
    seconds: float = _SECONDS,
) -> str:
    """Run a command to its end; what it printed. Fails with all of its output."""
    ran = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | (environment or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert ran.returncode == 0, f"{' '.join(command)}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout
