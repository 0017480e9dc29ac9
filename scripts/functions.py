"""Counts the texts of PostgreSQL's functions: ``python -m scripts.functions [--check]``.

Writes ``migrations/functions/revisions.json``, by which an installed function is known to be older or newer
(``authrim/store/postgres/functions.py``). A text that changed gets the next revision. Other arguments make another
function, which does not serve the callers of the one before: ``since`` is its own revision then. With ``--check``
nothing is written, and a text that was not counted is an error.
"""

import argparse
import re
import sys
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec

from authrim.store.postgres import functions

FILE: Final = Path("migrations/functions/revisions.json")

Counted = Mapping[str, Mapping[str, Any]]


def main(arguments: list[str], file: Path = FILE) -> int:
    """Write the file, or with ``--check`` compare it. Return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m scripts.functions", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail when a text was not counted"
    )
    check = parser.parse_args(arguments).check
    before: Counted = msgspec.json.decode(file.read_bytes()) if file.exists() else {}
    now = counted(before, functions.NAMES, functions.text)
    if not check:
        file.write_bytes(msgspec.json.format(msgspec.json.encode(now), indent=2) + b"\n")
    elif now != before:
        sys.stderr.write(f"{file} is out of date: run make docs\n")
        return 1
    return 0


def counted(before: Counted, names: tuple[str, ...], text: Callable[[str], str]) -> Counted:
    """The revisions of the texts, after those that were counted before."""
    return {name: _counted(before.get(name), name, text(name)) for name in names}


def _counted(before: Mapping[str, Any] | None, name: str, sql: str) -> Mapping[str, Any]:
    found = {"arguments": _arguments(name, sql), "digest": "sha256:" + sha256(sql.encode()).hexdigest()}
    if before is None:
        return {"revision": 1, "since": 1, **found}
    if before["digest"] == found["digest"]:
        return before
    revision = before["revision"] + 1
    since = before["since"] if before["arguments"] == found["arguments"] else revision
    return {"revision": revision, "since": since, **found}


def _arguments(name: str, sql: str) -> str:
    """What the function takes and gives, without comments and line ends."""
    found = re.search(rf"FUNCTION {name}\((.*?)^\)|FUNCTION {name}\((.*?)\)\n", sql, re.DOTALL | re.MULTILINE)
    assert found is not None
    return " ".join(re.sub(r"--.*", "", found[1] or found[2]).split())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
