"""Writes into the rules of ``docs/rules/`` which tests prove them: ``python -m scripts.rules [--check]``.

With ``--check`` nothing is written. Errors are then: a page that is out of date, a number that no rule has, and a rule
of a finished feature that no test names.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Final

from scripts.rules.numbers import ends_of_ranges
from scripts.rules.pages import Proof, Rule, filled, rules
from scripts.rules.proofs import proofs

#: The folders and kinds of files that cite numbers. Generated files only repeat what is read here.
_CITING: Final = ("authrim", "domain", "projections", "migrations", "scripts", "tests", "bench", "docs")
_SUFFIXES: Final = {".py", ".sql", ".js", ".md", ".html", ".toml"}


def main(arguments: list[str], root: Path = Path()) -> int:
    """Write the tests into the pages, or with ``--check`` print what is wrong. Return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m scripts.rules", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when something is wrong")
    check = parser.parse_args(arguments).check
    pages = {
        file.relative_to(root): file.read_text("utf-8")
        for file in sorted((root / "docs/rules").rglob("*.md"))
    }
    known, tests = [rule for text in pages.values() for rule in rules(text)], proofs(root)
    behind = []
    for page, text in pages.items():
        if (written := filled(text, page, tests)) != text:
            behind.append(f"{page} is out of date: run make docs")
            if not check:
                (root / page).write_text(written, "utf-8")
    if not check:
        return 0
    wrong = [*behind, *_unknown(root, known), *_unproved(known, tests)]
    sys.stderr.writelines(f"{line}\n" for line in wrong)
    return 1 if wrong else 0


def _unknown(root: Path, known: Sequence[Rule]) -> Iterator[str]:
    numbers = {rule.number for rule in known}
    yield from (f"docs/rules has two rules {number}" for number in sorted(_twice(known)))
    for file in sorted(chain.from_iterable((root / folder).rglob("*") for folder in _CITING)):
        if file.suffix in _SUFFIXES and "node_modules" not in file.parts:
            for number in sorted(ends_of_ranges(file.read_text("utf-8")) - numbers):
                yield f"{file.relative_to(root)} cites {number}, which is not a rule in docs/rules"


def _twice(known: Sequence[Rule]) -> set[str]:
    seen = [rule.number for rule in known]
    return {number for number in seen if seen.count(number) > 1}


def _unproved(known: Sequence[Rule], tests: Mapping[str, Sequence[Proof]]) -> Iterator[str]:
    for rule in known:
        proved = any(number in tests for number in (rule.number, *rule.proved_by))
        if rule.built and not proved:
            yield f"{rule.number} is built, but no test cites it"
        if not rule.built and rule.number in tests:
            yield f'{rule.number} has tests, but says "Not built yet."'


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
