"""Events and ledger rows as lines of a bundle, in the one form that the verifier accepts."""

import base64
import json
from collections.abc import Sequence
from typing import Any

from authrim.audit.bundle.verify_bundle import encode_line
from authrim.store.contract import Batch, StoredEvent


def event_line(event: StoredEvent, proof: Sequence[bytes] | None = None) -> bytes:
    """An event as it is stored; with ``proof``, its inclusion proof."""
    fields: dict[str, Any] = {
        "position": event.position,
        "stream": event.stream,
        "version": event.version,
        "type": event.type,
        **_text("payload", event.payload),
        **_text("metadata", event.metadata),
        "recorded_at": event.recorded_at,
        "leaf": event.leaf.hex(),
    }
    if proof is not None:
        fields["proof"] = [node.hex() for node in proof]
    return _line(fields)


def withheld_line(event: StoredEvent) -> bytes:
    """What a bundle tells of an event that only shares a batch with one of its own."""
    return _line({"position": event.position, "recorded_at": event.recorded_at, "leaf": event.leaf.hex()})


def batch_line(batch: Batch) -> bytes:
    """A ledger row."""
    fields = batch._asdict()
    return _line(fields | {name: fields[name].hex() for name in ("batch_hash", "chain_hash")})


def person_line(person: dict[str, Any]) -> bytes:
    """What is known of a person."""
    return _line(person)


def document(value: Any) -> bytes:
    """A JSON document of a bundle."""
    return (json.dumps(value, indent=1) + "\n").encode()


def _line(fields: dict[str, Any]) -> bytes:
    return encode_line(fields).encode() + b"\n"


def _text(name: str, value: bytes) -> dict[str, str]:
    """Bytes as text, or in base64 where they are no text: other applications store what they like."""
    try:
        return {name: value.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(value).decode()}
