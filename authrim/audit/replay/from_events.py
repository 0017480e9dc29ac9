"""Decisions that take in nothing but what their event and the log before it say: each event is decided again by itself.

An event class that is not in ``DECIDED`` says what was decided with something else, such as the terms of a registration
(docs/designs/0021-what-a-replay-needs.md).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from authrim.audit.replay.policy import Policy
from authrim.audit.replay.states import States
from domain.authorization import steps
from domain.authorization.still_allowed import is_still_allowed
from domain.claim import definitions
from domain.claim.events import ClaimDefined, ClaimRetired
from domain.client.events import ClientDeleted, ClientDisabled, ClientEnabled, ClientSecretSet
from domain.event import Event
from domain.grant.events import AuthorizationRequested, GrantRevoked, SignInFailed
from domain.grant.revocation import revoke
from domain.inputs import SessionInputs
from domain.key import key as keys
from domain.key.events import KeyCreated, KeyPromoted, KeyRevoked
from domain.key.key import KeyTimes, NewKey
from domain.person import account as accounts
from domain.person import account_events as person
from domain.person import erasure
from domain.person import session as sessions
from domain.person.account import NO_ACCOUNT, Account
from domain.person.erasure import Erasing, ErasurePolicy
from domain.person.session import NO_SESSION, Authentication
from domain.person.session_events import (
    BackChannelLogoutDelivered,
    BackChannelLogoutFailed,
    SessionEnded,
    SessionReauthenticated,
    SessionStarted,
)
from domain.registration import lifecycle, resource_server
from domain.registration.lifecycle import SetSecret
from domain.resource.events import ResourceRetired
from domain.resource.resource import NO_RESOURCE
from domain.scope_text import scope_text
from domain.scope_text.events import ScopeDescribed, ScopeDescriptionRemoved
from domain.scope_text.scope_text import ScopeText
from domain.stream import StreamId

Events = tuple[Event, ...]
Decide = Callable[[States, StreamId, Any, Policy], Events]


def _requested(states: States, stream: StreamId, event: AuthorizationRequested, policy: Policy) -> Events:
    client = policy.client(states.client(stream.tenant, event.client_id))
    allowed = is_still_allowed(client, event, policy.response_types, policy.response_modes)
    return (event,) if allowed else ()


def _sign_in_failed(_states: States, _stream: StreamId, event: SignInFailed, _policy: Policy) -> Events:
    return steps.decide_sign_in_failed(event.reason, event.subject, event.failed_at).events


def _revoked(states: States, stream: StreamId, event: GrantRevoked, _policy: Policy) -> Events:
    return revoke(states.grant(stream), event.reason, event.revoked_at).events


def _on_session(states: States, stream: StreamId, event: Event, _policy: Policy) -> Events:
    session = states.session(stream.tenant, stream.id) or NO_SESSION
    match event:
        case SessionEnded():
            return sessions.decide_end(session, event.reason, event.ended_at)
        case BackChannelLogoutDelivered() | BackChannelLogoutFailed():
            return sessions.decide_notified(session, event)
        case _:
            return ()


def _on_account(states: States, stream: StreamId, event: Event, _policy: Policy) -> Events:
    account = states.account(stream.tenant, stream.id) or NO_ACCOUNT
    match event:
        case person.AccountCreated():
            return accounts.decide_create(account, event.subject, event.created_at).events
        case person.PasswordSet():
            ends: Any = event.ends_grants or "none"
            return accounts.decide_set_password(account, event.set_at, ends).events
        case person.ClaimsChanged():
            return accounts.decide_change_claims(account, event.names, event.changed_at).events
        case person.AccountDisabled():
            return accounts.decide_disable(account, event.reason, event.disabled_at).events
        case person.AccountEnabled():
            return accounts.decide_enable(account, event.enabled_at).events
        case person.ConsentRemembered():
            return accounts.decide_remember_consent(
                account, event.client_id, event.scope, event.remembered_at, event.client_generation,
                event.claims,
            ).events  # fmt: skip
        case person.ConsentWithdrawn():
            return accounts.decide_withdraw_consent(account, event.client_id, event.withdrawn_at).events
        case person.GrantsEnded():
            return accounts.decide_end_grants(account, event.client_id, event.reason, event.ended_at).events
        case person.PersonErased():
            erasing = Erasing(event.operator, event.reason, event.keys)
            return erasure.decide_erase(account, event.erased_at, erasing).events
        case _:
            return _on_held_account(account, event)


def _on_held_account(account: Account, event: Event) -> Events:
    """What holds up an erasure."""
    match event:
        case person.HoldPlaced():
            return erasure.decide_place_hold(
                account, event.hold_id, event.reason, event.operator, event.until, event.placed_at
            ).events
        case person.HoldReleased():
            return erasure.decide_release_hold(
                account, event.hold_id, event.reason, event.operator, event.released_at
            ).events
        case person.ErasureRequested():
            policy = ErasurePolicy(event.due_at - event.requested_at, event.two_persons)
            erasing = Erasing(event.operator, event.reason)
            return erasure.decide_ask_to_erase(account, event.requested_at, erasing, policy).events
        case person.ErasureWithdrawn():
            return erasure.decide_withdraw_erasure(
                account, event.reason, event.operator, event.withdrawn_at
            ).events
        case _:
            return ()


def _on_client(states: States, stream: StreamId, event: Event, _policy: Policy) -> Events:
    client = states.client(stream.tenant, stream.id)
    match event:
        case ClientDisabled():
            return lifecycle.decide_disable(client, event.reason, event.disabled_at).events
        case ClientEnabled():
            return lifecycle.decide_enable(client, event.enabled_at).events
        case ClientDeleted():
            return lifecycle.decide_delete(client, event.deleted_at).events
        case ClientSecretSet():
            command = SetSecret(event.secret_hash, event.expires_at, event.previous_until)
            return lifecycle.decide_set_secret(client, command, event.set_at).events
        case _:
            return ()


def _on_key(states: States, stream: StreamId, event: Event, _policy: Policy) -> Events:
    """A key is made by itself, in time for the next rotation, or at once, also in place of one that is revoked with the
    same append: the event does not say for which. Nor does it say when a key was promoted; what counts is only which
    keys were signing by then."""
    known = states.keys(stream.tenant)
    if isinstance(event, KeyRevoked):
        return keys.decide_revoke(known.get(stream.id, keys.NO_KEY), event.reason, event.revoked_at).events
    if isinstance(event, KeyPromoted):
        made, pause = NewKey("", known[stream.id].alg, {}), 0
        begins = {event.active_from, *(key.active_from for key in known.values())}
        moments = sorted({now for time in begins for now in (time - 1, time)})
    else:
        assert isinstance(event, KeyCreated)
        made, moments = NewKey(event.kid, event.alg, event.public_jwk), [event.created_at]
        pause = event.active_from - event.created_at
    every = tuple(known.values())
    left = (every, *(tuple(key for key in every if key is not one) for one in every))
    ways = (_ways(made, others, now, pause) for others in left for now in moments)
    return next((events for way in ways for events in way if events == (event,)), ())


def _ways(made: NewKey, others: tuple[keys.Key, ...], now: int, pause: int) -> tuple[Events, ...]:
    """What comes of each way to make a key."""
    times = KeyTimes(cache_seconds=pause)
    return (
        keys.decide_create(made, others, now).events,
        keys.decide_rotate(made, others, now, times).events,
        keys.decide_rotate(made, others, now, times, urgent=True).events,
    )


def _resource_retired(states: States, stream: StreamId, event: ResourceRetired, _policy: Policy) -> Events:
    resource = states.resource(stream.tenant, stream.id) or NO_RESOURCE
    return resource_server.decide_retire(resource, event.reason, event.retired_at).events


def _on_claims(states: States, stream: StreamId, event: Event, _policy: Policy) -> Events:
    known = states.definitions(stream.tenant)
    if isinstance(event, ClaimDefined):
        return definitions.decide_define(known, event).events
    assert isinstance(event, ClaimRetired)
    return definitions.decide_retire(known, event.name, event.retired_at).events


def _on_texts(states: States, stream: StreamId, event: Event, _policy: Policy) -> Events:
    texts = states.texts(stream.tenant)
    if isinstance(event, ScopeDescribed):
        text = ScopeText(event.title, event.detail)
        return scope_text.decide_describe(texts, event.scope, event.locale, text, event.described_at).events
    assert isinstance(event, ScopeDescriptionRemoved)
    return scope_text.decide_remove(texts, event.scope, event.locale, event.removed_at).events


def _each(decide: Decide, *classes: type[Event]) -> dict[type[Event], Decide]:
    return dict.fromkeys(classes, decide)


DECIDED: Final[Mapping[type[Event], Decide]] = {
    AuthorizationRequested: _requested,
    SignInFailed: _sign_in_failed,
    GrantRevoked: _revoked,
    **_each(_on_session, SessionEnded, BackChannelLogoutDelivered, BackChannelLogoutFailed),
    **_each(
        _on_account, person.AccountCreated, person.PasswordSet, person.ClaimsChanged, person.AccountDisabled,
        person.AccountEnabled, person.ConsentRemembered, person.ConsentWithdrawn, person.GrantsEnded,
        person.HoldPlaced, person.HoldReleased, person.ErasureRequested, person.ErasureWithdrawn,
        person.PersonErased,
    ),
    **_each(_on_client, ClientDisabled, ClientEnabled, ClientDeleted, ClientSecretSet),
    **_each(_on_key, KeyCreated, KeyPromoted, KeyRevoked),
    ResourceRetired: _resource_retired,
    **_each(_on_claims, ClaimDefined, ClaimRetired),
    **_each(_on_texts, ScopeDescribed, ScopeDescriptionRemoved),
}  # fmt: skip


def sign_in(
    states: States, stream: StreamId, events: Iterable[Event], inputs: SessionInputs, policy: Policy
) -> Events:
    """The beginning or renewal of a session by a sign-in."""
    said = next(one for one in events if isinstance(one, SessionStarted | SessionReauthenticated))
    session = states.session(stream.tenant, stream.id) or NO_SESSION
    subject = said.subject if isinstance(said, SessionStarted) else session.subject
    proof = Authentication(subject, said.secret_hash, said.acr, said.amr)
    return sessions.decide_sign_in(session, proof, inputs.now, policy.session_lifetime(inputs.lifetime))
