"""Revocation by the client (RFC 7009) and by an administrator."""

from domain.decision import Decision, refuse
from domain.errors import Refusal, invalid_request
from domain.grant.events import AccessTokenRevoked, GrantRevoked
from domain.grant.grant import Grant
from domain.grant.issue import IssueFacts

NOT_YOURS = Refusal(
    "invalid_request",
    "The token was not issued to this client.",
    hint="Revoke it with the client it was issued to.",
    section="RFC 7009 §2.1",
    reason="revocation_wrong_client",
)


def decide_revoke_access_token(
    grant: Grant, client_id: str, token_id: str, already: bool, now: int
) -> Decision[None]:
    """Revoke one access token. If it or its grant is revoked already, nothing is appended."""
    if grant.client_id != client_id:
        return refuse(NOT_YOURS)
    if already or grant.revoked_at is not None:
        return Decision((), None)
    return Decision((AccessTokenRevoked(token_id, now),), None)


def decide_revoke_grant(grant: Grant, client_id: str, now: int) -> Decision[None]:
    """Revoke the refresh token and every other token of the grant (RFC 7009 §2.1 MUST)."""
    if grant.client_id != client_id:
        return refuse(NOT_YOURS)
    return revoke(grant, "revoked_by_client", now)


def ended_with_others(grant: Grant, facts: IssueFacts) -> tuple[GrantRevoked, ...]:
    """The event for a grant that ended together with other grants of the person; nothing if it is revoked already."""
    if grant.revoked_at is not None or not facts.liveness.ended:
        return ()
    return (GrantRevoked(facts.liveness.ended, facts.now),)


def revoke(grant: Grant, reason: str, now: int) -> Decision[None]:
    """Revoke the grant, once."""
    if not grant.exists:
        return refuse(invalid_request("There is no such grant."))
    if grant.revoked_at is not None:
        return Decision((), None)
    return Decision((GrantRevoked(reason, now),), None)
