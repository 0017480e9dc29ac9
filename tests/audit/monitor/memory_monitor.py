"""The monitor over a log in memory: what a store does for it, with mappings in place of tables."""

from collections.abc import Mapping
from typing import Any

from authrim.core.execute import Change, append_of
from authrim.store.contract import StoredEvent
from domain.event import Event
from domain.stream import parse
from projections.inline import STATE_PROJECTIONS
from projections.monitor.page import check_page
from projections.monitor.questions import Answers, Checked, LogRow, Question, States, Streams
from projections.monitor.rules import Breach
from projections.rows import key_range
from projections.tables import TOKENS
from tests.audit.past.memory_log import MemoryLog
from tests.domain.grant_samples import ISSUER


def seen(event: StoredEvent) -> LogRow:
    """What the monitor reads of a row of the log."""
    return LogRow(*event[:5], event.recorded_at)


class MemoryMonitor:
    """A monitor with its rows. ``asked``: how many streams were read again."""

    def __init__(self, log: MemoryLog) -> None:
        self.log = log
        self.rows: dict[str, str] = {}
        self.breaches: dict[str, Breach] = {}
        self.position = 0
        self.asked = 0

    def run(self, page: int = 500) -> list[Breach]:
        """Follow to the end of the log; what was found broken that was not known."""
        found: list[Breach] = []
        while self.position < len(self.log.log):
            events = [seen(one) for one in self.log.log[self.position : self.position + page]]
            checked = self._checked(check_page(events, ISSUER, complete=len(events) < page))
            self.position = events[-1].position
            self.rows.update({stream: document for stream, document, _ in checked.puts})
            for stream in checked.drops:
                del self.rows[stream]
            new = [one for one in checked.breaches if one.id not in self.breaches]
            self.breaches.update({one.id: one for one in new})
            found += new
        return found

    def _checked(self, check: Answers) -> Checked:
        try:
            question = next(check)
            while True:
                question = check.send(self._answer(question))
        except StopIteration as done:
            checked: Checked = done.value
            return checked

    def _answer(self, question: Question) -> Any:
        match question:
            case States():
                return {stream: self.rows[stream] for stream in question.streams if stream in self.rows}
            case Streams():
                self.asked += len(question.streams)
                streams = [self.log.streams.get(stream, []) for stream in question.streams]
                return [seen(one) for stream in streams for one in stream if one.position < question.before]
            case _:
                return [key for wanted in question.keys for key in self._active(wanted)]

    def _active(self, wanted: str) -> list[str]:
        first, before = key_range(wanted)
        tokens: Mapping[str, Any] = self.log.tables[TOKENS.name]
        return [key for key, row in tokens.items() if first <= key < before and row["revoked_at"] is None]


async def write(log: MemoryLog, stream: str, *events: Event) -> None:
    """Append to a stream, whatever any rule says, with the rows that a server writes."""
    known = log.streams.get(stream, [])
    projection = STATE_PROJECTIONS.get(parse(stream).kind)
    change = Change(stream, len(known), events, None if projection is None else projection.empty)
    await log.append(append_of((change,), b'{"tenant":"default"}'))
