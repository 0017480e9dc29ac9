"""Counts of events by kind: a figure for all of them, one for each kind, and a table."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from domain.incident import incident_of
from domain.report.model import Figure, Table
from domain.report.trails import Trails, slug
from domain.vocabulary import causes, protocol_words

#: More kinds than these are one: nobody reads so many figures, and words of the log may be anything.
_MOST: Final = 60
_OTHER: Final = "other"
#: The kind of what an older version did not record.
NOT_RECORDED: Final = "not_recorded"
_WORD: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")


def cause_word(reason: str) -> str:
    """The kind of a reason. What somebody wrote in words is one kind, and so are all incidents."""
    if incident_of(reason) is not None:
        return "incident"
    return reason if _WORD.fullmatch(reason) else "given_in_words"


class Words(NamedTuple):
    """A kind in a title, and in a sentence."""

    title: str
    sentence: str


def as_it_is(kind: str) -> Words:
    """A word of a specification, which speaks for itself."""
    return Words(kind, kind)


def as_rule(kind: str) -> Words:
    """The name of a rule of ours, which a page explains."""
    return Words(causes.short(kind), kind)


def as_cause(kind: str) -> Words:
    """A word of ours for a cause."""
    return Words(causes.short(kind), causes.explained(kind))


def as_error(kind: str) -> Words:
    """An error of a specification."""
    return Words(kind, protocol_words.with_meaning(kind, protocol_words.ERRORS))


def as_method(kind: str) -> Words:
    """A way in which clients authenticate."""
    if kind == NOT_RECORDED:
        return Words(causes.short(kind), causes.short(kind))
    return Words(kind, protocol_words.with_meaning(kind, protocol_words.METHODS))


class Kinds:
    """Counts with the positions of what is counted. ``whole`` is the id of the figure for all, ``part`` what the ids
    of the kinds begin with. ``words``: how people are told of a kind."""

    def __init__(
        self, trails: Trails, whole: str, part: str, words: Callable[[str], Words] = as_it_is
    ) -> None:
        self._trails = trails
        self._words = words
        self._whole, self._part = whole, part
        self._counts: Counter[str] = Counter()
        self._ids: dict[str, str] = {}

    def add(self, position: int, kind: str) -> None:
        """Count an event of a kind."""
        trail_id = self._ids.get(kind)
        if trail_id is None:
            if len(self._ids) >= _MOST:
                kind = _OTHER
            trail_id = self._ids[kind] = f"{self._part}.{slug(kind)}"
        self._counts[kind] += 1
        self._trails.of(self._whole).add(position)
        self._trails.of(trail_id).add(position)

    def figures(self, label: tuple[str, str], meaning: tuple[str, str], unit: str) -> Iterator[Figure]:
        """The figure for all, and those of the kinds in their order. ``label`` and ``meaning`` are of all and of one
        kind, which stands for ``{}``."""
        yield self._trails.of(self._whole).figure(label[0], meaning[0], unit=unit)
        shown: set[str] = set()
        for kind in sorted(self._counts):
            trail_id = self._ids[kind]
            if trail_id not in shown:  # two kinds may have the same id
                shown.add(trail_id)
                title, sentence = self._words(kind)
                text = label[1].format(title), meaning[1].format(sentence)
                yield self._trails.of(trail_id).figure(*text, unit=unit)

    def table(self, table_id: str, title: str, column: str) -> Table:
        """The kinds, the most frequent first."""
        counted = sorted(self._counts.items(), key=lambda row: (-row[1], row[0]))
        rows = tuple((self._words(kind).title, count) for kind, count in counted)
        return Table(table_id, title, (column, "Count"), rows)
