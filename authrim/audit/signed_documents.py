"""Documents that the log signs and proves: erasure certificates, consent receipts. This verifies one, with no server.

A document has the events that it speaks of, each with its proof in the Merkle tree over the log, and a checkpoint of
that tree. The key of the log signs nothing but checkpoints; an extension line (C2SP tlog-checkpoint) has the digest of
the document.
"""

import json
import struct
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Final

import msgspec

from authrim.audit.bundle import verify_bundle as proofs
from authrim.audit.bundle.lines import document
from authrim.audit.bundle.verify_bundle import EVENT_FIELDS, Fault, Key
from authrim.crypto import strict_json

FORMAT: Final = "authrim-signed-document/1"
#: The most that is read.
LARGEST: Final = 64 * 1024 * 1024

ERASURE_CERTIFICATE: Final = "erasure-certificate"
CONSENT_RECEIPTS: Final = "consent-receipts"

_STATES: Final = {
    "account.consent_remembered.v1": "given",
    "account.consent_withdrawn.v1": "withdrawn",
}
_MEMBERS: Final = [
    "format",
    "kind",
    "document",
    "events",
    "tree_size",
    "root",
    "earlier",
    "key",
    "checkpoint",
]
_FILE: Final = "the document"


class CheckedDocument(msgspec.Struct, frozen=True):
    """What was found. ``fault`` empty: everything holds. ``key_given``: the key came from whoever checks; else it is
    the document's own, which anybody may have made."""

    kind: str
    document: dict[str, Any]
    key: str
    key_given: bool
    checked: tuple[str, ...]
    fault: str = ""


def signed_text(head: str, kind: str, unsigned: Mapping[str, Any]) -> str:
    """The text that is signed: the checkpoint, and what it says of the document."""
    return f"{head}{kind} {sha256(document(unsigned)).hexdigest()}\n"


def check_document(content: bytes, key: str | None) -> CheckedDocument:
    """Verify a document, with the log's key where that is known."""
    told: dict[str, Any] = {}
    checked: list[str] = []
    try:
        told = _read(content)
        for check in (_signature, _events, _earlier, _KINDS.get(told["kind"], _unknown_kind)):
            checked.append(check(told, _key(told["key"] if key is None else key)))
    except Fault as fault:
        return _found(told, key, checked, str(fault))
    except (KeyError, TypeError, ValueError, AttributeError, struct.error):
        return _found(told, key, checked, "it does not have the form of a signed document")
    return _found(told, key, checked, "")


def _found(told: Mapping[str, Any], key: str | None, checked: list[str], fault: str) -> CheckedDocument:
    own = told.get("document")
    return CheckedDocument(
        str(told.get("kind", "")),
        own if isinstance(own, dict) else {},
        str(told.get("key", "")) if key is None else key,
        key is not None,
        tuple(checked),
        fault,
    )


def _read(content: bytes) -> dict[str, Any]:
    told = strict_json.loads(content, max_bytes=LARGEST)
    if not isinstance(told, dict) or list(told) != _MEMBERS or told["format"] != FORMAT:
        raise Fault(f"this is no document of the format {FORMAT}")
    return told


def _key(text: str) -> Key:
    try:
        return proofs.read_key(text)
    except ValueError:
        raise Fault("this is no key of a log: NAME+ID+KEY") from None


def _signature(told: dict[str, Any], key: Key) -> str:
    note = told["checkpoint"].encode()
    text = proofs.text_signed_by(note, key, _FILE)
    checkpoint = proofs.read_checkpoint(note, _FILE)
    if (checkpoint.size, checkpoint.root.hex()) != (told["tree_size"], told["root"]):
        raise Fault("the tree is not the one of the checkpoint")
    unsigned = {name: told[name] for name in _MEMBERS[:-1]}
    head = "".join(f"{line}\n" for line in text.split("\n")[:3])
    if text != signed_text(head, told["kind"], unsigned):
        raise Fault("the document was changed: the key signed another one")
    return f"the key with the id {key.identity.hex()} signed it"


def _events(told: dict[str, Any], _: Key) -> str:
    size, root = told["tree_size"], bytes.fromhex(told["root"])
    for event in told["events"]:
        path = [bytes.fromhex(node) for node in event["proof"]]
        names = [name.removesuffix("_base64") for name in event]
        if names != [*EVENT_FIELDS, "proof"] or proofs.leaf_of(event).hex() != event["leaf"]:
            raise Fault("an event is not the one that was recorded")
        index = event["position"] - 1
        leaf = proofs.leaf_hash(event)
        if not 0 <= index < size or proofs.root_of_path(index, size, leaf, path) != root:
            raise Fault(f"the event at position {index + 1} is not in the log of the checkpoint")
    return f"in the log of {size} events: {len(told['events'])} that it speaks of"


def _earlier(told: dict[str, Any], key: Key) -> str:
    earlier = told["earlier"]
    if earlier is None:
        return "no checkpoint was signed before it"
    note = earlier["checkpoint"].encode()
    before = proofs.read_checkpoint(note, _FILE)
    path = [bytes.fromhex(node) for node in earlier["proof"]]
    now = told["tree_size"], bytes.fromhex(told["root"])
    if before.origin != key.name or not proofs.is_consistent(before.size, before.root, *now, path):
        raise Fault("the log does not continue the checkpoint from before it")
    return f"the log continues the checkpoint of {before.size} events from before it"


def _is_erasure(told: dict[str, Any], _: Key) -> str:
    """The event erases this person, with these keys; nothing of theirs was left."""
    said = told["document"]
    (event,) = told["events"]
    payload = json.loads(event["payload"])
    fits = (
        event["type"] == "account.person_erased.v1"
        and event["stream"] == f"{said['tenant']}:account:{said['subject']}"
        and payload.get("keys", []) == said["destroyed_keys"]
        and event["position"] == said["position"]
    )
    if not fits:
        raise Fault("the event is not the erasure of this person")
    if any(said["left"].values()):
        raise Fault("something of the person was left")
    return "the person was erased, and nothing of theirs was left"


def _are_consents(told: dict[str, Any], _: Key) -> str:
    """Each record of a consent has its event, and says what that says; and each event has a record."""
    said = told["document"]
    places = {event["position"]: event for event in told["events"]}
    recorded = 0
    for receipt in said["receipts"]:
        record = receipt["consent_record"]
        for one in record["events"]:
            event = places[one["position"]]
            payload = json.loads(event["payload"])
            fits = (
                event["stream"] == f"{said['tenant']}:account:{said['subject']}"
                and one["event_state"] == _STATES[event["type"]]
                and record["record_id"] == f"{said['subject']}:{payload['client_id']}"
                and payload.get("scope", []) == one.get("scope", [])
            )
            if not fits:
                raise Fault(f"the consent at position {one['position']} is not the one that was recorded")
            recorded += 1
    if recorded != len(told["events"]):
        raise Fault("an event of a consent has no record")
    return f"receipts of consents, with all that they speak of: {len(said['receipts'])}"


def _unknown_kind(told: dict[str, Any], _: Key) -> str:
    raise Fault(f"this version knows no document of the kind {json.dumps(str(told['kind']))}")


_KINDS: Final[dict[str, Callable[[dict[str, Any], Key], str]]] = {
    ERASURE_CERTIFICATE: _is_erasure,
    CONSENT_RECEIPTS: _are_consents,
}
