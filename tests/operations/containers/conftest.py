"""The image of a server, built as ``docs/operations/containers.md`` says, once for all tests."""

import secrets
from pathlib import Path

import pytest

from tests.operations.containers.engine import Engine

IMAGE = "localhost/authrim-test:latest"


@pytest.fixture(scope="session")
def engine() -> Engine:
    """podman, installed where it is missing."""
    return Engine()


@pytest.fixture(scope="session")
def image(engine: Engine) -> str:
    """The image that ``Containerfile`` makes, on a base of Python and what it needs, which has no shell."""
    build = engine.debian_image("debian-venv", "minbase", "python3-venv", "ca-certificates")
    runtime = engine.debian_image("debian-python", "extract", "python3", "ca-certificates", "tzdata")
    bases = ("--build-arg", f"BUILD_IMAGE={build}", "--build-arg", f"RUNTIME_IMAGE={runtime}")
    return engine.build(IMAGE, *bases)


@pytest.fixture
def master_key(tmp_path: Path) -> Path:
    """A file that the user of the image can read."""
    file = tmp_path / "master_key"
    file.write_text(secrets.token_urlsafe(32) + "\n")
    file.chmod(0o444)
    return file
