"""Questions about a state of the past and about changes, from a command or from a page, with the record of each."""

from collections.abc import Mapping
from typing import Final

from authrim.audit.past.moments import Moment, Time, moment_at
from authrim.audit.past.reading import Past
from authrim.audit.past.states import FEW, STATES, state_of, states_of
from authrim.audit.past.view import View
from authrim.auditor.asking import Asker, asked_subject
from authrim.core.questions import hidden_text, refuse_reason
from domain.errors import Refusal, invalid_request
from domain.key.key import KeyTimes
from domain.stream import ACCOUNT

_STATE: Final = "state"
_CHANGES: Final = "changes"

NO_KIND: Final = invalid_request("There is no such kind of thing.", hint="Choose one of the list.")
NAME_ONE: Final = invalid_request("Of this kind there are many.", hint="Name one by its id.")


async def ask_state(
    asker: Asker, times: KeyTimes, thing: tuple[str, str], place: int | Time | None, reason: str
) -> tuple[Moment, list[View]] | Refusal:
    """The state of a thing, kind and id, as of a place; without an id of all things of a kind of which there are few.
    It is recorded before it is told (A237)."""
    kind, identifier = thing
    if kind not in STATES:
        return NO_KIND
    if not identifier and kind not in FEW:
        return NAME_ONE
    if kind == ACCOUNT:
        asker.log.stay_at_primary()  # what an erasure has taken is nowhere shown again (A237)
    refusal = refuse_reason(reason, demanded=False)
    asker.log.needs(place)
    asked_at = refusal or await moment_at(asker.log, place)
    if isinstance(asked_at, Refusal):
        return asked_at
    moment: Moment = asked_at
    if kind == ACCOUNT:
        subject = await asked_subject(asker, identifier, _STATE, reason)
        if isinstance(subject, Refusal):
            return subject
        identifier = subject

    async def look() -> tuple[Moment, list[View] | Refusal]:
        then = await moment_at(asker.log, place)
        if isinstance(then, Refusal):
            return moment, then
        past = Past(asker.log, asker.tenant, then, times)
        return then, await (_one(past, kind, identifier) if identifier else states_of(past, kind))

    then, found = await asker.log.found(look, lambda answer: not isinstance(answer[1], Refusal))
    refusal = await _record_state(asker, then, (kind, identifier), found, reason)
    if refusal is not None:
        return refusal
    return found if isinstance(found, Refusal) else (then, found)


async def _one(past: Past, kind: str, identifier: str) -> list[View] | Refusal:
    found = await state_of(past, kind, identifier)
    return found if isinstance(found, Refusal) else [found]


async def _record_state(
    asker: Asker, moment: Moment, thing: tuple[str, str], found: list[View] | Refusal, reason: str
) -> Refusal | None:
    """Record the question. An id that leads nowhere may be anything, a login too: it is hidden."""
    kind, identifier = thing
    conditions = {"kind": kind, "position": str(moment.position)}
    subject = None if isinstance(found, Refusal) or len(found) != 1 else found[0].subject
    if isinstance(found, Refusal):
        conditions["id"] = hidden_text(asker.master, asker.tenant, identifier)
    elif identifier and kind != ACCOUNT:
        conditions["id"] = identifier
    return await asker.record(_STATE, reason, conditions, subject)


async def ask_changes(
    asker: Asker, thing: tuple[str, str], narrowed_to: Mapping[str, str], reason: str
) -> str | Refusal:
    """The id of what is asked about, kind and name, after the question was recorded where it has to be: about an
    account, and where it makes a copy. ``narrowed_to``: the other conditions."""
    kind, name = thing
    subject = None
    if kind == ACCOUNT and name:
        named = await asked_subject(asker, name, _CHANGES, reason)
        if isinstance(named, Refusal):
            return named
        name = subject = named
    refusal = refuse_reason(reason, demanded=False)
    if refusal is None and (subject is not None or asker.exported):
        asked = {"kind": kind, "id": "" if subject else name, **narrowed_to}
        conditions = {condition: value for condition, value in asked.items() if value}
        refusal = await asker.record(_CHANGES, reason, conditions, subject)
    return name if refusal is None else refusal
