"""What sections of reports know of the rest of the server by name."""

from authrim.auditor.event_stream.event_stream_endpoint import SCOPE
from domain.report.access.client import LOG_SCOPE


def test_the_scope_that_opens_the_log() -> None:
    """An access review knows which scope lets a client read all events."""
    assert LOG_SCOPE == SCOPE
