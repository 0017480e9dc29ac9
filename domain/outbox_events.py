"""What an operator did to messages that wait in the outbox, or were given up."""

from domain.event import Event, registry


class DeliveriesRetried(Event, frozen=True, tag="outbox.retried.v1"):
    """An operator let messages to one receiver be delivered again. ``kind`` is the kind of delivery, ``positions`` are
    those of the events that the messages tell of. ``operator`` is the numeric user id that the command ran with."""

    kind: str
    receiver: str
    positions: tuple[int, ...]
    retried_at: int
    reason: str = ""
    operator: str = ""


class DeliveriesDiscarded(Event, frozen=True, tag="outbox.discarded.v1"):
    """An operator took messages to one receiver away: it will not get them. The members are those of
    ``DeliveriesRetried``."""

    kind: str
    receiver: str
    positions: tuple[int, ...]
    discarded_at: int
    reason: str
    operator: str = ""


OUTBOX_EVENTS = registry(DeliveriesRetried, DeliveriesDiscarded)
