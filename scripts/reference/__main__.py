"""Writes the generated pages of ``docs/``, and the chart's list of settings: ``python -m scripts.reference [--check]``.

With ``--check`` nothing is written, and a page that is out of date is an error.
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from scripts.reference import chart, connect, doctor, events, metrics, sections, settings, specs

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

_DOCS: Final = Path("docs")
#: Generated files elsewhere, which go with the pages of ``docs/``.
BESIDE: Final[Mapping[Path, Callable[[], str]]] = {chart.FILE: chart.schema}


def main(arguments: list[str], folder: Path = _DOCS) -> int:
    """Write the pages into ``folder``, or with ``--check`` compare them. Return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m scripts.reference", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a page is out of date")
    check = parser.parse_args(arguments).check
    beside = dict(BESIDE) if folder == _DOCS else {}
    files = {folder / name: page for name, page in PAGES.items()} | beside
    behind = [file for file, text in files.items() if not _up_to_date(file, text())]
    stray = [file for file in (folder / connect.FOLDER).glob("*.md") if _name(file) not in PAGES]
    if not check:
        for file in behind:
            file.parent.mkdir(exist_ok=True)
            file.write_text(files[file](), "utf-8")
        for file in stray:
            file.unlink()
        return 0
    for file in behind:
        sys.stderr.write(f"{file} is out of date: run make docs\n")
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
