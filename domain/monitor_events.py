"""Breaches of the rules that the monitor keeps proving over the log, and who looked into them."""

from domain.event import Event, registry


class RuleBroken(Event, frozen=True, tag="audit.rule_broken.v1"):
    """The monitor found that a rule does not hold (docs/audit/monitor.md). The id of this event's stream is that of the
    breach; each breach is recorded once. ``stream`` is where it was found, ``positions`` are the events that contradict
    each other, in the order of the log. ``about`` says what in the stream: a row, a token by its digest or id, or the
    kind of error of an event that cannot be read."""

    rule: str
    stream: str
    positions: tuple[int, ...]
    found_at: int
    about: str = ""


class RuleBreakAcknowledged(Event, frozen=True, tag="audit.rule_break_acknowledged.v1"):
    """Somebody looked into the breach. ``operator`` is the numeric user id that the command ran with."""

    acknowledged_at: int
    reason: str
    operator: str = ""


MONITOR_EVENTS = registry(RuleBroken, RuleBreakAcknowledged)
