"""Two versions of the program beside each other: the one before this one, and the one that comes after it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = ("authrim", "domain", "projections", "migrations")

#: The release before this one: a tag or a commit. `0035-an-upgrade-has-two-steps.md` says what it has to know.
PREVIOUS: Final = ROOT / "tests/support/previous_version.txt"


#: Prints the exit status, standard output and standard error of each command.
_TOGETHER: Final = """
import json, sys
from click.testing import CliRunner
from authrim.commands.root import main
results = [CliRunner().invoke(main, ["--json", *command]) for command in json.loads(sys.argv[1])]
print(json.dumps([[result.exit_code, result.stdout, result.stderr] for result in results]))
"""


class Code:
    """One version: the folder that its packages are in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *arguments: str, status: int = 0, stdin: str | None = None) -> tuple[str, str]:
        """Run ``authrim``; what it printed, and what it said on standard error."""
        ended = subprocess.run(
            [sys.executable, "-m", "authrim", *arguments],
            cwd=self.folder, input=stdin, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert ended.returncode == status, ended.stdout + ended.stderr
        return ended.stdout, ended.stderr

    def together(self, *commands: Sequence[str]) -> list[Any]:
        """Run several commands with ``--json`` in one process; what each printed."""
        ended = subprocess.run(
            [sys.executable, "-c", _TOGETHER, json.dumps(commands)],
            cwd=self.folder, capture_output=True, text=True, check=True, timeout=120,
        )  # fmt: skip
        results = json.loads(ended.stdout)
        for command, (status, _, said) in zip(commands, results, strict=True):
            assert status == 0, (command, said)
        return [json.loads(printed) for _, printed, _ in results]

    def json(self, *arguments: str, stdin: str | None = None) -> Mapping[str, Any]:
        """Run ``authrim --json``; what it printed."""
        printed: Mapping[str, Any] = json.loads(self.run("--json", *arguments, stdin=stdin)[0])
        return printed


def previous_version(folder: Path) -> Code:
    """The version before this one, out of the repository's history. Without the history the test is skipped."""
    commit = PREVIOUS.read_text().split()[0]
    archived = subprocess.run(
        ["git", "archive", "--format=tar", commit, *PACKAGES], cwd=ROOT, capture_output=True, check=False
    )
    if archived.returncode and _has_no_history():
        pytest.skip(f"the version before ({commit[:12]}) is not in this clone: git fetch --unshallow --tags")
    assert not archived.returncode, (
        f"{PREVIOUS} names no commit of this repository: {archived.stderr.decode()}"
    )
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["tar", "-x", "-C", folder], input=archived.stdout, check=True)
    return Code(folder)


def _has_no_history() -> bool:
    """Whether this is a shallow clone, or no clone at all."""
    asked = subprocess.run(
        ["git", "rev-parse", "--is-shallow-repository"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return asked.returncode != 0 or asked.stdout.strip() == "true"


def next_version(folder: Path, migrations: Mapping[str, str]) -> Code:
    """A version like this one, with further migrations, and with another text of each function of PostgreSQL."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name, sql in migrations.items():
        (folder / "migrations" / name).write_text(sql)
    _change_functions(folder / "migrations" / "functions")
    return Code(folder)


def _change_functions(functions: Path) -> None:
    """As ``make docs`` would count them. The digest in the file is for ``make docs`` alone."""
    revisions = functions / "revisions.json"
    counted = msgspec.json.decode(revisions.read_bytes())
    for name, count in counted.items():
        count["revision"] += 1
        text = functions / f"{name}.postgres.sql"
        text.write_text(text.read_text() + "-- another text\n")
    revisions.write_bytes(msgspec.json.encode(counted))
