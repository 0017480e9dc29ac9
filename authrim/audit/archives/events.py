"""The events of an unpacked bundle, as the log stored them."""

import json
from collections.abc import Iterator
from typing import Any

from authrim.audit.bundle.verify_bundle import EVENTS, Bundle, bytes_of
from authrim.store.contract import StoredEvent


def events_of(bundle: Bundle, containing: bytes = b"") -> Iterator[StoredEvent]:
    """The events in order; those only whose line contains some bytes. Raises ValueError and Fault where the bundle is
    damaged."""
    for line in bundle.lines(EVENTS):
        if containing in line:
            fields = json.loads(line)
            if "type" in fields:  # one that only shares a batch with another month has none
                yield stored_event(fields)


def stored_event(fields: dict[str, Any]) -> StoredEvent:
    """An event from its line."""
    return StoredEvent(
        fields["position"],
        fields["stream"],
        fields["version"],
        fields["type"],
        bytes_of(fields, "payload"),
        bytes_of(fields, "metadata"),
        fields["recorded_at"],
        bytes.fromhex(fields["leaf"]),
    )
