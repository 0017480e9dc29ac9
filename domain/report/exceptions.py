"""Findings that stand on a figure: what somebody should look at, and the same positions."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from domain.report.model import Figure, Finding, Severity


class Rule(NamedTuple):
    """If there is anything behind the figure of this id, that is an exception. ``text`` may hold ``{value}``."""

    figure_id: str
    severity: Severity
    text: str


def findings_of(figures: Iterable[Figure], rules: Iterable[Rule]) -> Iterator[Finding]:
    """The exceptions that rules find. The id of each is that of its figure, with ``_found`` behind it."""
    by_id = {figure.id: figure for figure in figures}
    for figure_id, severity, text in rules:
        figure = by_id[figure_id]
        if figure.positions.count:
            yield Finding(f"{figure_id}_found", severity, text.format(value=figure.value), figure.positions)
