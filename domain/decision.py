"""The result of a decision: the events to append and the answer to return."""

from typing import Generic, TypeVar

import msgspec

from domain.errors import Refusal
from domain.event import Event

A = TypeVar("A")


class Decision(msgspec.Struct, Generic[A], frozen=True):
    """The result of ``decide(state, command, facts)``.

    The caller appends ``events`` first and returns ``answer`` after they are durable. A refusal can come with events
    too (a replayed code), and an accepted command can have none (a repeated revocation).
    """

    events: tuple[Event, ...]
    answer: A | Refusal


def refuse(refusal: Refusal, *events: Event) -> "Decision[A]":
    """Return a decision that refuses, with the events that record the refusal."""
    return Decision(events, refusal)
