"""The auditor's words: every event type has a sentence that its fields can fill."""

from string import Formatter

import msgspec
import pytest

from authrim.audit.sentences import REASONS, SENTENCES, reason_in_words, sentence, shown
from authrim.store.codec import REGISTRIES
from domain.event import Event

EVENTS = {tag: event_class for registry in REGISTRIES.values() for tag, event_class in registry.items()}


def test_every_event_type_has_a_sentence() -> None:
    """No event is without its words, and no words are without their event."""
    assert SENTENCES.keys() == EVENTS.keys()


@pytest.mark.parametrize("tag", EVENTS)
def test_sentence_names_fields_that_there_are(tag: str) -> None:
    """What stands in braces is a field of that event."""
    event_class: type[Event] = EVENTS[tag]
    named = {name for _, name, _, _ in Formatter().parse(SENTENCES[tag]) if name}
    assert named <= {field.name for field in msgspec.structs.fields(event_class)}


def test_reason_without_words_speaks_for_itself() -> None:
    """A reason that has no words is shown as it is, never hidden."""
    assert reason_in_words("wrong_verifier") == REASONS["wrong_verifier"]
    assert reason_in_words("something_new") == "something_new"


def test_values_cannot_steer_a_terminal() -> None:
    """A226: what a client wrote is shown without escape sequences, line breaks and bidirectional marks."""
    hostile = "app\x1b[2J\r\nGranted\u202e"
    text = sentence("client.registered.v1", {"client_id": hostile, "metadata": {}})
    for mark in ("\x1b", "\r", "\n", "\u202e"):
        assert mark not in text
    assert "\n" not in shown({"a\nb": ["c\nd"]})
