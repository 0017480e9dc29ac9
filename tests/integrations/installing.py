"""The applications of the tests, installed from package registries: each set of pins is a file in ``software/``."""

import fcntl
import shutil
import zipfile
from pathlib import Path

from tests.support import installing
from tests.support.installing import go_program, installed, run

__all__ = [
    "SOFTWARE",
    "cargo_program",
    "go_program",
    "maven_archive",
    "maven_classes",
    "node_packages",
    "python_environment",
    "run",
    "system_packages",
]

SOFTWARE = Path(__file__).parent / "software"


def python_environment(name: str) -> Path:
    """The ``bin`` folder of an environment with the requirements of ``software/NAME.txt``."""
    return installing.python_environment(SOFTWARE / f"{name}.txt")


def node_packages(name: str = "node") -> Path:
    """A folder with the packages of ``software/NAME`` in it: programs beside them find them."""
    return installing.node_packages(SOFTWARE / name)


def cargo_program(folder: Path, name: str) -> Path:
    """Build the program in ``folder`` from the crates of ``software/rust``, which are built once."""
    pins = SOFTWARE / "rust" / "Cargo.lock"
    shutil.copy(pins, folder)
    target = installed("rust", pins.read_bytes(), lambda target: target.mkdir())
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
    (unpacked,) = (file for file in installed(name, artifact.encode(), install).iterdir() if file.is_dir())
    return unpacked


def maven_classes(folder: Path) -> str:
    """The class path of the Maven project in ``folder``, with its own classes. Maven has a cache of its own."""
    listing = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:build-classpath"
    options = ("--batch-mode", "--quiet", f"-Dmdep.outputFile={folder / 'classpath.txt'}")
    run("mvn", *options, "compile", listing, folder=folder)
    return f"{folder / 'target' / 'classes'}:{(folder / 'classpath.txt').read_text().strip()}"


def system_packages() -> None:
    """The Debian packages that the slow applications need, which are installed where they are not there."""
    installing.system_packages("integrations")
