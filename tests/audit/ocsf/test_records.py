"""Records of OCSF: each event that there is has one that the published schema accepts."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from authrim.audit.ocsf.records import MOST_BYTES, OCSF_VERSION, json_line, record_of
from authrim.store.codec import REGISTRIES
from authrim.store.contract import StoredEvent

GOLDEN: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "domain" / "golden_events.json").read_text("utf-8")
)
KIND_OF = {tag: kind for kind, registry in REGISTRIES.items() for tag in registry}
ISSUER = "https://login.example.com"
METADATA = {
    "tenant": "default", "actor": "client", "client_id": "shop", "subject": "person-1",
    "trace": "0af7651916cd43dd8448eb211c80319c", "address": "Yx3h", "server": "0.9.0",
}  # fmt: skip


@cache
def published() -> dict[str, Any]:
    """The published schema, compiled."""
    return dict(get_ocsf_schema(version=OCSF_VERSION))


@cache
def schema() -> OcsfJsonSchemaEmbedded:
    """The same as JSON schemas."""
    return OcsfJsonSchemaEmbedded(published())


@cache
def validator(class_uid: int) -> Draft202012Validator:
    """What checks records of a class."""
    name = schema().lookup_class_name_from_uid(class_uid=class_uid)
    return Draft202012Validator(schema().get_class_schema(class_name=name))


def stored(tag: str, payload: dict[str, Any], metadata: dict[str, Any] | None = None) -> StoredEvent:
    body = msgspec.json.encode(payload)
    described = msgspec.json.encode(METADATA if metadata is None else metadata)
    return StoredEvent(
        17, f"default:{KIND_OF[tag]}:id-1", 3, tag, body, described, 1_700_000_000_123_456, b""
    )


def check(line: bytes) -> dict[str, Any]:
    """A record that the schema accepts, with the names that its numbers have there."""
    record: dict[str, Any] = json.loads(line)
    errors = [error.message for error in validator(record["class_uid"]).iter_errors(record)]
    assert errors == [], (record, errors)
    assert record["type_uid"] == record["class_uid"] * 100 + record["activity_id"]
    described = published()["classes"][schema().lookup_class_name_from_uid(class_uid=record["class_uid"])]
    enumerated = described["attributes"]["activity_id"]["enum"][str(record["activity_id"])]["caption"]
    assert enumerated in ("Other", record["activity_name"])
    assert (described["caption"], described["category_name"]) == (
        record["class_name"],
        record["category_name"],
    )
    return record


@pytest.mark.parametrize(
    "described", [METADATA, {"tenant": "default", "actor": "admin", "operator": "uid 0"}, {}]
)
def test_every_event_has_a_record_of_the_published_schema(described: dict[str, Any]) -> None:
    """Each type of event, with every field filled in, gives a record that the schema of its class accepts, whether a
    client, an administrator or nobody in particular acted. It says where in the log the event is."""
    for tag, payload in GOLDEN.items():
        record = record_of(stored(tag, payload, described), ISSUER)
        assert record is not None
        checked = check(json_line(record))
        assert checked["metadata"]["sequence"] == 17
        assert checked["metadata"]["event_code"] == tag


def test_what_matters_has_its_class() -> None:
    """Sign-ins, failures, rights and accounts are found under the classes that rules of SIEMs look at."""
    expected = {
        "session.started.v1": (3002, 1, 1),
        "grant.sign_in_failed.v1": (3002, 1, 2),
        "session.ended.v1": (3002, 2, 1),
        "grant.access_token_issued.v1": (3003, 1, 1),
        "grant.consent_granted.v1": (3005, 1, 1),
        "grant.revoked.v1": (3005, 2, 1),
        "account.created.v1": (3001, 1, 1),
        "account.password_set.v1": (3001, 3, 1),
        "account.disabled.v1": (3001, 5, 1),
        "client.registered.v1": (3004, 1, 1),
        "client.disabled.v1": (3004, 9, 1),
        "refusal.request_refused.v1": (6003, 99, 2),
    }
    for tag, wanted in expected.items():
        record = record_of(stored(tag, GOLDEN[tag]), ISSUER)
        assert record is not None
        assert (record["class_uid"], record["activity_id"], record["status_id"]) == wanted, tag


def test_a226_no_text_of_an_event_steers_what_reads_the_line() -> None:
    """A226: line ends, escape sequences, bidirectional marks and texts without end, in an event, leave one line of
    ASCII that is valid JSON of a bounded size and still a record of the schema."""
    hostile = "x\r\n<13>1 fake\x1b[2J\x7f\u202e\u0085\0" + "y" * 5000
    payload = GOLDEN["refusal.request_refused.v1"] | {
        "endpoint": hostile,
        "reason": hostile,
        "client_id": hostile,
        "details": {f"{hostile}{number}": hostile for number in range(100)},
    }
    record = record_of(
        stored("refusal.request_refused.v1", payload, {**METADATA, "client_id": hostile}), ISSUER
    )
    assert record is not None
    line = json_line(record)
    assert len(line) <= MOST_BYTES
    assert all(0x20 <= byte < 0x7F for byte in line)
    assert check(line)["metadata"]["is_truncated"] is True


def test_no_digest_leaves() -> None:
    """What is compared by machine, such as the digest of a cookie or a token, is in no record."""
    for tag, payload in GOLDEN.items():
        record = record_of(stored(tag, payload), ISSUER)
        assert record is not None
        kept = record["unmapped"].get("fields", {})
        assert not [name for name in kept if name.endswith(("_hash", "_digest"))]


def test_what_cannot_be_read_has_no_record() -> None:
    """An event of a later version is left out, and does not stop the others."""
    assert (
        record_of(StoredEvent(1, "default:grant:id", 1, "grant.later.v9", b"{}", b"{}", 1, b""), ISSUER)
        is None
    )
