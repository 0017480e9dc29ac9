"""The section on scheduled evidence: given events, its figures."""

from domain.evidence import EvidenceFailed, EvidenceScheduled, EvidenceWritten
from domain.report.sections.evidence import ScheduledEvidence
from tests.domain.report.folding import BEGIN, entry, told


def test_what_was_written_and_what_was_not() -> None:
    """A failure is over when something was written after it, or when nobody asks for it any more."""
    before = [
        entry(1, "audit:a", EvidenceScheduled("daily", "0 3 * * *", BEGIN)),
        entry(2, "audit:b", EvidenceScheduled("weekly", "0 3 * * 1", BEGIN)),
        entry(3, "audit:c", EvidenceScheduled("old", "0 3 * * 2", BEGIN)),
        entry(4, "audit:c", EvidenceFailed("old", BEGIN, BEGIN, "folder", 1, BEGIN + 60)),
    ]
    during = [
        entry(5, "audit:a", EvidenceFailed("daily", BEGIN, BEGIN, "folder", 1, BEGIN + 60)),
        entry(
            6, "audit:a", EvidenceWritten("daily", BEGIN, BEGIN + 60, "2026-07-01", 1, 4, "abc", skipped=2)
        ),
        entry(7, "audit:b", EvidenceFailed("weekly", BEGIN, BEGIN, "command", 1, BEGIN + 60)),
        entry(8, "audit:c", EvidenceScheduled("old", "", BEGIN)),
        entry(9, "audit:a", EvidenceWritten("daily", BEGIN, BEGIN + 60)),
    ]
    said = told(ScheduledEvidence, before, during)
    assert said.positions("evidence.scheduled") == "1-2"
    assert said.positions("evidence.written") == "6"
    assert said.positions("evidence.empty") == "9"
    assert said.positions("evidence.failed") == "5,7"
    assert said.positions("evidence.failing") == "7"
    assert said.values["evidence.skipped"] == 2
    assert said.rows("evidence.schedules") == [("daily", "0 3 * * *"), ("weekly", "0 3 * * 1")]
    assert {one.id for one in said.section.findings} == {"evidence.failing_found", "evidence.skipped_found"}
