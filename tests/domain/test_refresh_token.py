"""Refresh tokens: one successor each, the same one within the grace, the grant's end on reuse (A122 to A126)."""

from typing import Any

import msgspec
import pytest

from domain.decision import Decision
from domain.errors import Refusal
from domain.event import Event
from domain.grant.events import GrantRevoked, GrantSummarized
from domain.grant.grant import NOTHING, SUMMARIZE_AFTER, Grant, fold
from domain.grant.issue import IssuedTokens
from domain.grant.refresh_token import RefreshTokens, RotationRule, decide_refresh, is_current
from domain.liveness import Liveness
from tests.domain.grant_samples import (
    API,
    FILES,
    ISSUER,
    NOW,
    REFRESH_LIFETIME,
    WITH_REFRESH,
    client,
    facts,
    kinds,
    refused,
    requested,
)

GRACE = RotationRule(grace_seconds=10, grace_count=3)
NO_GRACE = RotationRule(grace_seconds=0)
KEEPS = RotationRule(rotates=False)
FRESH = fold(WITH_REFRESH)
REUSE = ["RefreshTokenReused", "GrantRevoked"]
REPEATED = ["RefreshTokenRepeated", "AccessTokenIssued", "IdTokenIssued"]


def present(
    grant: Grant, generation: int, now: int = NOW, rule: RotationRule = GRACE, **fields: Any
) -> Decision[IssuedTokens]:
    """The client presents the token of ``generation``."""
    right = RefreshTokens("shop", generation, genuine=True, scope=None, resource=())
    return decide_refresh(grant, msgspec.structs.replace(right, **fields), facts(now), rule)


def rotated(grant: Grant, generation: int, now: int = NOW, rule: RotationRule = GRACE) -> Grant:
    """The grant after an accepted refresh."""
    decision = present(grant, generation, now, rule)
    assert isinstance(decision.answer, IssuedTokens), decision.answer
    return fold(decision.events, grant)


SECOND = rotated(FRESH, 1)
THIRD = rotated(SECOND, 2)


def test_a_refresh_rotates() -> None:
    """RFC 9700 §4.14.2: fresh tokens and the next generation, whose hash and key are in the event."""
    decision = present(FRESH, 1)
    assert kinds(decision) == ["RefreshTokenRotated", "AccessTokenIssued", "IdTokenIssued"]
    assert isinstance(decision.answer, IssuedTokens)
    assert decision.answer.refresh_generation == 2
    refresh = SECOND.refresh
    assert refresh is not None
    assert (refresh.generation, refresh.token_hash, refresh.hmac_key_id) == (2, "refresh-next", "hmac-1")
    assert (refresh.grace_until, refresh.previous_hmac_key_id) == (NOW + 10, "hmac-1")


def test_the_nonce_is_for_the_first_id_token() -> None:
    """OIDC Core §12.2: the ID token of a refresh has the person and the sign-in of the first, and no nonce."""
    issued = present(FRESH, 1).answer
    assert isinstance(issued, IssuedTokens)
    assert FRESH.request is not None
    assert FRESH.request.nonce == "n"
    assert issued.id_token is not None
    assert issued.id_token.nonce is None
    assert (issued.id_token.subject, issued.id_token.auth_time) == (FRESH.subject, FRESH.auth_time)


def test_a_sender_constrained_confidential_client_keeps_its_token() -> None:
    """decisions.md 5: without rotation the same generation is answered, again and again."""
    decision = present(FRESH, 1, rule=KEEPS)
    assert kinds(decision) == ["RefreshTokenUsed", "AccessTokenIssued", "IdTokenIssued"]
    assert isinstance(decision.answer, IssuedTokens)
    assert decision.answer.refresh_generation == 1
    assert fold(decision.events, FRESH).refresh == FRESH.refresh


@pytest.mark.parametrize(
    ("after", "rule", "events"),
    [
        (0, GRACE, REPEATED),
        (9, GRACE, REPEATED),
        (10, GRACE, REUSE),
        (3600, GRACE, REUSE),
        (0, NO_GRACE, REUSE),
    ],
    ids=["at once", "last second", "a second late", "an hour late", "no grace"],
)
def test_grace_to_the_second(after: int, rule: RotationRule, events: list[str]) -> None:
    """A123 and decisions.md 6: within the grace the same successor, outside it the grant's end."""
    decision = present(rotated(FRESH, 1, rule=rule), 1, NOW + after, rule)
    assert kinds(decision) == events


def test_grace_gives_the_identical_generation_and_never_a_second_child() -> None:
    """A123 and decisions.md 6: every answer names generation 2, and its hash stays what it was."""
    grant = SECOND
    for _ in range(GRACE.grace_count):
        decision = present(grant, 1, NOW + 5)
        assert isinstance(decision.answer, IssuedTokens)
        assert decision.answer.refresh_generation == 2
        grant = fold(decision.events, grant)
    assert grant.refresh is not None
    assert SECOND.refresh is not None
    assert msgspec.structs.replace(grant.refresh, repeats=0) == SECOND.refresh


def test_grace_is_counted_and_never_extended() -> None:
    """A125: one repetition beyond the count ends the grant, and no repetition moves the grace's end."""
    grant = SECOND
    for second in range(GRACE.grace_count):
        grant = fold(present(grant, 1, NOW + second).events, grant)
        assert grant.refresh is not None
        assert grant.refresh.grace_until == NOW + 10
    assert kinds(present(grant, 1, NOW + 5)) == REUSE


def test_the_count_begins_anew_with_each_rotation() -> None:
    """A125: repetitions of an earlier token are not held against the next."""
    grant = rotated(fold(present(SECOND, 1).events, SECOND), 2)
    assert grant.refresh is not None
    assert grant.refresh.repeats == 0
    assert kinds(present(grant, 2)) == REPEATED


def test_reuse_revokes_the_grant() -> None:
    """A122: the token before the previous one is reuse even within the grace; then nothing works any more."""
    decision = present(THIRD, 1)
    assert kinds(decision) == REUSE
    assert (refused(decision).error, refused(decision).reason) == ("invalid_grant", "refresh_reused")
    revoked = fold(decision.events, THIRD)
    assert revoked.revocation_reason == "refresh_reused"
    for generation in (1, 2, 3):
        again = present(revoked, generation)
        assert (refused(again).reason, again.events) == ("grant_not_live", ())


def test_reuse_is_seen_from_the_log_alone() -> None:
    """A124: a grant folded again from its stored events refuses as the one in memory did."""
    stored = (*WITH_REFRESH, *present(FRESH, 1).events, *present(SECOND, 2).events)
    assert kinds(present(fold(stored), 1)) == REUSE


def test_reuse_long_after_expiry_or_of_a_disabled_client_still_revokes() -> None:
    """A122: what ended by itself does not hide a theft."""
    command = RefreshTokens("shop", 1, genuine=True, scope=None, resource=())
    late = facts(NOW + 2 * REFRESH_LIFETIME, liveness=Liveness("disabled"))
    assert kinds(decide_refresh(THIRD, command, late, GRACE)) == REUSE


@pytest.mark.parametrize("generation", [1, 2], ids=["previous", "current"])
def test_another_clients_refresh_token(generation: int) -> None:
    """A126: unknown to anybody else, and nothing happens to the grant, whatever the generation."""
    decision = present(SECOND, generation, NOW + 60, client_id="other")
    assert (refused(decision).reason, decision.events) == ("refresh_unknown", ())


@pytest.mark.parametrize(
    ("grant", "fields"),
    [(FRESH, {"genuine": False}), (FRESH, {"generation": 2}), (NOTHING, {}), (fold(WITH_REFRESH[:5]), {})],
    ids=["forged", "not issued yet", "no grant", "no refresh token"],
)
def test_a_value_never_issued_touches_nothing(grant: Grant, fields: dict[str, Any]) -> None:
    """decisions.md 4: unknown is ``invalid_grant`` and appends nothing."""
    decision = present(grant, **{"generation": 1, **fields})
    assert (refused(decision).reason, decision.events) == ("refresh_unknown", ())


def test_a_forged_old_generation_is_no_kill_switch() -> None:
    """decisions.md 4: an old generation without its secret revokes nothing."""
    assert present(THIRD, 1, genuine=False).events == ()


@pytest.mark.parametrize(
    ("after", "reason"), [(REFRESH_LIFETIME - 1, ""), (REFRESH_LIFETIME, "refresh_expired")]
)
def test_expiry_to_the_second(after: int, reason: str) -> None:
    """The token ends at its ``expires_at``."""
    decision = present(FRESH, 1, NOW + after)
    assert (decision.answer.reason if isinstance(decision.answer, Refusal) else "") == reason


@pytest.mark.parametrize(
    "liveness",
    [
        Liveness("disabled"),
        Liveness("active", "disabled", needs_account=True),
        Liveness("active", session="ended", needs_session=True),
    ],
    ids=["client", "account", "session"],
)
def test_refresh_asks_what_the_grant_hangs_on(liveness: Liveness) -> None:
    """A129, A147: client, account and session are asked at every refresh."""
    command = RefreshTokens("shop", 1, genuine=True, scope=None, resource=())
    decision = decide_refresh(FRESH, command, facts(liveness=liveness), GRACE)
    assert (refused(decision).reason, decision.events) == ("grant_not_live", ())


@pytest.mark.parametrize(
    ("asked", "scope"),
    [
        (None, ("openid", "email", "offline_access")),
        (("email",), ("email",)),
        (("openid", "email"), ("openid", "email")),
        (("openid", "profile"), None),
        (("read",), None),
    ],
)
def test_scope_gets_narrower_never_wider(
    asked: tuple[str, ...] | None, scope: tuple[str, ...] | None
) -> None:
    """A126: more than was granted is ``invalid_scope`` though the client may ask for it; nothing is used up."""
    decision = present(FRESH, 1, scope=asked)
    if scope is None:
        assert (refused(decision).error, decision.events) == ("invalid_scope", ())
        return
    assert isinstance(decision.answer, IssuedTokens)
    assert decision.answer.access_token.scope == scope
    assert (decision.answer.id_token is not None) is ("openid" in scope)


def test_a_narrowed_refresh_does_not_narrow_the_grant() -> None:
    """RFC 6749 §6: the next refresh may have the whole of what was granted again."""
    narrowed = fold(present(FRESH, 1, scope=("email",)).events, FRESH)
    answer = present(narrowed, 2).answer
    assert isinstance(answer, IssuedTokens)
    assert answer.access_token.scope == ("openid", "email", "offline_access")


@pytest.mark.parametrize(
    ("asked", "audience"),
    [((), (API, ISSUER)), ((API,), (API, ISSUER)), ((FILES,), None), ((API, FILES), None), (("rel",), None)],
)
def test_resource_within_the_grant(asked: tuple[str, ...], audience: tuple[str, ...] | None) -> None:
    """A126: a resource the grant was not for is ``invalid_target``, though the client may have it elsewhere."""
    grant = fold((requested(resource=(API,)), *WITH_REFRESH[1:]))
    decision = present(grant, 1, resource=asked)
    if audience is None:
        assert (refused(decision).error, decision.events) == ("invalid_target", ())
    else:
        assert isinstance(decision.answer, IssuedTokens)
        assert decision.answer.access_token.audience == audience


def test_a_resource_taken_from_the_client_is_not_refreshed() -> None:
    """RFC 8707 §2: the registration is asked at each refresh, not only at the first token."""
    grant = fold((requested(resource=(API,)), *WITH_REFRESH[1:]))
    command = RefreshTokens("shop", 1, genuine=True, scope=None, resource=())
    decision = decide_refresh(grant, command, facts(client=client(audiences=())), GRACE)
    assert refused(decision).error == "invalid_target"


def refreshed_for_years() -> tuple[list[Event], Grant]:
    """Every event of a grant refreshed until two summaries were written, and the grant as it was kept."""
    log, grant, generation = list(WITH_REFRESH), FRESH, 1
    while sum(isinstance(event, GrantSummarized) for event in log) < 2:
        decision = present(grant, generation, NOW + 60 * generation)
        log += decision.events
        grant = fold(decision.events, grant)
        generation += 1
    return log, grant


def same_state(grant: Grant) -> Grant:
    """The state but for the counter that only says when the next summary is due."""
    return msgspec.structs.replace(grant, events_since_summary=0)


def test_summary_is_the_fold_of_everything_before_it() -> None:
    """A grant read from its last summary is the grant read from its first event without any summary."""
    log, grant = refreshed_for_years()
    without = [event for event in log if not isinstance(event, GrantSummarized)]
    [first, last] = [index for index, event in enumerate(log) if isinstance(event, GrantSummarized)]
    assert first >= SUMMARIZE_AFTER
    assert last - first <= SUMMARIZE_AFTER + 3
    assert same_state(fold(log[last:])) == same_state(fold(without)) == same_state(grant)


def test_summary_survives_its_stored_form() -> None:
    """The state in a summary is plain JSON, and the same grant comes of it after it was stored."""
    log, _ = refreshed_for_years()
    summary = next(event for event in log if isinstance(event, GrantSummarized))
    stored = msgspec.json.decode(msgspec.json.encode(summary), type=GrantSummarized)
    before = fold(log[: log.index(summary)])
    assert same_state(fold([stored])) == same_state(before)


@pytest.mark.parametrize(
    ("grant", "generation", "now", "current"),
    [
        (SECOND, 2, NOW, True),
        (SECOND, 1, NOW, False),
        (SECOND, 3, NOW, False),
        (SECOND, 2, NOW + REFRESH_LIFETIME, False),
        (fold((GrantRevoked("revoked_by_client", NOW),), SECOND), 2, NOW, False),
        (NOTHING, 1, NOW, False),
    ],
    ids=["newest", "previous", "not issued", "expired", "revoked", "none"],
)
def test_is_current(grant: Grant, generation: int, now: int, current: bool) -> None:
    """Introspection's view: only the newest refresh token of a live grant is active (RFC 7662 §2.2)."""
    assert is_current(grant, generation, now) is current
