"""One grant under any interleaving of what clients, people and time can do to it (issue 2, A045 to A051, A122 to A126).

The machine is the shell without its store: it decides on the grant kept so far, appends, and writes the tokens'
rows as the append's own transaction would. After every step the rules below hold.
"""

from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from authrim.store import codec
from domain.decision import Decision
from domain.errors import Refusal
from domain.event import Event, tag_of
from domain.grant.code import decide_redeem
from domain.grant.events import (
    AccessTokenIssued,
    AccessTokenRevoked,
    CodeRedeemed,
    ConsentGranted,
    GrantRevoked,
    GrantSummarized,
    IdTokenIssued,
    RefreshTokenIssued,
    RefreshTokenRotated,
)
from domain.grant.grant import NOTHING, Grant, apply, fold
from domain.grant.issue import IssuedTokens, IssueFacts, session_bound_to
from domain.grant.refresh_token import RefreshTokens, RotationRule, decide_refresh, is_current
from domain.grant.revocation import decide_revoke_access_token, decide_revoke_grant
from domain.grant.token import TokenStatus, is_active
from domain.liveness import Liveness
from domain.stream import GRANT, StreamId
from projections.inline import token_rows
from projections.rows import Row, key_range
from tests.domain import grant_samples as given
from tests.domain.grant_samples import ISSUER, NOW, SCOPE, VERIFIER

STREAM = StreamId("default", GRANT, "grant-id")
Rows = dict[str, dict[str, Any]]


def write(table: Rows, rows: tuple[Row, ...]) -> None:
    """What a store does with rows of the tokens projection."""
    for row in rows:
        if row.operation == "put":
            table[row.values["key"]] = dict(row.values)
            continue
        assert row.operation == "revoke"
        first, before = key_range(row.values["key"])
        for key, kept in table.items():
            if first <= key < before and kept["revoked_at"] is None:
                kept["revoked_at"] = row.values["revoked_at"]


def stored(event: Event) -> Event:
    """The event after it was written and read back."""
    new = codec.encode(event)
    assert new.type == tag_of(type(event))
    return codec.decode(GRANT, new.type, new.payload)


class OneGrant(RuleBasedStateMachine):
    """The log, the state kept beside it, and the tokens table."""

    log: list[Event]
    grant: Grant
    tokens: Rows

    def __init__(self) -> None:
        super().__init__()
        self.log, self.grant, self.tokens = [], NOTHING, {}
        self.now = NOW
        self.client_status, self.session_status = "active", "active"
        self.given_out: set[int] = set()

    @initialize(
        scope=st.sampled_from([SCOPE, ("read", "email")]),
        grace=st.sampled_from([0, 10, 60]),
        count=st.sampled_from([1, 64]),
        method=st.sampled_from(["none", "client_secret_basic"]),
        redeemed=st.sampled_from([True, True, False]),
    )
    def consented(self, scope: tuple[str, ...], grace: int, count: int, method: str, redeemed: bool) -> None:
        """A person agreed, and the code is out; most often it is redeemed at once, as in life."""
        self.rule = RotationRule(grace_seconds=grace, grace_count=count)
        self.method = method
        self.append((*given.WITH_CODE[:2], ConsentGranted(scope), given.CODE))
        if redeemed:
            self.redeem(False, VERIFIER, "code-hash")

    # What the shell does

    def append(self, events: tuple[Event, ...]) -> None:
        """Append, fold, and project in one transaction, reading back what was written."""
        read = tuple(stored(event) for event in events)
        self.log += read
        self.grant = fold(read, self.grant)
        write(self.tokens, token_rows(STREAM, read))

    def facts(self) -> IssueFacts:
        return given.facts(
            self.now,
            liveness=self.liveness(session_bound_to(self.grant) is not None),
            token_id=f"token-{len(self.log)}",
            refresh_hash=f"refresh-{len(self.log)}",
        )

    def liveness(self, needs_session: bool) -> Liveness:
        return Liveness(self.client_status, "active", self.session_status, True, needs_session)

    def done(self, decision: Decision[IssuedTokens]) -> None:
        """Append what was decided, then answer: a refusal gives no token away."""
        if isinstance(decision.answer, Refusal):
            assert not any(isinstance(one, AccessTokenIssued | IdTokenIssued) for one in decision.events)
        else:
            assert (self.client_status, self.grant.revoked_at) == ("active", None)
            assert self.session_status == "active" or session_bound_to(self.grant) is None
            if decision.answer.refresh_generation is not None:
                self.given_out.add(decision.answer.refresh_generation)
        self.append(decision.events)

    # What can happen

    @rule(
        other_client=st.sampled_from([False, False, False, True]),
        verifier=st.sampled_from([VERIFIER, VERIFIER, VERIFIER, "w" * 43, None]),
        code_hash=st.sampled_from(["code-hash", "never-issued"]),
    )
    def redeem(self, other_client: bool, verifier: str | None, code_hash: str) -> None:
        """Somebody presents the code, for the first time or again."""
        command = given.redemption(
            client_id="other" if other_client else "shop",
            code_verifier=verifier,
            code_hash=code_hash,
            client_auth_method=self.method,
        )
        redeemed_before = any(isinstance(event, CodeRedeemed) for event in self.log)
        length = len(self.log)
        self.done(decide_redeem(self.grant, command, self.facts()))
        if redeemed_before and other_client:
            assert len(self.log) == length

    @precondition(lambda self: self.given_out)
    @rule(
        back=st.sampled_from([0, 0, 0, 0, 0, 1, 1, 2, 5]),
        other_client=st.sampled_from([False, False, False, True]),
        scope=st.sampled_from([None, None, ("email",), ("openid",), ("admin",), ("email", "profile")]),
    )
    def refresh(self, back: int, other_client: bool, scope: tuple[str, ...] | None) -> None:
        """The current refresh token comes, or the one before it, or an older one."""
        newest = max(self.given_out)
        generation = max(1, newest - back)
        in_grace = generation == newest - 1 and self.now < self.rotated_at() + self.rule.grace_seconds
        command = RefreshTokens("other" if other_client else "shop", generation, True, scope, ())
        decision = decide_refresh(self.grant, command, self.facts(), self.rule)
        self.done(decision)
        if isinstance(decision.answer, IssuedTokens):
            assert not other_client
            assert generation == newest or in_grace
            assert self.grant.refresh is not None
            assert decision.answer.refresh_generation == self.grant.refresh.generation
        elif generation < newest and not other_client and not in_grace:
            assert self.grant.revoked_at is not None

    @precondition(lambda self: self.given_out and self.grant.revoked_at is None)
    @rule(times=st.integers(2, 4))
    def refresh_in_parallel(self, times: int) -> None:
        """The client sends one refresh token several times at once (A123)."""
        newest = max(self.given_out)
        for _ in range(times):
            self.refresh(max(self.given_out) - newest, False, None)

    def rotated_at(self) -> int:
        """When the newest refresh token took the place of the one before it."""
        rotations = [event.rotated_at for event in self.log if isinstance(event, RefreshTokenRotated)]
        return rotations[-1] if rotations else 0

    @rule(generation=st.integers(1, 40))
    def refresh_with_a_forged_token(self, generation: int) -> None:
        """A value that was never given out touches nothing."""
        command = RefreshTokens("shop", generation, False, None, ())
        assert decide_refresh(self.grant, command, self.facts(), self.rule).events == ()

    @precondition(lambda self: self.tokens)
    @rule(which=st.integers(0, 1000), own=st.booleans())
    def revoke_access_token(self, which: int, own: bool) -> None:
        """A client revokes one access token."""
        key = sorted(self.tokens)[which % len(self.tokens)]
        already = self.tokens[key]["revoked_at"] is not None
        decision = decide_revoke_access_token(
            self.grant, "shop" if own else "other", key.rsplit(":", 1)[1], already, self.now
        )
        self.append(decision.events)
        assert not own or self.tokens[key]["revoked_at"] is not None

    @rule(own=st.sampled_from([False, False, False, True]))
    def revoke_grant(self, own: bool) -> None:
        """A client revokes the refresh token and with it the grant."""
        self.append(decide_revoke_grant(self.grant, "shop" if own else "other", self.now).events)

    @rule(status=st.sampled_from(["active", "active", "disabled"]))
    def change_client(self, status: str) -> None:
        """An administrator disables the client, or enables it again."""
        self.client_status = status

    @precondition(lambda self: len(self.log) > 20)
    @rule()
    def end_session(self) -> None:
        """The person logs out."""
        self.session_status = "ended"

    @rule(seconds=st.sampled_from([0, 1, 5, 11, 11, 61, 700, 90_000]))
    def pass_time(self, seconds: int) -> None:
        """The clock goes on: past the grace, the code's life, a token's life, the refresh token's life."""
        self.now += seconds

    @precondition(lambda self: self.grant.refresh is not None and self.grant.revoked_at is None)
    @rule()
    def refresh_for_a_long_time(self) -> None:
        """The client refreshes dutifully, so that a summary comes due."""
        for _ in range(30):
            self.refresh(0, False, None)

    # What always holds

    @invariant()
    def at_most_one_redemption(self) -> None:
        """RFC 6749 §4.1.2: a code is for one use."""
        assert sum(isinstance(event, CodeRedeemed) for event in self.log) <= 1

    @invariant()
    def nothing_is_issued_after_the_end(self) -> None:
        """No token outside a live grant, and the end comes once."""
        ends = [index for index, event in enumerate(self.log) if isinstance(event, GrantRevoked)]
        assert len(ends) <= 1
        after = self.log[ends[0] :] if ends else []
        issued = AccessTokenIssued | IdTokenIssued | RefreshTokenIssued | RefreshTokenRotated
        assert not any(isinstance(event, issued) for event in after)

    @invariant()
    def revoked_is_inactive(self) -> None:
        """A129: a revoked token or grant, a disabled client or an ended session leaves no token active."""
        revoked = {event.token_id for event in self.log if isinstance(event, AccessTokenRevoked)}
        for key, row in self.tokens.items():
            bound = row["session_id"] is not None
            status = TokenStatus(row["expires_at"], row["revoked_at"], self.liveness(bound))
            expected = (
                self.grant.revoked_at is None
                and key.rsplit(":", 1)[1] not in revoked
                and self.now < row["expires_at"]
                and self.client_status == "active"
                and not (bound and self.session_status == "ended")
            )
            assert is_active(status, self.now) is expected

    @invariant()
    def scope_never_widens(self) -> None:
        """RFC 6749 §6: every access token is within what the person agreed to."""
        agreed = set(self.grant.scope or ())
        for event in self.log:
            if isinstance(event, AccessTokenIssued):
                assert set(event.scope) <= agreed
                assert set(event.audience) <= {ISSUER}

    @invariant()
    def projection_is_the_fold_of_the_log(self) -> None:
        """The tokens table written step by step is the one that a rebuild from the log makes."""
        rebuilt: Rows = {}
        write(rebuilt, token_rows(STREAM, self.log))
        assert rebuilt == self.tokens

    @invariant()
    def one_live_refresh_generation(self) -> None:
        """A123: of all generations given out exactly one is current in a live grant, none in an ended one."""
        current = [one for one in self.given_out if is_current(self.grant, one, self.now)]
        kept = self.grant.refresh
        alive = kept is not None and self.grant.revoked_at is None and self.now < kept.expires_at
        assert current == ([max(self.given_out)] if alive else [])

    @invariant()
    def summary_says_what_the_events_say(self) -> None:
        """Folding from the last summary, or all events without any summary, gives the grant that is kept."""
        everything = NOTHING
        for event in self.log:
            if not isinstance(event, GrantSummarized):
                everything = apply(everything, event)
        last = max((at for at, event in enumerate(self.log) if isinstance(event, GrantSummarized)), default=0)
        assert uncounted(fold(self.log[last:])) == uncounted(everything) == uncounted(self.grant)


def uncounted(grant: Grant) -> Grant:
    """The state but for the counter that only says when the next summary is due."""
    return msgspec.structs.replace(grant, events_since_summary=0)


TestOneGrant = OneGrant.TestCase
TestOneGrant.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)
