"""Events as they are stored: read forever, by closed registries, and never a foreign name (F19, A232).

``golden_events.json`` holds one stored payload of each event, by tag, with every field filled in. It is written
by hand once and never again: where this test fails, a log that exists would not be read any more.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from authrim.store import codec
from authrim.store.codec import REGISTRIES, UnreadableEvent
from authrim.store.contract import StreamRead
from domain.event import Event, as_dict, registry, tag_of
from scripts.reference import events

GOLDEN: dict[str, dict[str, Any]] = json.loads(
    Path(__file__).with_name("golden_events.json").read_text("utf-8")
)
EVENTS = {tag: (kind, known[tag]) for kind, known in REGISTRIES.items() for tag in known}
CANARY = "canary-7f3a"


def stored(tag: str) -> bytes:
    """The golden payload of an event."""
    return json.dumps(GOLDEN[tag]).encode()


def test_every_event_has_its_stored_example() -> None:
    """A new event comes with its example; one that was ever released is never taken out."""
    assert set(GOLDEN) == set(EVENTS)


@pytest.mark.parametrize("tag", EVENTS)
def test_a_stored_event_still_decodes_as_it_was(tag: str) -> None:
    """Each field of the stored example is in the event, under the same name and with the same value."""
    kind, event_class = EVENTS[tag]
    event = codec.decode(kind, tag, stored(tag))
    assert type(event) is event_class
    assert json.loads(json.dumps(as_dict(event))) == GOLDEN[tag]
    assert set(GOLDEN[tag]) == {"type", *event.__struct_fields__}


@pytest.mark.parametrize("tag", EVENTS)
def test_what_is_written_can_be_read(tag: str) -> None:
    """Encoding gives the tag and JSON text that name the event, and decoding gives it back."""
    kind, _ = EVENTS[tag]
    event = codec.decode(kind, tag, stored(tag))
    new = codec.encode(event)
    assert new.type == tag
    assert json.loads(new.payload) == GOLDEN[tag]
    assert codec.decode(kind, new.type, new.payload) == event


@pytest.mark.parametrize("tag", EVENTS)
def test_an_event_without_its_optional_fields_is_read(tag: str) -> None:
    """Fields at their default are left out of the payload; each has a default to come back to."""
    kind, event_class = EVENTS[tag]
    required = {field.name for field in msgspec.structs.fields(event_class) if field.required}
    shortest = {name: value for name, value in GOLDEN[tag].items() if name in {"type", *required}}
    event = codec.decode(kind, tag, json.dumps(shortest).encode())
    assert json.loads(codec.encode(event).payload) == shortest


@pytest.mark.parametrize("tag", EVENTS)
def test_a_missing_or_mistyped_field_is_unreadable(tag: str) -> None:
    """F19: a payload of another shape fails, and never becomes an event with something made up."""
    kind, event_class = EVENTS[tag]
    for field in msgspec.structs.fields(event_class):
        mistyped = {**GOLDEN[tag], field.name: [[CANARY]]}
        with pytest.raises(UnreadableEvent) as unreadable:
            codec.decode(kind, tag, json.dumps(mistyped).encode())
        assert CANARY not in str(unreadable.value)
        if field.required:
            missing = {name: value for name, value in GOLDEN[tag].items() if name != field.name}
            with pytest.raises(UnreadableEvent):
                codec.decode(kind, tag, json.dumps(missing).encode())


@pytest.mark.parametrize(
    ("row", "kind", "tag", "payload"),
    [
        ("unknown tag", "grant", "grant.no_such_event.v1", b"{}"),
        ("unknown version", "grant", "grant.code_issued.v2", b"{}"),
        ("empty tag", "grant", "", b"{}"),
        ("a class's name", "grant", "domain.grant.events.CodeIssued", stored("grant.code_issued.v1")),
        ("a module to import", "grant", "os:system", b'{"_type_": "os", "_data_": "x"}'),
        ("another kind's tag", "client", "grant.code_issued.v1", stored("grant.code_issued.v1")),
        ("unknown kind", "es", "grant.code_issued.v1", stored("grant.code_issued.v1")),
        ("another event's payload", "grant", "grant.code_issued.v1", stored("grant.revoked.v1")),
        ("not JSON", "grant", "grant.code_issued.v1", b"canary-7f3a"),
        ("cut off", "grant", "grant.code_issued.v1", stored("grant.code_issued.v1")[:-1]),
        ("not UTF-8", "grant", "grant.code_issued.v1", b'{"code_hash": "\xff"}'),
        ("empty", "grant", "grant.code_issued.v1", b""),
        ("a list", "grant", "grant.code_issued.v1", b"[]"),
        ("nested 100,000 deep", "client", "client.updated.v1", b'{"metadata": ' + b'{"a":' * 100_000),
    ],
)
def test_what_is_not_ours_is_unreadable(row: str, kind: str, tag: str, payload: bytes) -> None:
    """F19, A232: one exception for all of it, that names kind and tag, and never quotes the payload."""
    with pytest.raises(UnreadableEvent) as unreadable:
        codec.decode(kind, tag, payload)
    assert str(unreadable.value) == f"{kind} stream, event type {tag}", row
    assert unreadable.value.__cause__ is None


def test_one_unreadable_event_fails_its_whole_stream() -> None:
    """F19: a stream with a gap is not folded as if the gap were not there."""
    good = ("grant.code_issued.v1", stored("grant.code_issued.v1"))
    assert len(codec.decode_stream("grant", StreamRead(2, (good, good), 0))) == 2
    with pytest.raises(UnreadableEvent):
        codec.decode_stream("grant", StreamRead(3, (good, ("grant.unknown.v1", b"{}"), good), 0))


def test_tags_are_unique_over_all_kinds() -> None:
    """A tag says by itself which event it is, and begins with the kind of stream it stands in."""
    counted = Counter(tag for known in REGISTRIES.values() for tag in known)
    assert set(counted.values()) == {1}
    for tag, (kind, event_class) in EVENTS.items():
        assert tag == tag_of(event_class)
        assert tag.startswith(f"{kind}.")
        assert tag.rsplit(".", 1)[1].startswith("v")


def test_a_tag_used_twice_is_found_when_the_registry_is_made() -> None:
    """Two classes of one tag would make old logs mean something else."""
    _, event_class = EVENTS["grant.revoked.v1"]
    with pytest.raises(ValueError, match=r"grant\.revoked\.v1"):
        registry(event_class, event_class)


def test_an_event_of_no_registry_is_never_written() -> None:
    """It could not be read again, and its stream would be closed forever."""

    class StrayEvent(Event, frozen=True, tag="grant.stray.v1"):
        at: int

    with pytest.raises(KeyError):
        codec.encode(StrayEvent(1))


def test_events_are_frozen() -> None:
    """A fact in the past tense does not change."""
    for tag, (kind, event_class) in EVENTS.items():
        event = codec.decode(kind, tag, stored(tag))
        with pytest.raises(AttributeError):
            setattr(event, event_class.__struct_fields__[0], None)


def test_every_event_stands_on_the_page() -> None:
    """docs/events.md has each event with its tag, its class and its meaning."""
    text = events.page()
    for tag, (_, event_class) in EVENTS.items():
        meaning = " ".join((event_class.__doc__ or "").split()).replace("``", "`")
        assert meaning
        assert f"### {tag}\n\n`{event_class.__name__}`: {meaning}\n" in text
