"""The events of a stream of security event tokens, and of what its receiver has got (Shared Signals Framework 1.0).

The header that a receiver wants to be sent, and the ``state`` of a verification, are sealed rows.
"""

import msgspec

from domain.event import Event, registry


class SignalStreamCreated(Event, frozen=True, tag="signal.stream_created.v1"):
    """A receiver asked for a stream (SSF §8.1.1.1). ``client_id`` is its client, ``stream_id`` the name of the stream.
    ``method`` is ``push`` (RFC 8935) or ``poll`` (RFC 8936), ``endpoint_url`` where it is pushed to.
    ``events_requested`` empty: all that there are. Nothing of before ``begins_after``, a position of the log, is in
    it."""

    client_id: str
    stream_id: str
    method: str
    begins_after: int
    created_at: int
    endpoint_url: str = ""
    events_requested: tuple[str, ...] = ()
    description: str = ""


class SignalStreamChanged(Event, frozen=True, tag="signal.stream_changed.v1"):
    """The receiver changed its stream (§8.1.1.3, §8.1.1.4): all members as they are now."""

    method: str
    changed_at: int
    endpoint_url: str = ""
    events_requested: tuple[str, ...] = ()
    description: str = ""


class SignalStreamStatusSet(Event, frozen=True, tag="signal.stream_status_set.v1"):
    """The receiver set the status (§8.1.2.2): ``enabled``, ``paused`` (events wait) or ``disabled`` (they are dropped).
    ``begins_after``: after it was disabled, nothing up to this position is in the stream."""

    status: str
    set_at: int
    reason: str = ""
    begins_after: int = 0


class SignalStreamDeleted(Event, frozen=True, tag="signal.stream_deleted.v1"):
    """The receiver gave its stream up (§8.1.1.5)."""

    deleted_at: int


class SignalSubjectRemoved(Event, frozen=True, tag="signal.subject_removed.v1"):
    """The receiver wants to hear no more of a person (§8.1.3.3). ``subject_hash`` is the keyed hash of how it calls the
    person."""

    subject_hash: str
    removed_at: int


class SignalSubjectAdded(Event, frozen=True, tag="signal.subject_added.v1"):
    """The receiver wants to hear again of a person (§8.1.3.2)."""

    subject_hash: str
    added_at: int


class SignalVerificationRequested(Event, frozen=True, tag="signal.verification_requested.v1"):
    """The receiver asked for a token that proves that the stream works (§8.1.4)."""

    verification_id: str
    requested_at: int


class SignalsDelivered(Event, frozen=True, tag="signal.delivered.v1"):
    """What the receiver has got: every token made of events up to position ``through``, and those of the positions in
    ``beyond``. ``count`` tokens were delivered with this event. ``refused`` are positions of tokens that the receiver
    could not use, with the error that it gave."""

    through: int
    delivered_at: int
    count: int = 0
    beyond: tuple[int, ...] = ()
    refused: dict[str, str] = msgspec.field(default_factory=dict)


SIGNAL_EVENTS = registry(
    SignalStreamCreated,
    SignalStreamChanged,
    SignalStreamStatusSet,
    SignalStreamDeleted,
    SignalSubjectRemoved,
    SignalSubjectAdded,
    SignalVerificationRequested,
    SignalsDelivered,
)
