"""A run of every test on several workers: which files come first, who rewrites them, and which took longest."""

import importlib
import os
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

#: A worker runs a file to its end. A long one that begins late leaves the others idle, so that what starts processes
#: and waits for them comes first.
LONG: Final = (
    "tests/faults/", "tests/commands/cli/test_cli_broken_database.py", "tests/docs/test_worked_examples.py",
    "tests/integrations/", "tests/server/", "tests/relying_parties/", "tests/backup/", "tests/browser/",
    "tests/scripts/", "tests/reports/test_quarter.py", "tests/attacks/", "tests/transparency/", "tests/store/",
)  # fmt: skip
#: Of how many files a run says how long they took, and how many tests make a run worth it.
SHOWN: Final = 10
_WORTH_SHOWING: Final = 1000


def long_files_first(items: list[pytest.Item]) -> None:
    """Order the tests by the folders and files of ``LONG``, and leave the order within each."""
    ranks = {begin: rank for rank, begin in enumerate(LONG)}
    items.sort(
        key=lambda item: next((ranks[begin] for begin in LONG if item.nodeid.startswith(begin)), len(LONG))
    )


def import_a_share_first(session: pytest.Session) -> None:
    """Every worker collects every test, and pytest rewrites the asserts of each file that it imports, which takes most
    of the time. It keeps what it has written: each worker begins with another part, and reads what the others wrote."""
    number, count = (
        os.environ.get("PYTEST_XDIST_WORKER", ""),
        os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"),
    )
    if not number or session.config.args != session.config.getini("testpaths"):
        return
    files = sorted((session.config.rootpath / "tests").rglob("test_*.py"))
    begin = len(files) * int(number.removeprefix("gw")) // int(count)
    for file in files[begin:] + files[:begin]:
        # What cannot be imported is told when it is collected.
        with suppress(Exception):
            importlib.import_module(_module(file, session.config.rootpath))


def _module(file: Path, root: Path) -> str:
    return ".".join(file.relative_to(root).with_suffix("").parts)


def slowest_files(reports: Iterable[pytest.TestReport]) -> list[str]:
    """The files that took longest, one line each: seconds by the clock of one worker, tests, name. Empty after a small
    run."""
    seconds: dict[str, float] = defaultdict(float)
    tests: dict[str, set[str]] = defaultdict(set)
    for report in reports:
        file = report.nodeid.partition("::")[0]
        seconds[file] += report.duration
        tests[file].add(report.nodeid)
    if sum(map(len, tests.values())) < _WORTH_SHOWING:
        return []
    slowest = sorted(seconds, key=lambda file: -seconds[file])[:SHOWN]
    return [f"{seconds[file]:7.1f} s {len(tests[file]):5} tests  {file}" for file in slowest]
