"""What a decision is: the events to append and the answer to give, together."""

from typing import Generic, TypeVar

import msgspec

from domain.errors import Refusal
from domain.event import Event

A = TypeVar("A")


class Decision(msgspec.Struct, Generic[A], frozen=True):
    """The outcome of ``decide(state, command, facts)``.

    The shell appends ``events`` first and gives ``answer`` after they are durable. A refusal may carry
    events too (a replayed code), and an accepted command may carry none (a repeated revocation).
    """

    events: tuple[Event, ...]
    answer: A | Refusal


def refuse(refusal: Refusal, *events: Event) -> "Decision[A]":
    """A decision that says no, with the events that record it."""
    return Decision(events, refusal)
