"""Figures that are computed from others, such as a share or a median: they stand on the positions of one of them."""

from collections import Counter

import msgspec

from domain.report.model import Figure, Value


def derived(source: Figure, figure_id: str, label: str, value: tuple[Value, str], meaning: str) -> Figure:
    """A figure with its own value and unit, and the positions of another one."""
    number, unit = value
    return msgspec.structs.replace(
        source, id=figure_id, label=label, value=number, unit=unit, meaning=meaning, counts=False
    )


def median(counts: Counter[int]) -> int:
    """The lower median of counted values, 0 of none."""
    seen, half = 0, (sum(counts.values()) + 1) // 2
    for value in sorted(counts):
        seen += counts[value]
        if seen >= half:
            return value
    return 0
