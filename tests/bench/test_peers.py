"""The files of the peers."""

import json
import py_compile
import re
import subprocess
from pathlib import Path

import pytest

from bench.peers import authlib_side, node_side


@pytest.mark.node
@pytest.mark.parametrize("file", sorted(node_side.SOURCE.glob("*.mjs")), ids=lambda file: file.name)
def test_the_files_of_node_parse(file: Path) -> None:
    """Node.js can read each of the peer's modules."""
    ran = subprocess.run(["node", "--check", file], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("file", sorted(authlib_side.SOURCE.glob("*.py")), ids=lambda file: file.name)
def test_the_files_of_authlib_parse(file: Path, tmp_path: Path) -> None:
    """Python can compile each of the peer's modules."""
    py_compile.compile(str(file), str(tmp_path / "compiled"), doraise=True)


def test_the_versions_of_node_are_pinned() -> None:
    """package.json names exact versions, and the lock file has those, each with its digest."""
    wanted = json.loads((node_side.SOURCE / "package.json").read_text())
    locked = json.loads((node_side.SOURCE / "package-lock.json").read_text())["packages"]
    for name, version in {**wanted["dependencies"], **wanted["optionalDependencies"]}.items():
        assert locked[f"node_modules/{name}"]["version"] == version
    assert all("integrity" in package for name, package in locked.items() if name)


def test_the_versions_of_authlib_are_pinned() -> None:
    """Every requirement has an exact version with digests."""
    asked = re.findall(r"^[\w-]+$", (authlib_side.SOURCE / "requirements.in").read_text(), re.MULTILINE)
    pinned = (authlib_side.SOURCE / "requirements.txt").read_text()
    for name in asked:
        assert re.search(rf"^{name}==\S+ .*\\\n    --hash=sha256:", pinned, re.MULTILINE), name
