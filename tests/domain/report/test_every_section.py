"""What holds for every section, whatever is in the log."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from authrim.store import codec
from authrim.store.codec import REGISTRIES
from domain.log_entry import LogEntry, Metadata
from domain.report.model import Section
from domain.report.section import SectionFold
from domain.report.sections import SECTIONS
from domain.report.trails import Trails
from domain.stream import DEFAULT_TENANT, StreamId
from domain.units import MICROSECONDS
from tests.domain.report.folding import BEGIN, told

#: Figures of all events of the log, whatever they are.
_OF_ALL = {"log_integrity.events", "log_integrity.batches", "log_integrity.chain"}
#: What no figure is made of, and why nobody misses it.
NOT_SHOWN = {
    "grant.summarized.v1": "it says again what other events said, so that a long stream can be read from its middle",
}
GOLDEN = json.loads((Path(__file__).parents[1] / "golden_events.json").read_text("utf-8"))
Make = Callable[[Trails], SectionFold]
_TRAILS = Trails(lambda _id, _part: None)


def _first_fields(tag: str, event_class: type[msgspec.Struct]) -> bytes:
    """The event as its first version wrote it: with the fields that every reader needs, and no later one."""
    needed = {field.name for field in msgspec.structs.fields(event_class) if field.required}
    kept = {name: value for name, value in GOLDEN[tag].items() if name in needed or name == "type"}
    return json.dumps(kept).encode()


def _entries(position: int, *, old: bool) -> list[LogEntry]:
    """One event of each type."""
    found = []
    for kind, registry in REGISTRIES.items():
        for tag, event_class in registry.items():
            payload = _first_fields(tag, event_class) if old else json.dumps(GOLDEN[tag]).encode()
            stream = StreamId(DEFAULT_TENANT, kind, "one")
            metadata = Metadata() if old else Metadata(actor="admin", operator="uid 1000", client_id="one")
            event = codec.decode(kind, tag, payload)
            at = (BEGIN + position) * MICROSECONDS
            found.append(LogEntry(position, stream, 1, tag, event, metadata, at))
            position += 1
    return found


def _all_kinds(make: Make) -> Section:
    """A section of a log with every type of event: before the period, and in it."""
    before, during = _entries(1, old=True), _entries(1001, old=False)
    return told(make, before, [*during, *_entries(2001, old=True)]).section


@pytest.mark.parametrize("make", SECTIONS)
def test_events_of_every_age_are_read(make: Make) -> None:
    """No event that was ever released stops a section, with all of its fields or with the first ones alone; each figure
    says in sentences what it means, and one that counts events has as many as it says."""
    section = _all_kinds(make)
    assert section.intro.endswith(".")
    assert section.cannot_show
    for figure in section.figures:
        assert figure.id.startswith(f"{section.id}.")
        assert figure.label, figure.id
        assert figure.meaning.endswith("."), figure.id
        assert figure.query.startswith("authrim "), figure.id
        assert not figure.counts or figure.value == figure.positions.count, figure.id
    for table in section.tables:
        assert all(len(row) == len(table.columns) for row in table.rows), table.id
    for finding in section.findings:
        assert finding.text.endswith("."), finding.id


def test_every_type_of_event_is_behind_a_figure() -> None:
    """Each type of event that there is, happening in the period, is behind a figure of a section, or is named here with
    the reason why nobody who reads a report needs it."""
    unshown, before = set(), list[LogEntry]()
    for one in _entries(1, old=False):
        # Types are in an order in which they can happen to one thing.
        if not _is_behind_a_figure(one, [earlier for earlier in before if earlier.stream == one.stream]):
            unshown.add(one.type)
        before.append(one)
    assert unshown == NOT_SHOWN.keys()


def _is_behind_a_figure(one: LogEntry, before: list[LogEntry]) -> bool:
    sections = (told(make, before, [one]).section for make in SECTIONS if one.type in make(_TRAILS).wants)
    return any(
        figure.positions.last == one.position
        for section in sections
        for figure in section.figures
        if figure.id not in _OF_ALL
    )


def test_no_two_things_share_an_id() -> None:
    """Figures, tables, series and findings of all sections have names of their own: each is a file."""
    sections = [_all_kinds(make) for make in SECTIONS]
    for kind in ("figures", "tables", "series", "findings"):
        ids = Counter(one.id for section in sections for one in getattr(section, kind))
        assert [name for name, times in ids.items() if times > 1] == []


def test_no_two_figures_have_the_same_name() -> None:
    """A control shows figures of several sections beside each other, so each has a name that no other has."""
    names = Counter(figure.label for make in SECTIONS for figure in told(make, [], []).section.figures)
    assert [name for name, times in names.items() if times > 1] == []
