"""A stream of security event tokens: its state, and what its receiver may do with it (SSF 1.0 §8)."""

from typing import Final

import msgspec

from domain.decision import Decision, refuse
from domain.errors import Refusal, invalid_request
from domain.event import Event, folding
from domain.signal.events import (
    SignalStreamChanged,
    SignalStreamCreated,
    SignalStreamDeleted,
    SignalStreamStatusSet,
    SignalSubjectAdded,
    SignalSubjectRemoved,
)

PUSH: Final = "push"
POLL: Final = "poll"

ENABLED: Final = "enabled"
PAUSED: Final = "paused"
DISABLED: Final = "disabled"
STATUSES: Final = (ENABLED, PAUSED, DISABLED)

#: People that one stream leaves out at most.
MOST_REMOVED: Final = 1000

NOT_FOUND: Final = Refusal(
    "not_found", "There is no such stream of the client.", section="SSF 1.0 §8.1.1", status=404
)
TOO_MANY_REMOVED: Final = invalid_request(
    "The stream leaves out as many subjects as it can.",
    hint=f"At most {MOST_REMOVED}.",
    section="SSF 1.0 §8.1.3.3",
)


class Delivery(msgspec.Struct, frozen=True):
    """What a receiver chooses about its stream."""

    method: str
    endpoint_url: str = ""
    events_requested: tuple[str, ...] = ()
    description: str = ""


class SignalStream(msgspec.Struct, frozen=True):
    """The state of a stream. ``client_id`` is empty when there is none, or none any more."""

    client_id: str = ""
    stream_id: str = ""
    delivery: Delivery = Delivery(POLL)
    status: str = ENABLED
    reason: str = ""
    begins_after: int = 0
    removed: frozenset[str] = frozenset()

    def wants(self, event_type: str) -> bool:
        """Whether the receiver asked for events of this type."""
        requested = self.delivery.events_requested
        return not requested or event_type in requested


NO_STREAM: Final = SignalStream()


def apply(stream: SignalStream, event: Event) -> SignalStream:
    """The state after one more event."""
    replace = msgspec.structs.replace
    match event:
        case SignalStreamCreated():
            return SignalStream(
                event.client_id, event.stream_id, _delivery(event), begins_after=event.begins_after
            )
        case SignalStreamChanged():
            return replace(stream, delivery=_delivery(event))
        case SignalStreamStatusSet():
            begins = max(stream.begins_after, event.begins_after)
            return replace(stream, status=event.status, reason=event.reason, begins_after=begins)
        case SignalStreamDeleted():
            return NO_STREAM
        case SignalSubjectRemoved():
            return replace(stream, removed=stream.removed | {event.subject_hash})
        case SignalSubjectAdded():
            return replace(stream, removed=stream.removed - {event.subject_hash})
        case _:
            return stream


fold: Final = folding(apply, NO_STREAM)


def _delivery(event: SignalStreamCreated | SignalStreamChanged) -> Delivery:
    return Delivery(event.method, event.endpoint_url, event.events_requested, event.description)


def decide_create(
    stream: SignalStream, whose: tuple[str, str], delivery: Delivery, head: int, now: int
) -> Decision[SignalStream]:
    """Begin a stream at the end of the log. ``whose``: the ids of client and stream. A client has one (§8.1.1.1)."""
    if stream.client_id:
        return refuse(
            Refusal(
                "stream_exists",
                "The client has a stream.",
                hint="Read it, change it or delete it.",
                section="SSF 1.0 §8.1.1.1",
                status=409,
            )
        )
    event = SignalStreamCreated(
        *whose, delivery.method, head, now, delivery.endpoint_url, delivery.events_requested,
        delivery.description,
    )  # fmt: skip
    return _accept(stream, event)


def decide_change(stream: SignalStream, delivery: Delivery, now: int) -> Decision[SignalStream]:
    """Change what the receiver chooses. What is the same already appends nothing."""
    if delivery == stream.delivery:
        return Decision((), stream)
    event = SignalStreamChanged(
        delivery.method, now, delivery.endpoint_url, delivery.events_requested, delivery.description
    )
    return _accept(stream, event)


def decide_set_status(
    stream: SignalStream, status: str, reason: str, head: int, now: int
) -> Decision[SignalStream]:
    """Set the status. What happened while the stream was disabled is never sent (§8.1.2)."""
    if (status, reason) == (stream.status, stream.reason):
        return Decision((), stream)
    begins = head if stream.status == DISABLED and status != DISABLED else 0
    return _accept(stream, SignalStreamStatusSet(status, now, reason, begins))


def decide_delete(stream: SignalStream, now: int) -> Decision[SignalStream]:
    """Give the stream up."""
    return _accept(stream, SignalStreamDeleted(now))


def decide_remove_subject(stream: SignalStream, subject_hash: str, now: int) -> Decision[SignalStream]:
    """Leave a person out from now on."""
    if subject_hash in stream.removed:
        return Decision((), stream)
    if len(stream.removed) >= MOST_REMOVED:
        return refuse(TOO_MANY_REMOVED)
    return _accept(stream, SignalSubjectRemoved(subject_hash, now))


def decide_add_subject(stream: SignalStream, subject_hash: str, now: int) -> Decision[SignalStream]:
    """Leave a person out no more. Every person that the client knows is in the stream from the beginning."""
    if subject_hash not in stream.removed:
        return Decision((), stream)
    return _accept(stream, SignalSubjectAdded(subject_hash, now))


def _accept(stream: SignalStream, *events: Event) -> Decision[SignalStream]:
    return Decision(events, fold(events, stream))
