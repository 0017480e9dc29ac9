"""Refuses "one query a request" where "one query per request" is meant, and phrases that readers stumble over:
``python -m scripts.english``.

It reads prose, comments, docstrings and messages, also across the ends of lines. Both nouns are from closed lists, so
ordinary sentences ("which one a request gets", "once a minute") pass.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

FOLDERS: Final = ("authrim", "domain", "projections", "migrations", "scripts", "bench", "tests", "docs")
SUFFIXES: Final = {".py", ".md", ".sql", ".sh"}
#: Files that quote what is refused.
QUOTING: Final = {"scripts/english.py", "tests/scripts/test_english.py", "CONTRIBUTING.md"}
#: An applied migration is never edited, not even its comments: its digest is in the database.
APPLIED: Final = re.compile(r"\d{4}_")

_COUNT = r"(?:an?|one|two|three|each|\d+)"
_COUNTED = (
    r"(?:append|call|commit|connection|cookie|entry|event|fetch|file|hash|key|line|process|query|row|task|thread"
    r"|token|transaction)"
)
_KIND = r"(?:access|browser|client|initial|opaque|public|refresh|registration|single)"
_UNIT = (
    r"(?:account|append|batch|browser|call|client|commit|connection|event|fetch|file|grant|line|node|page|person|process"
    r"|query|read|request|row|session|sign-in|stream|tenant|token|user)"
)
_COMMENT_MARKS: Final = ("#", "#:", "--")
_GAP = r"(?:\s+(?:#:?|--)?\s*)"
PER: Final = re.compile(
    rf"\b{_COUNT}{_GAP}{_COUNTED}(?:e?s)?{_GAP}an?{_GAP}(?:{_KIND}{_GAP})?{_UNIT}\b", re.IGNORECASE
)
#: Phrases that sound translated or archaic, and what to write in their place.
PHRASES: Final[Mapping[str, str]] = {
    "anew": "again",
    "can be had": "is available",
    "cannot be had": "is not available",
    "for ever": "forever",
    "in vain": "without effect",
    "says nothing new": "has no effect",
}
_PHRASE: Final = re.compile(
    rf"\b(?:{'|'.join(phrase.replace(' ', _GAP) for phrase in PHRASES)})\b", re.IGNORECASE
)


def findings(text: str) -> Iterator[tuple[int, str, str]]:
    """The line and the words of each finding in a text, and what to write in their place."""
    for match in PER.finditer(text):
        yield _line(match), " ".join(match.group().split()), '"per" in place of the second article'
    for match in _PHRASE.finditer(text):
        words = " ".join(word for word in match.group().split() if word not in _COMMENT_MARKS)
        yield _line(match), words, f'"{PHRASES[words.lower()]}"'


def _line(match: re.Match[str]) -> int:
    return match.string.count("\n", 0, match.start()) + 1


def problems(root: Path) -> Iterator[str]:
    """The findings in the files of the repository, one sentence per place."""
    files = [file for name in FOLDERS for file in sorted((root / name).rglob("*")) if file.suffix in SUFFIXES]
    for file in (*sorted(root.glob("*.md")), *files):
        place = file.relative_to(root)
        applied = place.parts[0] == "migrations" and APPLIED.match(file.name)
        if applied or "node_modules" in place.parts or place.as_posix() in QUOTING:
            continue
        for line, words, instead in findings(file.read_text("utf-8")):
            yield f'{place}:{line}: "{words}": write {instead}'


def main() -> int:
    """Print the findings, and return the exit code."""
    found = list(problems(Path.cwd()))
    for problem in found:
        sys.stderr.write(problem + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
