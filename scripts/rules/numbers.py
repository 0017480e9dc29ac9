"""Finds the numbers of rules in tests, comments and pages: ``A045``, ``F01 to F03``, ``decisions 4 and 16``."""

import re
from typing import Final

_ROW: Final = r"\b([AF])(\d{2,3})\b"
_CITED: Final = re.compile(rf"{_ROW}(?: (?:to|-|–) (?:\1)?(\d{{2,3}})\b)?")
_DECISIONS: Final = re.compile(r"\b[Dd]ecisions?(?:\.md)?,? ((?:\d+(?:, | and | to )?)+)")
_DIGITS: Final = {"A": 3, "F": 2}


def cited(text: str, *, ranges: bool = True) -> frozenset[str]:
    """The numbers that ``text`` cites. Without ``ranges``, a range such as ``F01 to F03`` counts for none of its
    numbers."""
    found = set[str]()
    for match in _CITED.finditer(text):
        letter, first, last = match.groups()
        if len(first) != _DIGITS[letter]:
            continue
        if last is None:
            found.add(letter + first)
        elif ranges:
            found |= {f"{letter}{number:0{len(first)}}" for number in range(int(first), int(last) + 1)}
    return frozenset(found | _decisions(text))


def ends_of_ranges(text: str) -> frozenset[str]:
    """Every number that is written out, including both ends of a range. Each must be the number of a rule."""
    single = {m[1] + m[2] for m in re.finditer(_ROW, text) if len(m[2]) == _DIGITS[m[1]]}
    return frozenset(single | _decisions(text))


def _decisions(text: str) -> set[str]:
    found = set[str]()
    for match in _DECISIONS.finditer(text):
        for part in re.split(r", | and ", match[1]):
            first, _, last = part.strip().partition(" to ")
            if first:
                found |= {str(number) for number in range(int(first), int(last or first) + 1)}
    return found
