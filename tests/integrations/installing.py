"""Installs the applications of the tests from package registries, once per set of pinned versions.

Each set is a file in ``software/``, and goes to a folder of its own in the user's cache, named after the digest of the
pins: a changed pin is a new folder, and tests that run beside each other wait for one installation.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

SOFTWARE = Path(__file__).parent / "software"
_SCRIPTS = Path(__file__).parents[2] / "scripts"
_SECONDS = 1800


def python_environment(name: str) -> Path:
    """The ``bin`` folder of an environment with the requirements of ``software/NAME.txt``."""
    pins = SOFTWARE / f"{name}.txt"

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

    return _installed(name, pins.read_bytes(), install) / "bin"


def node_packages(name: str = "node") -> Path:
    """A folder with the packages of ``software/NAME`` in it: programs beside them find them."""
    source = SOFTWARE / name

    def install(folder: Path) -> None:
        shutil.copytree(source, folder)
        run("npm", "ci", "--no-audit", "--no-fund", "--silent", folder=folder)

    return _installed(name, (source / "package-lock.json").read_bytes(), install)


def go_program(module: str, version: str) -> Path:
    """The program of a Go module, which pins what it is built from."""

    def install(folder: Path) -> None:
        run("go", "install", f"{module}@{version}", environment={"GOBIN": str(folder), "GOFLAGS": "-mod=mod"})

    folder = _installed("go", f"{module}@{version}".encode(), install)
    (program,) = (file for file in folder.iterdir() if file.name != "installed")
    return program


def cargo_program(folder: Path, name: str) -> Path:
    """Build the program in ``folder`` from the crates of ``software/rust``, which are built once."""
    pins = SOFTWARE / "rust" / "Cargo.lock"
    shutil.copy(pins, folder)
    target = _installed("rust", pins.read_bytes(), lambda target: target.mkdir())
    with (target / "build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        run(
            "cargo",
            "build",
            "--quiet",
            "--locked",
            folder=folder,
            environment={"CARGO_TARGET_DIR": str(target)},
        )
        return shutil.copy2(target / "debug" / name, folder / f"{name}-built")


def maven_archive(artifact: str) -> Path:
    """The folder that an archive of Maven Central unpacks to; ``artifact`` is GROUP:NAME:VERSION:zip."""

    def install(folder: Path) -> None:
        copying = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"
        options = ("--batch-mode", "--quiet", f"-Dartifact={artifact}", f"-DoutputDirectory={folder}")
        run("mvn", copying, *options, folder=folder.parent)
        (archive,) = folder.glob("*.zip")
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(folder)
        archive.unlink()
        for program in folder.glob("*/bin/*.sh"):
            program.chmod(0o755)

    name = artifact.split(":")[1]
    (unpacked,) = (file for file in _installed(name, artifact.encode(), install).iterdir() if file.is_dir())
    return unpacked


def maven_classes(folder: Path) -> str:
    """The class path of the Maven project in ``folder``, with its own classes. Maven has a cache of its own."""
    listing = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:build-classpath"
    options = ("--batch-mode", "--quiet", f"-Dmdep.outputFile={folder / 'classpath.txt'}")
    run("mvn", *options, "compile", listing, folder=folder)
    return f"{folder / 'target' / 'classes'}:{(folder / 'classpath.txt').read_text().strip()}"


def system_packages() -> None:
    """The Debian packages that the slow applications need, which are installed where they are not there."""
    run(str(_SCRIPTS / "system-packages.sh"), "--for", "integrations")


def _installed(name: str, pins: bytes, install: Callable[[Path], None]) -> Path:
    digest = hashlib.sha256(pins).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "authrim-integrations"
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / f"{name}-{digest}"
    with (cache / f"{name}-{digest}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "installed").exists():
            shutil.rmtree(folder, ignore_errors=True)
            install(folder)
            (folder / "installed").touch()
    return folder


def run(*command: str, folder: Path | None = None, environment: dict[str, str] | None = None) -> str:
    """Run a command to its end; what it printed. Fails with all of its output."""
    ran = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | (environment or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert ran.returncode == 0, f"{' '.join(command)}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout
