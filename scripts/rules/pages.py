"""A page of rules. Each rule has a heading with its number, the requirement, the reason, and a generated list of
tests."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

_HEADING: Final = re.compile(r"^### ([AF]?\d+)$", re.MULTILINE)
_NOT_BUILT: Final = "Not built yet."
_TESTS: Final = "Tests:"
_REFERENCE: Final = re.compile(r"\[([AF]\d+)\]\(([^)]+)\)")


class Rule(NamedTuple):
    """One rule: whether its feature is finished, and which other rules prove it too (for decisions)."""

    number: str
    built: bool
    proved_by: tuple[str, ...]


class Proof(NamedTuple):
    """A test that cites a rule; an empty ``test`` means the whole file."""

    file: Path
    test: str


def rules(text: str) -> Iterator[Rule]:
    """The rules of a page, in order."""
    for number, body in _rows(text):
        references = tuple(match[1] for match in _REFERENCE.finditer(body) if "Rows:" in body)
        yield Rule(number, _NOT_BUILT not in body, references)


def filled(text: str, page: Path, proofs: Mapping[str, Sequence[Proof]]) -> str:
    """The page with the current tests of each rule."""
    first = _HEADING.search(text)
    if first is None:
        return text
    parts = [text[: first.start()].rstrip("\n") + "\n"]
    for number, body in _rows(text):
        written, _, following = _without_tests(body)
        parts.append(f"\n### {number}\n\n{written}\n")
        if tests := _tests(page, proofs.get(number, ())):
            parts.append(f"\n{tests}\n")
        if following:
            parts.append(f"\n{following}\n")
    return "".join(parts)


def _rows(text: str) -> Iterator[tuple[str, str]]:
    headings = list(_HEADING.finditer(text))
    for heading, following in zip(headings, [*headings, None][1:], strict=True):
        yield heading[1], text[heading.end() : following.start() if following else len(text)].strip("\n")


def _without_tests(body: str) -> tuple[str, str, str]:
    """Split a rule into its hand-written text, the generated part, and the title of a section that follows."""
    body, mark, section = body.partition("\n## ")
    written, tests, generated = body.partition(f"\n{_TESTS}\n")
    return written.rstrip("\n"), tests + generated, (mark + section).strip("\n")


def _tests(page: Path, proofs: Sequence[Proof]) -> str:
    named: dict[Path, list[str]] = {}
    for file, test in sorted(set(proofs)):
        named.setdefault(file, [])
        named[file] += [f"`{test}`"] if test else []
    up = "../" * len(page.parent.parts)
    lines = [
        f"- [{file}]({up}{file})" + (": " + ", ".join(names) if names else "")
        for file, names in named.items()
    ]
    return f"{_TESTS}\n\n" + "\n".join(lines) if lines else ""
