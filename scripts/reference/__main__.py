"""Writes the generated pages of ``docs/``: ``python -m scripts.reference [--check]``.

With ``--check`` nothing is written, and a page that is out of date is an error.
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from scripts.reference import connect, doctor, events, metrics, sections, settings, specs

#: Each generated page, and the function that returns its text.
PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "audit/sections.md": sections.page,
    "events.md": events.page,
    "operations/doctor.md": doctor.page,
    "operations/metrics.md": metrics.page,
    "settings.md": settings.page,
    "specs.md": specs.page,
    **connect.pages(),
}


def main(arguments: list[str], folder: Path = Path("docs")) -> int:
    """Write the pages into ``folder``, or with ``--check`` compare them. Return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m scripts.reference", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a page is out of date")
    check = parser.parse_args(arguments).check
    behind = [name for name, page in PAGES.items() if not _up_to_date(folder / name, page())]
    stray = [file for file in (folder / connect.FOLDER).glob("*.md") if _name(file) not in PAGES]
    if not check:
        for name in behind:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(PAGES[name](), "utf-8")
        for file in stray:
            file.unlink()
        return 0
    for name in behind:
        sys.stderr.write(f"{folder / name} is out of date: run make docs\n")
    for file in stray:
        sys.stderr.write(f"{file} no longer has a recipe: run make docs\n")
    return 1 if behind or stray else 0


def _name(file: Path) -> str:
    """The name of a page of ``docs/connect/`` in ``PAGES``."""
    return f"{connect.FOLDER}/{file.name}"


def _up_to_date(file: Path, text: str) -> bool:
    return file.is_file() and file.read_text("utf-8") == text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
