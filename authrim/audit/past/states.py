"""The state of one thing as of a moment, by its kind."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from authrim.audit.past.configuration import (
    claim_names,
    claim_state,
    client_state,
    key_ids,
    key_state,
    registration_state,
    resource_state,
    role_state,
    scope_state,
    scope_values,
    setting_names,
    setting_state,
)
from authrim.audit.past.grants import grant_state
from authrim.audit.past.people import account_state, session_state
from authrim.audit.past.reading import Past
from authrim.audit.past.view import View
from authrim.store.codec import UnreadableEvent
from domain.errors import Refusal, invalid_request
from domain.stream import (
    ACCOUNT,
    CLAIM,
    CLIENT,
    GRANT,
    KEY,
    REGISTRATION,
    RESOURCE,
    ROLE,
    SCOPE,
    SESSION,
    SETTING,
)

STATES: Final[Mapping[str, Callable[[Past, str], Awaitable[View | None]]]] = {
    GRANT: grant_state,
    SESSION: session_state,
    ACCOUNT: account_state,
    CLIENT: client_state,
    KEY: key_state,
    RESOURCE: resource_state,
    REGISTRATION: registration_state,
    CLAIM: claim_state,
    SCOPE: scope_state,
    SETTING: setting_state,
    ROLE: role_state,
}
#: Kinds of which there are few: all of them can be asked for at once.
FEW: Final[Mapping[str, Callable[[Past], Awaitable[list[str]]]]] = {
    KEY: key_ids,
    CLAIM: claim_names,
    SCOPE: scope_values,
    SETTING: setting_names,
}

UNREADABLE: Final = invalid_request(
    "The log holds an event of it that this version cannot read.",
    hint="Use the version that wrote it, or a newer one. A guess would be no evidence.",
)


async def state_of(past: Past, kind: str, identifier: str) -> View | Refusal:
    """The state of one thing. Raises Unavailable."""
    try:
        found = await STATES[kind](past, identifier)
    except UnreadableEvent:
        return UNREADABLE
    if found is not None:
        return found
    return invalid_request(
        f"There was no such {kind} at position {past.moment.position}.",
        hint="Check the id; authrim audit search finds when something began.",
    )


async def states_of(past: Past, kind: str) -> list[View] | Refusal:
    """The states of all things of a kind of ``FEW``. Raises Unavailable."""
    found: list[View] = []
    try:
        for identifier in await FEW[kind](past):
            view = await STATES[kind](past, identifier)
            if view is not None:
                found.append(view)
    except UnreadableEvent:
        return UNREADABLE
    return found
