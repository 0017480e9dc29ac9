"""Whether a grant and its tokens are in force, given what they depend on.

The answers about now (refreshing, introspection, the list of grants) and those about the past (``authrim/audit/past``)
ask these functions, so a question about a time in the past follows the rules of today's answers (A237).
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from domain.client.client import Client
from domain.event import Event
from domain.grant.events import AccessTokenIssued, AccessTokenRevoked, GrantRevoked, confirmation_of
from domain.grant.grant import Grant
from domain.grant.issue import session_bound_to
from domain.grant.sender_constraint import is_kept_bound
from domain.liveness import ACTIVE, Liveness
from domain.person.grant_ending import NO_ENDINGS, Endings

#: The person has not answered yet, or the client has not redeemed its code.
WAITING: Final = "waiting"
EXPIRED: Final = "expired"
ENDED: Final = "ended"


class Person(msgspec.Struct, frozen=True):
    """The statuses of the account and the session that a grant or token depends on, None where there is no such thing,
    and which grants of the account are over."""

    account: str | None = None
    session: str | None = None
    endings: Endings = NO_ENDINGS


NOBODY: Final = Person()


def liveness_of_grant(grant: Grant, client: Client, person: Person) -> Liveness:
    """What a grant depends on. Before anybody signed in, and without a person, that is the client alone."""
    if grant.session_id is None or grant.request is None:
        return Liveness(client=client.status)
    return Liveness(
        client=client.status_for(grant.request.client_generation),
        account=person.account,
        session=person.session,
        needs_account=True,
        needs_session=session_bound_to(grant) is not None,
        ended=person.endings.why_over(
            grant.client_id,
            grant.account_epoch,
            bound=is_kept_bound(client, bool(grant.request.sender_constraints)),
        ),
    )


def liveness_of_token(
    issued: AccessTokenIssued, client: Client | None, client_status: str | None, person: Person
) -> Liveness:
    """What an access token depends on. ``client_status`` is the newest that is known, ``client`` may be older; None:
    there is no such client. Whoever the token is about must still have the name that the client was told with it."""
    if client is None:
        client_status = None
    elif client_status == ACTIVE and issued.subject is not None:
        client_status = client.status_for(issued.client_generation)
    ended = ""
    if person.endings.marks:
        bound = client is not None and is_kept_bound(client, confirmation_of(issued).is_bound)
        ended = person.endings.why_over(issued.client_id, issued.account_epoch, bound=bound)
    return Liveness(
        client=client_status,
        account=person.account,
        session=person.session,
        needs_account=issued.subject is not None,
        needs_session=issued.session_id is not None,
        ended=ended,
    )


class GivenToken(msgspec.Struct, frozen=True):
    """An access token of a grant, and since when it is revoked, by itself or with the grant."""

    issued: AccessTokenIssued
    revoked_at: int | None = None


def tokens_of(events: Iterable[Event]) -> tuple[GivenToken, ...]:
    """The access tokens of a grant after some events, in the order in which they were issued."""
    tokens: dict[str, GivenToken] = {}
    for event in events:
        match event:
            case AccessTokenIssued():
                tokens[event.token_id] = GivenToken(event)
            case AccessTokenRevoked() if event.token_id in tokens:
                tokens[event.token_id] = _revoked(tokens[event.token_id], event.revoked_at)
            case GrantRevoked():
                tokens = {name: _revoked(token, event.revoked_at) for name, token in tokens.items()}
    return tuple(tokens.values())


def _revoked(token: GivenToken, revoked_at: int) -> GivenToken:
    """The first revocation counts."""
    return token if token.revoked_at is not None else GivenToken(token.issued, revoked_at)


def last_expiry(grant: Grant, not_revoked: Iterable[int]) -> int | None:
    """When the last token of the grant expires, given when its access tokens do that are not revoked; None: it has
    none."""
    own = () if grant.refresh is None else (grant.refresh.expires_at,)
    return max((*own, *not_revoked), default=None)


def standing_of(grant: Grant, over: str, until: int | None, now: int) -> tuple[str, str]:
    """``active``, ``waiting``, ``expired`` or ``ended``, then with the reason. ``over``: why what the grant depends on
    ended it. ``until``: when its last token expires."""
    if grant.revoked_at is not None:
        return ENDED, grant.revocation_reason
    if grant.refused is not None:
        return ENDED, grant.refused
    if grant.code is not None and grant.code.voided is not None:
        return ENDED, grant.code.voided
    if over:
        return ENDED, over
    if until is not None:
        return (ACTIVE if now < until else EXPIRED), ""
    if grant.request is None:
        return EXPIRED, ""
    ends = grant.request.expires_at if grant.code is None else grant.code.expires_at
    waits = grant.waits_for_person or (grant.code is not None and grant.code.redeemed_at is None)
    return (WAITING if waits and now < ends else EXPIRED), ""
