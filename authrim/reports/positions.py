"""The files with the positions behind the figures of a report: written while the log is read, and read again."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from domain.report.model import POSITIONS

#: Bytes that are held back of one file, so that it is not opened for every event, and of all files together.
_HELD: Final = 16 << 10
_HELD_OF_ALL: Final = 1 << 20
_PIECE: Final = 64 << 10
#: No range is longer: two positions of 19 digits.
_LONGEST_RANGE: Final = 39


class Range(NamedTuple):
    """Positions from one to another, both included."""

    first: int
    last: int


class PositionFiles:
    """Writes positions into a folder, many files at once, with few of them open."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / POSITIONS
        self._folder.mkdir(mode=0o700)
        self._held: dict[str, bytearray] = {}
        self._held_of_all = 0

    def emit(self, trail_id: str, part: bytes) -> None:
        """Add to a file."""
        held = self._held.setdefault(trail_id, bytearray())
        held += part
        self._held_of_all += len(part)
        if len(held) > _HELD:
            self._write(trail_id, held)
        elif self._held_of_all > _HELD_OF_ALL:
            for name, other in self._held.items():
                if other:
                    self._write(name, other)

    def complete(self, shown: Collection[str]) -> None:
        """Write what is held back. What was noted for no figure in the end is not kept."""
        for trail_id, held in self._held.items():
            if trail_id in shown:
                self._write(trail_id, held)
            else:
                self._path(trail_id).unlink(missing_ok=True)

    def _write(self, trail_id: str, held: bytearray) -> None:
        with self._path(trail_id).open("ab") as file:
            file.write(held)
        self._held_of_all -= len(held)
        held.clear()

    def _path(self, trail_id: str) -> Path:
        return self._folder / f"{trail_id}.txt"


class BrokenPositions(ValueError):
    """A file does not have the form of positions."""


def read_positions(path: Path) -> Iterator[Range]:
    """The ranges in a file, in order, each behind the one before. Raises BrokenPositions, OSError."""
    last = 0
    for text in _parts(path):
        digits = text.split("-")
        if len(digits) > 2 or not all(part.isdigit() and part == str(int(part)) for part in digits):
            raise BrokenPositions(f"{text[:_LONGEST_RANGE]!r} is no range of positions")
        found = Range(int(digits[0]), int(digits[-1]))
        if found.first <= last or (len(digits) == 2 and found.last <= found.first):
            raise BrokenPositions(f"{text!r} is not behind the range before")
        last = found.last
        yield found


def _parts(path: Path) -> Iterator[str]:
    """The text between the commas, without the line end."""
    with path.open("r", encoding="ascii", errors="replace", newline="") as file:
        rest = ""
        while piece := file.read(_PIECE):
            *whole, rest = (rest + piece).split(",")
            yield from whole
            if len(rest) > _LONGEST_RANGE + 1:
                raise BrokenPositions("a range is too long")
    if not rest.endswith("\n"):
        raise BrokenPositions("the file does not end with a line end")
    if rest != "\n":
        yield rest[:-1]
