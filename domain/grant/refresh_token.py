"""Refreshing: each token has one successor, the same one within a short grace period, and reuse after it revokes the
grant (RFC 6749 §6, RFC 9700 §4.14.2; decisions.md 4 to 6)."""

import msgspec

from domain.client import client as client_rules
from domain.client.client import Client
from domain.decision import Decision, refuse
from domain.errors import Refusal, invalid_grant, invalid_scope
from domain.grant import issue
from domain.grant.events import (
    GrantRevoked,
    RefreshTokenRepeated,
    RefreshTokenReused,
    RefreshTokenRotated,
    RefreshTokenUsed,
)
from domain.grant.grant import Grant, Refresh, summarized
from domain.grant.issue import IssuedTokens, IssueFacts
from domain.grant.revocation import ended_with_others
from domain.grant.sender_constraint import WRONG_INSTANCE, binding_of, wrong_key
from domain.liveness import why_not
from domain.vocabulary import scope as scopes
from domain.vocabulary.confirmation import UNBOUND, Confirmation


class RefreshTokens(msgspec.Struct, frozen=True):
    """An authenticated client presents a refresh token. ``generation`` is the number in the token; ``genuine`` says
    that this server issued exactly this string for that generation. ``proof`` are the keys that the request proved
    possession of."""

    client_id: str
    generation: int
    genuine: bool
    scope: tuple[str, ...] | None
    resource: tuple[str, ...]
    client_auth_method: str | None = None
    client_key_id: str | None = None
    proof: Confirmation = UNBOUND


class RotationRule(msgspec.Struct, frozen=True):
    """Whether the client's refresh tokens rotate, and how long and how often the previous token is still accepted."""

    rotates: bool = True
    grace_seconds: int = 10
    grace_count: int = 64


def rotation_rule(client: Client, grace: tuple[int, int]) -> RotationRule:
    """The client's own grace, else the server's (how long in seconds, and how often); never longer than the profile
    allows."""
    metadata, (seconds, count) = client.metadata, grace
    own_seconds, own_count = metadata.refresh_grace_seconds, metadata.refresh_grace_count
    return RotationRule(
        rotates=client_rules.rotates_refresh_tokens(client),
        grace_seconds=min(
            seconds if own_seconds is None else own_seconds, client.profile.longest_refresh_grace_seconds
        ),
        grace_count=count if own_count is None else own_count,
    )


UNKNOWN = invalid_grant(
    "The refresh token is not valid.", reason="refresh_unknown", hint="Start a new authorization request."
)
EXPIRED = invalid_grant(
    "The refresh token has expired.", reason="refresh_expired", hint="Start a new authorization request."
)
REVOKED = invalid_grant(
    "The refresh token was revoked.", reason="grant_not_live", hint="Start a new authorization request."
)
REUSED = invalid_grant(
    "The refresh token was used before.",
    reason="refresh_reused",
    hint="All tokens of the grant are revoked; start a new authorization request.",
    section="RFC 9700 §4.14.2",
)


def decide_refresh(
    grant: Grant, command: RefreshTokens, facts: IssueFacts, rule: RotationRule
) -> Decision[IssuedTokens]:
    """Exchange a refresh token for new tokens."""
    refresh = grant.refresh
    if refresh is None or not command.genuine or command.generation > refresh.generation:
        return refuse(UNKNOWN)
    if command.client_id != grant.client_id:
        return refuse(UNKNOWN)
    if grant.revoked_at is not None:
        return refuse(REVOKED)
    repeated = command.generation == refresh.generation - 1
    if command.generation < refresh.generation and not (repeated and _in_grace(refresh, facts.now, rule)):
        reused = RefreshTokenReused(command.generation, facts.now)
        return refuse(REUSED, reused, GrantRevoked("refresh_reused", facts.now))
    if facts.now >= refresh.expires_at:
        return refuse(EXPIRED)
    if why_not(facts.liveness):
        return refuse(REVOKED, *ended_with_others(grant, facts))
    return _refresh(grant, refresh, command, facts, rule, repeated)


def _in_grace(refresh: Refresh, now: int, rule: RotationRule) -> bool:
    """Whether the grace period is still running. Rotation sets its end, it is never extended, and its uses are counted
    (A125)."""
    return now < refresh.grace_until and refresh.repeats < rule.grace_count


def _refresh(
    grant: Grant,
    refresh: Refresh,
    command: RefreshTokens,
    facts: IssueFacts,
    rule: RotationRule,
    repeated: bool,
) -> Decision[IssuedTokens]:
    if refresh.instance_jkt not in (None, command.client_key_id):
        return refuse(WRONG_INSTANCE)
    demanded = grant.request.sender_constraints if grant.request else ()
    binding = wrong_key(refresh.bound_to, command.proof) or binding_of(facts.client, command.proof, demanded)
    if isinstance(binding, Refusal):
        return refuse(binding)
    scope = _narrowed(grant, command.scope)
    if isinstance(scope, Refusal):
        return refuse(scope)
    target = issue.target(facts, grant, command.resource, scope)
    if isinstance(target, Refusal):
        return refuse(target)
    step = _step(refresh, command, facts, rule, repeated)
    access = issue.access_token(facts, target, grant, binding)
    identity = issue.id_token(facts, grant, scope)
    events = summarized(grant, issue.present(step, access, identity))
    return Decision(events, issue.answer(grant, access, identity, step.generation, refreshed=True))


def _narrowed(grant: Grant, requested: tuple[str, ...] | None) -> tuple[str, ...] | Refusal:
    """The scope of this access token, which may be smaller than the granted one but never larger (RFC 6749 §6)."""
    granted = grant.scope or ()
    if requested is None:
        return granted
    beyond = [value for value in requested if value not in granted]
    if beyond:
        return invalid_scope(
            f"The scope has more than was granted: {scopes.shown(beyond)}.",
            hint="Ask for the granted scope or a part of it.",
        )
    return requested


def _step(
    refresh: Refresh, command: RefreshTokens, facts: IssueFacts, rule: RotationRule, repeated: bool
) -> RefreshTokenRotated | RefreshTokenRepeated | RefreshTokenUsed:
    if repeated:
        return RefreshTokenRepeated(refresh.generation, facts.now)
    if not rule.rotates:
        return RefreshTokenUsed(
            generation=refresh.generation,
            used_at=facts.now,
            client_auth_method=command.client_auth_method,
            client_key_id=command.client_key_id,
            jkt=command.proof.jkt,
            x5t_s256=command.proof.x5t_s256,
        )
    return RefreshTokenRotated(
        generation=refresh.generation + 1,
        token_hash=facts.refresh_hash,
        hmac_key_id=facts.hmac_key_id,
        rotated_at=facts.now,
        expires_at=facts.now + facts.refresh_token_lifetime,
        grace_until=facts.now + rule.grace_seconds,
        client_auth_method=command.client_auth_method,
        client_key_id=command.client_key_id,
        jkt=command.proof.jkt,
        x5t_s256=command.proof.x5t_s256,
    )


def may_be_refreshed(grant: Grant, now: int) -> bool:
    """Whether the grant has a refresh token that can still be used. A grant without one never gets one again."""
    return grant.refresh is not None and is_current(grant, grant.refresh.generation, now)


def is_current(grant: Grant, generation: int, now: int) -> bool:
    """Whether the refresh token of that generation is the grant's newest and can still be used."""
    refresh = grant.refresh
    return (
        refresh is not None
        and refresh.generation == generation
        and grant.revoked_at is None
        and now < refresh.expires_at
    )
