"""The logs that released versions wrote, decided again by this one: the gate of a new version."""

import gzip
from pathlib import Path

import pytest

from authrim.audit.replay.lines import pages_of
from tests.audit.replay.__main__ import LOGS, PORT
from tests.audit.replay.flows import replayed

RELEASED = sorted(LOGS.glob("*.log.gz"))
NEEDED = {"redemption", "refresh", "client_credentials", "revocation", "session", "authorization.consent"}


def test_there_is_a_log() -> None:
    """A285: at least one log of a version is kept (``python -m tests.audit.replay`` writes it)."""
    assert RELEASED


@pytest.mark.parametrize("log", RELEASED, ids=lambda path: path.name)
def test_a_released_log_decides_the_same_again(log: Path) -> None:
    """A285: this build makes each decision that the earlier version recorded, byte for byte. If it is meant to decide
    otherwise from now on, that is a change that people must be told of, and the log gets a successor."""
    with gzip.open(log) as file:
        events = [event for page in pages_of(file, 1000) for event in page]  # type: ignore[arg-type]
    report = replayed(events, f"http://localhost:{PORT}")
    assert report.agrees, (report.differences, report.unreadable)
    assert set(report.decided) >= NEEDED
