"""What an administrator can change, as fields with values, and what one event does to them.

Old and new values are not in the events: they are the state before and after, each the fold of the stream. So they are
told of every log, however old. A secret or a person's data is in a ``Hidden`` and never leaves it (A266).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from domain.claim import definitions as claims
from domain.claim.definitions import Definitions
from domain.client import client as clients
from domain.client.client import Client
from domain.client.events import ClientRegistered
from domain.event import Event
from domain.key import key as keys
from domain.person import account as accounts
from domain.person import role as roles
from domain.person.account import Account
from domain.person.account_events import ClaimsChanged, PersonErased
from domain.person.role import Holders
from domain.registration import initial_access_token as initial_tokens
from domain.registration.initial_access_token import RegistrationToken
from domain.resource import resource as resources
from domain.resource.resource import Resource
from domain.scope_text import scope_text
from domain.scope_text.scope_text import ScopeTexts
from domain.setting import settings
from domain.stream import ACCOUNT, CLAIM, CLIENT, KEY, REGISTRATION, RESOURCE, ROLE, SCOPE, SETTING

#: Fields whose members are told one by one.
_BY_MEMBER: Final = ("localized",)


class Hidden(msgspec.Struct, frozen=True):
    """Something that is never told. ``mark`` shows whether it is another one; None: there is none."""

    mark: Any

    def __repr__(self) -> str:
        return "Hidden()"


class ChangedField(msgspec.Struct, frozen=True):
    """A field with its old and its new value. ``hidden`` is ``set``, ``changed`` or ``removed`` for what is not told;
    both values are None then."""

    field: str
    old: Any = None
    new: Any = None
    hidden: str = ""


Fields = Mapping[str, Any]


class Changeable(NamedTuple):
    """A kind of stream whose events are changes: ``apply`` and ``nothing`` are its fold. ``fields`` are those of a
    state; where one stream holds many things, of the one that is named."""

    nothing: Any
    apply: Callable[[Any, Event], Any]
    fields: Callable[[Any, str], Fields]


def differences(before: Fields, after: Fields) -> tuple[ChangedField, ...]:
    """The fields that have another value, in the order of ``after``."""
    names = dict.fromkeys((*after, *before))
    return tuple(
        _changed(name, before.get(name), after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    )


def _changed(name: str, old: Any, new: Any) -> ChangedField:
    if not isinstance(old, Hidden) and not isinstance(new, Hidden):
        return ChangedField(name, old, new)
    was, is_now = _there(old), _there(new)
    return ChangedField(name, hidden="changed" if was and is_now else "set" if is_now else "removed")


def _there(value: Any) -> bool:
    return isinstance(value, Hidden) and value.mark is not None


def _plain(struct: msgspec.Struct) -> dict[str, Any]:
    """All fields of a struct as JSON values, those with their default too."""
    return {name: msgspec.to_builtins(getattr(struct, name)) for name in struct.__struct_fields__}


class _Client(msgspec.Struct, frozen=True):
    """A client, and how it was let in."""

    client: Client = clients.NO_CLIENT
    registered: ClientRegistered | None = None


def _apply_client(before: _Client, event: Event) -> _Client:
    registered = event if isinstance(event, ClientRegistered) else before.registered
    return _Client(clients.apply(before.client, event), registered)


def _client_fields(state: _Client, _name: str) -> Fields:
    client, registered = state.client, state.registered
    newest = client.secrets[0] if client.secrets else None
    previous = client.secrets[1] if len(client.secrets) > 1 else None
    let_in = None if registered is None else registered.admitted_by
    return {
        "status": client.status or None,
        "source": client.source if registered else None,
        "initial_access_token": None if registered is None else registered.initial_token_id,
        "statement_issuer": None if registered is None else registered.statement_issuer,
        "admitted_scope": None if let_in is None else list(let_in.scope),
        "admitted_grant_types": None if let_in is None else list(let_in.grant_types),
        "client_secret": Hidden(None if newest is None else newest.secret_hash),
        "client_secret_expires_at": None if newest is None else newest.expires_at,
        "previous_secret_until": None if previous is None else previous.expires_at,
        "registration_access_token": Hidden(client.registration_token_hash or None),
        "generation": client.generation,
        "subjects_generation": client.subjects_generation,
        **dict(_members(_plain(client.metadata))),
    }


def _members(fields: Fields) -> Iterator[tuple[str, Any]]:
    for name, value in fields.items():
        if name in _BY_MEMBER:
            yield from value.items()
        else:
            yield name, value


class _Account(msgspec.Struct, frozen=True):
    """An account, the names of the person's claims, and how often their values were replaced."""

    account: Account = accounts.NO_ACCOUNT
    names: tuple[str, ...] = ()
    replaced: int | None = None


def _apply_account(before: _Account, event: Event) -> _Account:
    account = accounts.apply(before.account, event)
    match event:
        case ClaimsChanged():
            return _Account(account, event.names, (before.replaced or 0) + 1)
        case PersonErased():
            return _Account(account)
        case _:
            return _Account(account, before.names, before.replaced)


def _until(until: int | None) -> str | int:
    return "until it is released" if until is None else until


def _account_fields(state: _Account, _name: str) -> Fields:
    account = state.account
    return {
        "status": account.status or None,
        "password": Hidden(account.password_set_at),
        "claims": list(state.names),
        "values_of_claims": Hidden(state.replaced),
        **{f"consent.{client}": list(scope) for client, scope in account.consents.items()},
        **{f"consent_claims.{client}": list(names) for client, names in account.consent_claims.items()},
        **{f"consent_generation.{client}": one for client, one in account.consent_generations.items()},
        "ended_grants": {name: ending.reason for name, ending in account.endings.marks.items()},
        "endings": account.endings.epoch,
        **{f"hold.{name}": _until(until) for name, until in account.holds.items()},
        "erasure_due_at": None if account.erasure is None else account.erasure.due_at,
    }


def _resource_fields(resource: Resource, _name: str) -> Fields:
    return {"status": resource.status or None, **_plain(resource.settings)}


def _key_fields(key: keys.Key, _name: str) -> Fields:
    return {
        "status": key.status or None,
        "alg": key.alg or None,
        "active_from": key.active_from or None,
        "revoked_at": key.revoked_at,
        "public_jwk": key.public_jwk or None,
    }


def _scope_fields(texts: ScopeTexts, scope: str) -> Fields:
    return {
        f"{locale}.{name}": value
        for locale, text in texts.get(scope, {}).items()
        for name, value in _plain(text).items()
        if value
    }


def _claim_fields(definitions: Definitions, name: str) -> Fields:
    definition = definitions.by_name.get(name)
    if definition is None:
        return {}
    return {
        "in_use": definition.in_use,
        "value_type": definition.type,
        "scopes": list(definition.scopes),
        "label": definition.label or None,
    }


def _registration_fields(token: RegistrationToken, _name: str) -> Fields:
    issued = token.issued
    if issued is None:
        return {}
    return {
        "initial_access_token": Hidden(issued.token_hash),
        "uses": issued.uses,
        "used": token.used,
        "expires_at": issued.expires_at,
        "scope": list(issued.scope),
        "grant_types": list(issued.grant_types),
        "profile": issued.profile or None,
        "revoked_at": token.revoked_at,
    }


def _setting_fields(recorded: settings.RecordedSettings, _name: str) -> Fields:
    return {name: Hidden(value) if settings.is_hidden(value) else value for name, value in recorded.items()}


def _role_fields(holders: Holders, _name: str) -> Fields:
    return {"subjects": list(holders.subjects)}


#: By kind of stream.
CHANGEABLE: Final[Mapping[str, Changeable]] = {
    CLIENT: Changeable(_Client(), _apply_client, _client_fields),
    ACCOUNT: Changeable(_Account(), _apply_account, _account_fields),
    KEY: Changeable(keys.NO_KEY, keys.apply, _key_fields),
    SETTING: Changeable(settings.NOTHING_RECORDED, settings.apply, _setting_fields),
    RESOURCE: Changeable(resources.NO_RESOURCE, resources.apply, _resource_fields),
    SCOPE: Changeable(scope_text.NO_TEXTS, scope_text.apply, _scope_fields),
    CLAIM: Changeable(claims.NOTHING_DEFINED, claims.apply, _claim_fields),
    ROLE: Changeable(roles.NOBODY, roles.apply, _role_fields),
    REGISTRATION: Changeable(initial_tokens.NO_TOKEN, initial_tokens.apply, _registration_fields),
}


def thing_of(kind: str, stream_id: str, event: Event) -> str:
    """What an event changes, by its name: the stream's id, or for scopes and claims the one that the event names."""
    if kind == SCOPE:
        return str(getattr(event, "scope", ""))
    if kind == CLAIM:
        return str(getattr(event, "name", ""))
    return stream_id
