"""A grant: the fold of one stream, from the authorization request to the revocation.

The decisions are in other modules: ``domain/authorization`` (sign-in, consent, issue of the code), ``code`` (redemption
and replay), ``refresh_token`` (rotation and reuse), ``client_credentials`` and ``revocation``.
"""

from typing import Any, Final

import msgspec

from domain.event import Event, folding
from domain.grant import summary as grant_summary
from domain.grant.events import (
    AnotherAccountRequested,
    AuthorizationAnswered,
    AuthorizationRefused,
    AuthorizationRequested,
    ClientCredentialsGranted,
    CodeIssued,
    CodeRedeemed,
    CodeReplayed,
    CodeVoided,
    ConsentGranted,
    GrantRevoked,
    GrantSummarized,
    RefreshTokenIssued,
    RefreshTokenRepeated,
    RefreshTokenRotated,
    SubjectAuthenticated,
    confirmation_of,
)
from domain.grant.summary import NO_KEY, CodeV1, KeyV1, RefreshV1, SummaryV1
from domain.vocabulary.confirmation import UNBOUND, Confirmation

#: A summary is written once there are this many events since the last one.
SUMMARIZE_AFTER = 32


class Code(msgspec.Struct, frozen=True, omit_defaults=True):
    """The grant's one authorization code."""

    code_hash: str
    expires_at: int
    redeemed_at: int | None = None
    voided: str | None = None


class Refresh(msgspec.Struct, frozen=True, omit_defaults=True):
    """The grant's refresh token: its newest generation, until when the previous one is still accepted, and the keys
    whose possession the client must prove."""

    generation: int
    token_hash: str
    hmac_key_id: str
    expires_at: int
    grace_until: int = 0
    repeats: int = 0
    previous_hmac_key_id: str = ""
    bound_to: Confirmation = UNBOUND
    instance_jkt: str | None = None


class Grant(msgspec.Struct, frozen=True, omit_defaults=True):
    """The state of a grant. A grant without events has no ``client_id``.

    ``browser_hash`` is the digest of the secret of the browser that the open request belongs to. A pushed request has
    none until somebody signs in (decisions.md 20). ``another_account``: the person asked for another account, so the
    browser's session is not used.
    """

    client_id: str = ""
    request: AuthorizationRequested | None = None
    subject: str | None = None
    session_id: str | None = None
    auth_time: int = 0
    acr: str = ""
    amr: tuple[str, ...] = ()
    browser_hash: str | None = None
    scope: tuple[str, ...] | None = None
    refused: str | None = None
    answered_at: int | None = None
    code: Code | None = None
    refresh: Refresh | None = None
    revoked_at: int | None = None
    revocation_reason: str = ""
    account_epoch: int = 0
    another_account: bool = False
    agreed_claims: tuple[str, ...] = ()
    events_since_summary: int = 0

    @property
    def exists(self) -> bool:
        """Whether the stream has any event."""
        return bool(self.client_id)

    @property
    def waits_for_person(self) -> bool:
        """Whether the request is still open: not answered (with or without a code), not refused, not revoked."""
        return (
            self.request is not None
            and self.code is None
            and self.answered_at is None
            and self.refused is None
            and self.revoked_at is None
        )


NOTHING = Grant()


def apply(grant: Grant, event: Event) -> Grant:
    """The grant after one more event. Some events do not change this state; they are for other readers."""
    if isinstance(event, GrantSummarized):
        return _of_summary(grant_summary.read(event.state))
    changes = _changes(grant, event)
    return msgspec.structs.replace(grant, events_since_summary=grant.events_since_summary + 1, **changes)


#: The grant after some events.
fold: Final = folding(apply, NOTHING)


#: The fields about the person, before anybody signed in.
_NOBODY: Final[dict[str, Any]] = {
    "subject": None,
    "session_id": None,
    "auth_time": 0,
    "acr": "",
    "amr": (),
    "account_epoch": 0,
}


def _changes(grant: Grant, event: Event) -> dict[str, Any]:
    match event:
        case AuthorizationRequested():
            return {"client_id": event.client_id, "request": event, "browser_hash": event.browser_hash}
        case SubjectAuthenticated():
            return {
                "subject": event.subject,
                "session_id": event.session_id,
                "auth_time": event.auth_time,
                "acr": event.acr,
                "amr": event.amr,
                "browser_hash": event.browser_hash or grant.browser_hash,
                "account_epoch": event.account_epoch,
            }
        case AnotherAccountRequested():
            return {**_NOBODY, "another_account": True}
        case ConsentGranted():
            return {
                "scope": event.scope,
                "account_epoch": max(grant.account_epoch, event.account_epoch),
                "agreed_claims": event.claims,
            }
        case AuthorizationRefused():
            return {"refused": event.error}
        case AuthorizationAnswered():
            return {"answered_at": event.answered_at}
        case CodeIssued():
            return {"code": Code(event.code_hash, event.expires_at)}
        case CodeRedeemed():
            return {"code": _code(grant, redeemed_at=event.redeemed_at)}
        case CodeReplayed():
            return {}
        case CodeVoided():
            return {"code": _code(grant, voided=event.reason)}
        case ClientCredentialsGranted():
            return {"client_id": event.client_id, "scope": event.scope}
        case RefreshTokenIssued():
            return {"refresh": _first_refresh(event)}
        case RefreshTokenRotated():
            return {"refresh": _rotated(grant, event)}
        case RefreshTokenRepeated():
            assert grant.refresh is not None
            return {"refresh": msgspec.structs.replace(grant.refresh, repeats=grant.refresh.repeats + 1)}
        case GrantRevoked():
            return {"revoked_at": event.revoked_at, "revocation_reason": event.reason}
        case _:
            return {}


def _code(grant: Grant, **changes: Any) -> Code:
    assert grant.code is not None
    return msgspec.structs.replace(grant.code, **changes)


def _first_refresh(event: RefreshTokenIssued) -> Refresh:
    return Refresh(
        generation=event.generation,
        token_hash=event.token_hash,
        hmac_key_id=event.hmac_key_id,
        expires_at=event.expires_at,
        bound_to=confirmation_of(event),
        instance_jkt=event.instance_jkt,
    )


def _rotated(grant: Grant, event: RefreshTokenRotated) -> Refresh:
    assert grant.refresh is not None
    return Refresh(
        generation=event.generation,
        token_hash=event.token_hash,
        hmac_key_id=event.hmac_key_id,
        expires_at=event.expires_at,
        grace_until=event.grace_until,
        previous_hmac_key_id=grant.refresh.hmac_key_id,
        bound_to=grant.refresh.bound_to,
        instance_jkt=grant.refresh.instance_jkt,
    )


def summarized(grant: Grant, events: tuple[Event, ...]) -> tuple[Event, ...]:
    """``events``, followed by a summary when one is due."""
    after = fold(events, grant)
    if after.events_since_summary < SUMMARIZE_AFTER:
        return events
    return (*events, GrantSummarized(state=grant_summary.stored(_summary_of(after))))


def _summary_of(grant: Grant) -> SummaryV1:
    """The grant in its stored form, field by field. The names on the left never change."""
    code, refresh = grant.code, grant.refresh
    return SummaryV1(
        client_id=grant.client_id,
        request=grant.request,
        subject=grant.subject,
        session_id=grant.session_id,
        auth_time=grant.auth_time,
        acr=grant.acr,
        amr=grant.amr,
        browser_hash=grant.browser_hash,
        scope=grant.scope,
        refused=grant.refused,
        answered_at=grant.answered_at,
        code=None if code is None else CodeV1(code.code_hash, code.expires_at, code.redeemed_at, code.voided),
        refresh=None if refresh is None else _stored_refresh(refresh),
        revoked_at=grant.revoked_at,
        revocation_reason=grant.revocation_reason,
        account_epoch=grant.account_epoch,
        another_account=grant.another_account,
        agreed_claims=grant.agreed_claims,
    )


def _stored_refresh(refresh: Refresh) -> RefreshV1:
    bound_to = refresh.bound_to
    return RefreshV1(
        generation=refresh.generation,
        token_hash=refresh.token_hash,
        hmac_key_id=refresh.hmac_key_id,
        expires_at=refresh.expires_at,
        grace_until=refresh.grace_until,
        repeats=refresh.repeats,
        previous_hmac_key_id=refresh.previous_hmac_key_id,
        bound_to=KeyV1(bound_to.jkt, bound_to.x5t_s256) if bound_to.is_bound else NO_KEY,
        instance_jkt=refresh.instance_jkt,
    )


def _of_summary(summary: SummaryV1) -> Grant:
    """The grant that a summary was made from. It counts the events after the summary."""
    code, refresh = summary.code, summary.refresh
    return Grant(
        client_id=summary.client_id,
        request=summary.request,
        subject=summary.subject,
        session_id=summary.session_id,
        auth_time=summary.auth_time,
        acr=summary.acr,
        amr=summary.amr,
        browser_hash=summary.browser_hash,
        scope=summary.scope,
        refused=summary.refused,
        answered_at=summary.answered_at,
        code=None if code is None else Code(code.code_hash, code.expires_at, code.redeemed_at, code.voided),
        refresh=None if refresh is None else _read_refresh(refresh),
        revoked_at=summary.revoked_at,
        revocation_reason=summary.revocation_reason,
        account_epoch=summary.account_epoch,
        another_account=summary.another_account,
        agreed_claims=summary.agreed_claims,
    )


def _read_refresh(refresh: RefreshV1) -> Refresh:
    return Refresh(
        generation=refresh.generation,
        token_hash=refresh.token_hash,
        hmac_key_id=refresh.hmac_key_id,
        expires_at=refresh.expires_at,
        grace_until=refresh.grace_until,
        repeats=refresh.repeats,
        previous_hmac_key_id=refresh.previous_hmac_key_id,
        bound_to=Confirmation(refresh.bound_to.jkt, refresh.bound_to.x5t_s256),
        instance_jkt=refresh.instance_jkt,
    )
