"""Lists as text that fits 80 columns, whatever the values are.

A list is a table as long as it fits, with cells wrapped between words where that helps. Otherwise each thing is a block
of lines. An id is never cut or broken, because people copy it: only a line with nothing but such a word may be longer.
"""

from collections.abc import Sequence
from textwrap import wrap
from typing import Final

from rich.cells import cell_len
from rich.text import Text

WIDTH: Final = 80
_GAP: Final = "  "


def list_text(columns: Sequence[str], lines: Sequence[Sequence[str]]) -> Text:
    """The cells under the names of the columns, or as blocks where no table fits."""
    natural = [max(map(cell_len, cells)) for cells in zip(columns, *lines, strict=True)]
    least = [
        max(cell_len(word) for cell in cells for word in cell.split() or [""])
        for cells in zip(columns, *lines, strict=True)
    ]
    room = WIDTH - len(_GAP) * (len(columns) - 1)
    if sum(least) > room:
        return _blocks(columns, lines)
    return _table(columns, lines, _widths(natural, least, room))


def _widths(natural: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Each column's width: what it needs at least, and from the left as much more as it can use."""
    spare = room - sum(least)
    widths = []
    for wanted, needed in zip(natural, least, strict=True):
        more = min(wanted - needed, spare)
        widths.append(needed + more)
        spare -= more
    return widths


def _table(columns: Sequence[str], lines: Sequence[Sequence[str]], widths: Sequence[int]) -> Text:
    text = Text()
    for cells, style in ((columns, "bold"), *((line, "") for line in lines)):
        wrapped = [_wrapped(cell, width) for cell, width in zip(cells, widths, strict=True)]
        for number in range(max(map(len, wrapped))):
            parts = (part[number] if number < len(part) else "" for part in wrapped)
            padded = (
                part + " " * (width - cell_len(part)) for part, width in zip(parts, widths, strict=True)
            )
            text.append(_GAP.join(padded).rstrip() + "\n", style)
    return text


def _blocks(columns: Sequence[str], lines: Sequence[Sequence[str]]) -> Text:
    """One block per thing: what it is called by, and below it the other columns by name."""
    text = Text()
    indent = _GAP + " " * (max(map(cell_len, columns)) + len(_GAP))
    for first, *others in lines:
        for part in _wrapped(first, WIDTH):
            text.append(part + "\n", "bold")
        for column, cell in zip(columns[1:], others, strict=True):
            name = f"{_GAP}{column}".ljust(len(indent))
            parts = _wrapped(cell, WIDTH - len(indent))
            if cell_len(max(parts, key=cell_len)) > WIDTH - len(indent):  # a long word has a line of its own
                parts = ["", *_wrapped(cell, WIDTH)]
                text.append(name.rstrip() + "\n" + "\n".join(parts[1:]) + "\n")
                continue
            text.append(name + f"\n{indent}".join(parts) + "\n")
    return text


def _wrapped(cell: str, width: int) -> list[str]:
    """A cell between words; of letters that are two columns wide, half as many on a line."""
    letters = max(1, width if cell_len(cell) == len(cell) else width // 2)
    return wrap(cell, letters, break_long_words=False, break_on_hyphens=False) or [""]
