"""The section on the log itself: given events and what was proved, its figures and findings."""

from domain.log_events import CheckpointKeyCreated, CheckpointSigned, RollbackAccepted
from domain.monitor_events import RuleBreakAcknowledged, RuleBroken
from domain.report.section import Integrity
from domain.report.sections.log_integrity import LogIntegrity
from domain.units import MICROSECONDS
from tests.domain.report.folding import BEGIN, entry, told

PROVED = Integrity(4, 2, "aa", "bb", 5 * MICROSECONDS, 11, ((BEGIN * MICROSECONDS, 4),), (12,), whole=True)


def test_what_was_proved_is_told() -> None:
    """The chain, the pauses and the days without events come from what was read; events that could not be read are a
    finding."""
    during = [
        entry(10, "log:k", CheckpointKeyCreated("k", BEGIN)),
        entry(13, "log:c", CheckpointSigned(11, "", 1)),
    ]
    said = told(LogIntegrity, [], during, days=3, integrity=PROVED)
    assert said.values["log_integrity.events"] == 4
    assert said.positions("log_integrity.events") == "10-13"
    assert said.values["log_integrity.batches"] == 2
    assert said.values["log_integrity.chain"] == "bb"
    assert said.values["log_integrity.pause"] == 5
    assert said.positions("log_integrity.pause") == "11"
    assert said.values["log_integrity.empty_days"] == 2
    assert said.values["log_integrity.uncovered"] == 2
    assert said.positions("log_integrity.unreadable") == "12"
    assert said.finding("log_integrity.unreadable") is not None


def test_checkpoints_and_their_witnesses() -> None:
    """Checkpoints are counted with and without a witness, and the longest wait for one is measured."""
    before = [entry(1, "log:c", CheckpointSigned(1, "", 1), after=-60)]
    during = [
        entry(2, "log:d", CheckpointSigned(1, "", 1, ("north", "south")), after=40),
        entry(3, "log:e", CheckpointSigned(2, "", 1, ("north",)), after=50),
        entry(4, "log:f", CheckpointSigned(3, "", 1), after=60),
    ]
    said = told(LogIntegrity, before, during)
    assert said.values["log_integrity.checkpoints"] == 3
    assert said.positions("log_integrity.witnessed") == "2-3"
    assert (said.values["log_integrity.longest_wait"], said.positions("log_integrity.longest_wait")) == (
        100,
        "2",
    )
    assert [row[:2] for row in said.rows("log_integrity.witnesses")] == [
        ("none", 1),
        ("north", 2),
        ("south", 1),
    ]


def test_breaches_and_rollbacks_are_findings() -> None:
    """A broken rule is a finding until somebody looked into it, from whatever time it is; so is an older log."""
    before = [
        entry(1, "audit:a", RuleBroken("code_redeemed_once", "grant:g", (1,), 1)),
        entry(2, "audit:b", RuleBroken("code_redeemed_once", "grant:g", (1,), 1)),
    ]
    during = [
        entry(3, "audit:b", RuleBreakAcknowledged(1, "a bug")),
        entry(4, "audit:c", RuleBroken("scope_wider", "grant:g", (1,), 1)),
        entry(5, "log:rollbacks", RollbackAccepted(3, 9, "state_file", "disk", 1)),
    ]
    said = told(LogIntegrity, before, during)
    assert said.values["log_integrity.breaches"] == 1
    assert said.rows("log_integrity.rules") == [("scope wider", 1)]
    assert said.positions("log_integrity.open_breaches") == "1,4"
    assert said.values["log_integrity.acknowledged"] == 1
    assert {finding.id for finding in said.section.findings} == {
        "log_integrity.open_breaches", "log_integrity.rollbacks",
    }  # fmt: skip
