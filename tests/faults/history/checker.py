"""Whether a history is one that the server may produce: every rule is a function of the calls and the log.

A call without an answer may have happened or not; whatever else the log says must explain what the clients saw.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from tests.faults.history.calls import Call, Outcome
from tests.faults.history.log import ISSUES, Event, Grant, Log, issued_name

_REDEEMED: Final = "grant.code_redeemed.v1"
_TOKEN_REVOKED: Final = "grant.access_token_revoked.v1"
_GENERATIONS: Final = ("grant.refresh_token_issued.v1", "grant.refresh_token_rotated.v1")
#: What ends a code before anybody redeems it.
_VOIDED: Final = "grant.code_voided.v1"


class Violation(NamedTuple):
    """A rule that the history breaks, and the code, token or grant that it is about."""

    rule: str
    about: str
    told: str


def check(calls: Sequence[Call], log: Log) -> list[Violation]:
    """All violations of a history."""
    return [Violation(rule.__name__, about, told) for rule in RULES for about, told in rule(calls, log)]


Found = Iterator[tuple[str, str]]


def positions_have_no_gap(calls: Sequence[Call], log: Log) -> Found:
    """The log has every position once, in order."""
    for expected, event in enumerate(log.events, log.events[0].position if log.events else 1):
        if event.position != expected:
            yield str(event.position), f"position {expected} was expected"
            return


def a_code_is_redeemed_once(calls: Sequence[Call], log: Log) -> Found:
    """RFC 6749 §4.1.2: one answer with tokens for a code, and one event."""
    answered: dict[str, int] = defaultdict(int)
    for call in calls:
        if call.operation == "redeem" and call.outcome is Outcome.DONE:
            answered[call.presented] += 1
    for code, count in answered.items():
        if count > 1:
            yield code, f"{count} answers gave tokens for it"
    for stream, grant in log.grants.items():
        if len(grant.of(_REDEEMED)) > 1:
            yield stream, "its code was redeemed more than once"


def a_refresh_token_has_one_successor(calls: Sequence[Call], log: Log) -> Found:
    """RFC 9700 §4.14.2: whoever presents a refresh token gets the same next one, and each generation is issued once."""
    successors: dict[str, set[str]] = defaultdict(set)
    for call in calls:
        if call.operation == "refresh" and call.outcome is Outcome.DONE:
            successors[call.presented].add(call.given.refresh_token)
    for token, given in successors.items():
        if len(given) > 1:
            yield token, f"it was replaced by {len(given)} others"
    for stream, grant in log.grants.items():
        generations = [event.payload["generation"] for event in grant.of(*_GENERATIONS)]
        if len(set(generations)) < len(generations):
            yield stream, "a generation of its refresh tokens was issued twice"


def what_was_answered_is_in_the_log(calls: Sequence[Call], log: Log) -> Found:
    """F01 to F03: every code and token that a client got was issued by an event, and every revocation was recorded."""
    for call in calls:
        if call.outcome is not Outcome.DONE:
            continue
        for name in filter(None, call.given):
            if name not in log.grant_of:
                yield name, f"client {call.client} got it by {call.operation}, and no event issued it"
        grant = log.grant_of.get(call.presented)
        if call.operation == "revoke" and grant is not None and _end_of(call.presented, grant) is None:
            yield call.presented, "its revocation was answered, and no event records it"


def nothing_is_issued_after_the_end(calls: Sequence[Call], log: Log) -> Found:
    """F16: a grant that is revoked issues nothing any more."""
    for stream, grant in log.grants.items():
        if grant.end is None:
            continue
        for event in grant.of(*ISSUES):
            if event.position > grant.end.position:
                yield stream, f"position {event.position} issues after the revocation at {grant.end.position}"


def what_is_revoked_is_dead(calls: Sequence[Call], log: Log) -> Found:
    """F17: what starts after a revocation was answered sees it: no active token, and nothing given for it. A refresh
    token ends with its grant and all of its tokens, an access token alone (RFC 7009 §2.1)."""
    dead: dict[str, int] = {}
    for call in calls:
        if call.operation == "revoke" and call.outcome is Outcome.DONE and call.presented in log.issued:
            for token in _ends_with(call.presented, log):
                dead[token] = min(call.ended, dead.get(token, call.ended))
    for call in calls:
        if _works(call) and dead.get(call.presented, call.began) < call.began:
            yield (
                call.presented,
                f"{call.operation} of client {call.client} found it alive after its revocation",
            )


def what_works_was_issued(calls: Sequence[Call], log: Log) -> Found:
    """Nothing works that no event issued."""
    for call in calls:
        if _works(call) and call.presented and call.presented not in log.grant_of:
            yield call.presented, f"{call.operation} of client {call.client} worked, and no event issued it"


def nothing_dies_without_a_cause(calls: Sequence[Call], log: Log) -> Found:
    """What was given is good until an event ends it: a code until it is redeemed or voided, a token until it is
    replaced or revoked, and no longer than it was issued for. Whoever is refused is told so after that event."""
    for call in calls:
        grant = log.grant_of.get(call.presented)
        if grant is None or not _is_refused(call) or _has_expired(log.issued[call.presented], call):
            continue
        causes = [grant.end]
        if call.operation == "redeem":
            causes += grant.of(_REDEEMED, _VOIDED)
        elif call.operation == "refresh":
            causes.append(_replacement(call.presented, grant))
        else:
            causes.append(_end_of(call.presented, grant))
        if not any(cause is not None and cause.recorded_at <= call.ended for cause in causes):
            yield (
                call.presented,
                f"{call.operation} of client {call.client} was refused before an event ended it",
            )


Rule = Callable[[Sequence[Call], Log], Found]
RULES: Final[tuple[Rule, ...]] = (
    positions_have_no_gap,
    a_code_is_redeemed_once,
    a_refresh_token_has_one_successor,
    what_was_answered_is_in_the_log,
    nothing_is_issued_after_the_end,
    what_is_revoked_is_dead,
    what_works_was_issued,
    nothing_dies_without_a_cause,
)


def _works(call: Call) -> bool:
    return call.active is True or (call.operation in ("redeem", "refresh") and call.outcome is Outcome.DONE)


def _is_refused(call: Call) -> bool:
    return call.active is False or (
        call.operation in ("redeem", "refresh") and call.outcome is Outcome.REFUSED
    )


def _has_expired(issued: Event, call: Call) -> bool:
    """Whether it may have expired when the call ended."""
    return call.ended >= issued.payload.get("expires_at", math.inf) * 1_000_000


def _ends_with(token: str, log: Log) -> Iterator[str]:
    """The tokens that the revocation of one ends."""
    if log.issued[token].type not in _GENERATIONS:
        yield token
        return
    for event in log.grant_of[token].of(*ISSUES):
        yield issued_name(event)


def _end_of(token: str, grant: Grant) -> Event | None:
    """What ended a token: its own revocation or that of its grant."""
    own = [event for event in grant.of(_TOKEN_REVOKED) if event.payload["token_id"] == token]
    return next(iter(own), grant.end)


def _replacement(token: str, grant: Grant) -> Event | None:
    """The event that issued the refresh token after this one."""
    issued = grant.of(*_GENERATIONS)
    names = [issued_name(event) for event in issued]
    after = names.index(token) + 1
    return issued[after] if after < len(issued) else None
