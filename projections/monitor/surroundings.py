"""What grants depend on, as the monitor knows it: clients, accounts, sessions and resource servers.

A row is kept for each client, for each account with an end in it, for each resource server that takes any client, and
for a session that ended, for some time.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

from domain.client import events as client_events
from domain.event import tag_of
from domain.person import account_events, session_events
from domain.resource import events as resource_events
from domain.stream import ACCOUNT, CLIENT, RESOURCE, SESSION
from domain.units import DAY
from projections.monitor import reading

#: How long the end of a session is remembered, in seconds. A grant that is refreshed without ``offline_access`` for
#: longer after it is not seen.
SESSION_END_KEPT: Final = 90 * DAY

#: Marks of an account for all grants, and for those with tokens that a thief could use.
_ALL: Final = "*"
_UNBOUND: Final = "*unbound"


class ClientState(msgspec.Struct, array_like=True):
    """A client. ``over`` is the position at which it was disabled or deleted, 0 while it may act. Grants from before
    ``subjects_generation`` are over since ``subjects_changed``."""

    over: int = 0
    generation: int = 0
    changed: int = 0
    subjects_generation: int = 0
    subjects_changed: int = 0
    is_public: bool = False
    audiences: tuple[str, ...] = ()


class AccountState(msgspec.Struct, array_like=True):
    """An account. ``marks``: which grants are over, by client or for all, with the number of the end and its
    position."""

    over: int = 0
    epoch: int = 0
    marks: dict[str, tuple[int, int]] = {}


class SessionState(msgspec.Struct, array_like=True):
    """A session that ended, and until when that is remembered (seconds)."""

    over: int = 0
    leaves_at: int = 0


class ResourceState(msgspec.Struct, array_like=True):
    """A resource server."""

    any_client: bool = False


State = ClientState | AccountState | SessionState | ResourceState

_OF_KIND: Final[Mapping[str, type[Any]]] = {
    CLIENT: ClientState,
    ACCOUNT: AccountState,
    SESSION: SessionState,
    RESOURCE: ResourceState,
}
_DECODERS: Final = {kind: msgspec.json.Decoder(known) for kind, known in _OF_KIND.items()}
_encode: Final = msgspec.json.Encoder().encode

#: Changes a state by what an event says, at its position and its time in seconds.
Change = Callable[[Any, Any, int, int], None]


class Surroundings:
    """The states that a page needs, by stream; changed as the events of the page go by."""

    def __init__(self) -> None:
        self._states: dict[str, Any] = {}
        self._read: dict[str, str] = {}

    def load(self, streams: Iterable[str], rows: Mapping[str, str]) -> None:
        """Take the rows of these streams; what has none is as it begins."""
        for stream in streams:
            document = rows.get(stream)
            if document is not None:
                self._read[stream] = document
                self._states[stream] = _DECODERS[_kind(stream)].decode(document)

    def lacks(self, stream: str) -> bool:
        """Whether nothing is known of it."""
        return stream not in self._states

    def apply(self, stream: str, type_: str, seen: Any, position: int, seconds: int) -> None:
        """Take in an event of a client, an account, a session or a resource server."""
        state = self._states.get(stream)
        if state is None:
            state = self._states[stream] = _OF_KIND[_kind(stream)]()
        CHANGES[type_](state, seen, position, seconds)

    def client(self, tenant: str, client_id: str) -> ClientState | None:
        """None: no such client was ever registered."""
        return self._states.get(f"{tenant}:{CLIENT}:{client_id}")

    def account(self, tenant: str, subject: str) -> AccountState | None:
        """None: nothing of it ever ended."""
        return self._states.get(f"{tenant}:{ACCOUNT}:{subject}")

    def session(self, tenant: str, session_id: str) -> SessionState | None:
        """None: it has not ended, as far as is remembered."""
        return self._states.get(f"{tenant}:{SESSION}:{session_id}")

    def takes_any_client(self, tenant: str, uri: str) -> bool:
        """Whether every client may ask for tokens of the resource server."""
        state: ResourceState | None = self._states.get(f"{tenant}:{RESOURCE}:{uri}")
        return state is not None and state.any_client

    def changes(self) -> tuple[list[tuple[str, str, int | None]], list[str]]:
        """The rows to write (with the time at which they leave), and those to delete."""
        puts: list[tuple[str, str, int | None]] = []
        drops: list[str] = []
        for stream, state in self._states.items():
            document = _encode(state).decode()
            known = self._read.get(stream)
            if document == known:
                continue
            if _is_unremarkable(state):
                if known is not None:
                    drops.append(stream)
                continue
            puts.append((stream, document, getattr(state, "leaves_at", None)))
        return puts, drops


def over_of(account: AccountState, client_id: str, epoch: int, *, unbound: bool) -> int:
    """The position at which a grant from ``epoch`` was ended with others of the account; 0: none did."""
    names = (_ALL, client_id, _UNBOUND) if unbound else (_ALL, client_id)
    marks = (account.marks[name] for name in names if name in account.marks)
    return next((position for number, position in marks if epoch < number), 0)


def _kind(stream: str) -> str:
    return stream.split(":", 2)[1]


def _is_unremarkable(state: State) -> bool:
    """Whether it is as if there were no row. A client without a row would be one that was never registered."""
    return not isinstance(state, ClientState) and state == type(state)()


# What the events change


def _registered(state: ClientState, seen: reading.Registered, _position: int, _seconds: int) -> None:
    state.over = state.generation = state.changed = state.subjects_generation = state.subjects_changed = 0
    _of_metadata(state, seen.metadata)


def _updated(state: ClientState, seen: reading.Updated, position: int, _seconds: int) -> None:
    _of_metadata(state, seen.metadata)
    if seen.consents_void:
        state.generation += 1
        state.changed = position
    if seen.subjects_changed:
        state.subjects_generation = state.generation
        state.subjects_changed = position


def _of_metadata(state: ClientState, metadata: reading.Metadata) -> None:
    default = metadata.default_audience
    state.is_public = metadata.token_endpoint_auth_method == "none"  # noqa: S105 - a name of RFC 7591
    state.audiences = metadata.audiences if default is None else (*metadata.audiences, default)


def _over(state: Any, _seen: Any, position: int, _seconds: int) -> None:
    state.over = state.over or position


def _not_over(state: Any, _seen: Any, _position: int, _seconds: int) -> None:
    state.over = 0


def _session_over(state: SessionState, _seen: Any, position: int, seconds: int) -> None:
    state.over = state.over or position
    state.leaves_at = seconds + SESSION_END_KEPT


def _password(state: AccountState, seen: reading.PasswordChanged, position: int, _seconds: int) -> None:
    if seen.ends_grants == "all":
        _mark(state, _ALL, position)
    elif seen.ends_grants == "unbound":
        _mark(state, _UNBOUND, position)


def _consent_taken(state: AccountState, seen: reading.ConsentTaken, position: int, _seconds: int) -> None:
    if seen.ends_grants:
        _mark(state, seen.client_id, position)


def _grants_over(state: AccountState, seen: reading.GrantsOver, position: int, _seconds: int) -> None:
    _mark(state, seen.client_id or _ALL, position)


def _mark(state: AccountState, name: str, position: int) -> None:
    state.epoch += 1
    kept = {} if name == _ALL else state.marks
    state.marks = {**kept, name: (state.epoch, position)}


def _resource(state: ResourceState, seen: reading.Resource, _position: int, _seconds: int) -> None:
    state.any_client = seen.settings.any_client


def _retired(state: ResourceState, _seen: Any, _position: int, _seconds: int) -> None:
    state.any_client = False


_TABLE: Final[tuple[tuple[type[Any], type[Any], Change], ...]] = (
    (client_events.ClientRegistered, reading.Registered, _registered),
    (client_events.ClientUpdated, reading.Updated, _updated),
    (client_events.ClientDisabled, reading.Nothing, _over),
    (client_events.ClientEnabled, reading.Nothing, _not_over),
    (client_events.ClientDeleted, reading.Nothing, _over),
    (account_events.AccountDisabled, reading.Nothing, _over),
    (account_events.AccountEnabled, reading.Nothing, _not_over),
    (account_events.PersonErased, reading.Nothing, _over),
    (account_events.PasswordSet, reading.PasswordChanged, _password),
    (account_events.ConsentWithdrawn, reading.ConsentTaken, _consent_taken),
    (account_events.GrantsEnded, reading.GrantsOver, _grants_over),
    (session_events.SessionEnded, reading.Nothing, _session_over),
    (resource_events.ResourceCreated, reading.Resource, _resource),
    (resource_events.ResourceUpdated, reading.Resource, _resource),
    (resource_events.ResourceRetired, reading.Nothing, _retired),
)
#: By the event's stored type.
READS: Final = {tag_of(event): read for event, read, _ in _TABLE}
CHANGES: Final[dict[str, Change]] = {tag_of(event): change for event, _, change in _TABLE}
