"""Decide a log again, and say which decisions differ.

Every decision is made on what the log says before it. It agrees when it comes to the same events, byte for byte as they
are stored. Signatures are made after a decision, so they are not compared.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Final

import msgspec

from authrim.audit.replay import from_events
from authrim.audit.replay.on_grants import Again, as_sent, refusal_of
from authrim.audit.replay.policy import AS_RECORDED, Policy
from authrim.audit.replay.recorded import Grouping, Recorded, Unreadable
from authrim.audit.replay.spool import KEPT
from authrim.audit.replay.states import States
from authrim.store import codec
from authrim.store.contract import StoredEvent
from domain.errors import Refusal
from domain.event import Event, as_dict, tag_of
from domain.grant.grant import Grant
from domain.grant.recorded_inputs import NothingToDecide
from domain.inputs import (
    AuthorizationInputs,
    ClientCredentialsInputs,
    RedemptionInputs,
    RefreshInputs,
    RevocationInputs,
    SessionInputs,
)

#: Differences that are named one by one; beyond that they are counted.
MOST_NAMED: Final = 1000


class Difference(msgspec.Struct, frozen=True):
    """A decision that this build makes otherwise. ``position`` is that of its first event, ``what`` says in which event
    and member, or what this build decides instead."""

    position: int
    stream: str
    decision: str
    what: tuple[str, ...]


class Report(msgspec.Struct, frozen=True):
    """What a replay showed. ``decided``: how many decisions of each name were made again, ``not_recorded``: how many
    events of each type say nothing of what they were decided on. ``unreadable``: the positions of events that this
    build cannot read."""

    position: int
    decided: dict[str, int]
    not_recorded: dict[str, int]
    differing: int
    differences: tuple[Difference, ...]
    unreadable: tuple[Unreadable, ...]

    @property
    def agrees(self) -> bool:
        """Whether something was decided again, and all of it as it is recorded."""
        return bool(self.decided) and not self.differing and not self.unreadable


class Decided(msgspec.Struct, frozen=True):
    """A decision made again: its name, its events, and its refusal. ``impossible``: why it could not be made."""

    name: str
    events: tuple[Event, ...] = ()
    refusal: Refusal | None = None
    impossible: str = ""


class Replay:
    """One replay, page after page in the order of the log."""

    def __init__(self, issuer: str, policy: Policy = AS_RECORDED, kept: int = KEPT) -> None:
        self.states = States(kept)
        self._again = Again(self.states, issuer, policy)
        self._grouping = Grouping()
        self._decided: Counter[str] = Counter()
        self._not_recorded: Counter[str] = Counter()
        self._differing = 0
        self._differences: list[Difference] = []
        self._unreadable: list[Unreadable] = []
        self._position = 0

    def take(self, page: Iterable[StoredEvent]) -> None:
        """Decide the next events of the log again."""
        for one in self._grouping.take(page):
            self._one(one)

    def report(self) -> Report:
        """What was found, after the last page."""
        for one in self._grouping.rest():
            self._one(one)
        return Report(
            self._position,
            dict(sorted(self._decided.items())),
            dict(sorted(self._not_recorded.items())),
            self._differing,
            tuple(self._differences),
            tuple(self._unreadable),
        )

    def _one(self, one: Recorded | Unreadable) -> None:
        self._position = max(self._position, one.position)
        if isinstance(one, Unreadable):
            if len(self._unreadable) < MOST_NAMED:
                self._unreadable.append(one)
            return
        self._position = one.stored[-1].position
        again = self.decide(one)
        if again is None:
            self._not_recorded[one.stored[0].type] += 1
        else:
            self._decided[again.name] += 1
        what = () if again is None else differences(one, again)
        if again is not None and what:
            self._remember(Difference(one.position, str(one.stream), again.name, what))
        for event in self.what_holds(one, again, differs=bool(what)):
            self.states.apply(one.stream, event)

    def what_holds(self, one: Recorded, again: Decided | None, *, differs: bool) -> tuple[Event, ...]:  # noqa: ARG002
        """The events that the next decisions are made on: the recorded ones, so that each difference is its own."""
        return one.events

    def decide(self, one: Recorded) -> Decided | None:
        """The decision again; None when nothing says what it was decided on."""
        try:
            return self._decide(one)
        except NothingToDecide as nothing:
            return Decided(_name(one), impossible=str(nothing))
        except Exception as failed:  # whatever this build stumbles over is a difference, and the others go on
            return Decided(_name(one), impossible=f"{type(failed).__name__}: this build cannot decide it")

    def _decide(self, one: Recorded) -> Decided | None:
        again, inputs = self._again, one.inputs
        if inputs is None:
            decide = from_events.DECIDED.get(type(one.events[0]))
            if decide is None:
                return None
            return Decided(_name(one), decide(self.states, one.stream, one.events[0], again.policy))
        if isinstance(inputs, SessionInputs):
            events = from_events.sign_in(self.states, one.stream, one.events, inputs, again.policy)
            return Decided(_name(one), events)
        return decide_on_grant(again, one, self.states.grant(one.stream))

    def _remember(self, difference: Difference) -> None:
        self._differing += 1
        if len(self._differences) < MOST_NAMED:
            self._differences.append(difference)


def decide_on_grant(again: Again, one: Recorded, grant: Grant) -> Decided:
    """A decision on a grant again, on this state of it. Raises NothingToDecide."""
    match one.inputs:
        case AuthorizationInputs():
            decision = again.step(one, one.inputs, grant)
        case RedemptionInputs():
            decision = again.redeem(one, one.inputs, grant)
        case RefreshInputs():
            decision = again.refresh(one, one.inputs, grant)
        case ClientCredentialsInputs():
            decision = again.client_credentials(one, one.inputs)
        case RevocationInputs():
            decision = again.revoke(one, one.inputs, grant)
        case _:
            raise NothingToDecide("this is no decision on a grant")
    return Decided(_name(one), as_sent(decision.events, one.events), refusal_of(decision.answer))


def _name(one: Recorded) -> str:
    """What was decided, in a word: the step or command, or the event that says it."""
    match one.inputs:
        case None:
            return one.stored[0].type
        case AuthorizationInputs(step=step):
            return f"authorization.{step}"
        case inputs:
            return tag_of_inputs(inputs)


def tag_of_inputs(inputs: object) -> str:
    """The name of a form of inputs without its version."""
    tag = type(inputs).__struct_config__.tag  # type: ignore[attr-defined]
    return str(tag).rpartition(".")[0]


def differences(one: Recorded, again: Decided) -> tuple[str, ...]:
    """In what a decision differs from the recorded one; nothing when it is the same byte for byte."""
    if again.impossible:
        return (again.impossible,)
    stored = [(event.type, event.payload) for event in one.stored]
    if [tuple(codec.encode(event)) for event in again.events] == stored:
        return ()
    if not again.events:
        return (f"nothing is recorded: {_refused(again)}",)
    found = [part for was, now in zip(one.events, again.events, strict=False) for part in _parts(was, now)]
    found += [f"{tag_of(type(event))} is missing" for event in one.events[len(again.events) :]]
    found += [f"{tag_of(type(event))} is new" for event in again.events[len(one.events) :]]
    if again.refusal is not None:
        found.append(_refused(again))
    return tuple(found) or ("the events are written otherwise",)


def _refused(again: Decided) -> str:
    refusal = again.refusal
    return "it is no change" if refusal is None else f"refused with {refusal.reason or refusal.error}"


def _parts(was: Event, now: Event) -> list[str]:
    """The members in which two events differ. Values are those of the log, which holds nothing secret."""
    before, after = as_dict(was), as_dict(now)
    if type(was) is not type(now):
        return [f"{tag_of(type(was))} is {tag_of(type(now))}"]
    return [
        f"{tag_of(type(was))} {name}: {before.get(name)} is {after.get(name)}"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]
