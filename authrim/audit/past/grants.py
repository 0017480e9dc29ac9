"""A grant as it was, with its tokens and what it depended on."""

import asyncio
from typing import Any, Final

import msgspec

from authrim.audit.long_work import beside_the_loop
from authrim.audit.past.configuration import judged_key
from authrim.audit.past.reading import Past
from authrim.audit.past.view import View, view_of, when
from domain.client.client import NO_CLIENT, Client
from domain.event import Event
from domain.grant import grant as grants
from domain.grant.events import AccessTokenIssued
from domain.grant.grant import Grant
from domain.grant.standing import (
    NOBODY,
    GivenToken,
    Person,
    last_expiry,
    liveness_of_grant,
    liveness_of_token,
    standing_of,
    tokens_of,
)
from domain.grant.token import TokenStatus, why_inactive
from domain.key.key import verifies
from domain.liveness import why_not
from domain.person import account as accounts
from domain.person import session as sessions
from domain.stream import GRANT, account_stream, grant_stream, session_stream

#: The key that signed a JWT was revoked, or had left the key set.
KEY_GONE: Final = "signing_key_gone"
#: Tokens judged without a pause.
_AT_ONCE: Final = 100


class JudgedToken(msgspec.Struct, frozen=True):
    """An access token of a grant. ``why_inactive`` is empty when it was active."""

    token: GivenToken
    why_inactive: str

    @property
    def issued(self) -> AccessTokenIssued:
        return self.token.issued


class JudgedGrant(msgspec.Struct, frozen=True):
    """A grant, its status and the reason, its access tokens, and the statuses of what it depended on."""

    grant: Grant
    status: str
    reason: str
    tokens: tuple[JudgedToken, ...]
    client: Client
    person: Person


async def judged_grant(past: Past, events: list[Event]) -> JudgedGrant:
    """What held for a grant with these events. Raises UnreadableEvent or Unavailable."""
    grant = await beside_the_loop(events, lambda: grants.fold(events))
    client = await past.client(grant.client_id)
    person = await person_of(past, grant.subject, grant.session_id)
    over = why_not(liveness_of_grant(grant, client, person))
    given = await beside_the_loop(events, lambda: tokens_of(events))
    until = last_expiry(grant, (one.issued.expires_at for one in given if one.revoked_at is None))
    status, reason = standing_of(grant, over, until, past.now)
    tokens: list[JudgedToken] = []
    for one in given:
        if not len(tokens) % _AT_ONCE:
            await asyncio.sleep(0)  # on a page, other requests are answered meanwhile
        tokens.append(await judged_token(past, one, client))
    return JudgedGrant(grant, status, reason, tuple(tokens), client, person)


async def person_of(past: Past, subject: str | None, session_id: str | None) -> Person:
    """What a grant or token for this person and session depended on."""
    if subject is None:
        return NOBODY
    account = await past.state(account_stream(past.tenant, subject), accounts.fold)
    status = None
    if session_id is not None:
        status = (await past.state(session_stream(past.tenant, session_id), sessions.fold)).status
    return Person(account.status or None, status or None, account.endings)


async def judged_token(past: Past, token: GivenToken, client: Client) -> JudgedToken:
    """Whether a token of this client was active. Raises UnreadableEvent or Unavailable."""
    return JudgedToken(token, await _why_inactive(past, token, client))


async def _why_inactive(past: Past, token: GivenToken, client: Client) -> str:
    """Why the token was not active, by the functions that introspection asks. A JWT counts only as long as its key
    verifies; one that is encrypted is found by its digest (``authrim/tokens/access_tokens.py``)."""
    issued = token.issued
    person = await person_of(past, issued.subject, issued.session_id)
    known = None if client == NO_CLIENT else client
    liveness = liveness_of_token(issued, known, client.status or None, person)
    why = why_inactive(TokenStatus(issued.expires_at, token.revoked_at, liveness), past.now)
    if why or issued.signing_kid is None or issued.encrypted_to is not None:
        return why
    key, _successor, stage = await judged_key(past, issued.signing_kid)
    return "" if verifies(key, stage) else KEY_GONE


async def grant_state(past: Past, grant_id: str) -> View | None:
    """The grant, or None when it had not begun."""
    stream = await past.stream(grant_stream(past.tenant, grant_id))
    if not stream.stored:
        return None
    judged = await judged_grant(past, await stream.events())
    standing = (judged.status, judged.reason)
    fields = await beside_the_loop(judged.tokens, lambda: _fields(judged, past.now))
    return view_of(GRANT, grant_id, stream, standing, fields, judged.grant.subject)


def _fields(judged: JudgedGrant, now: int) -> dict[str, Any]:
    grant = judged.grant
    request, refresh, code = grant.request, grant.refresh, grant.code
    fields: dict[str, Any] = {
        "client_id": grant.client_id,
        "scope": list(grant.scope or (request.scope if request else ())),
        "agreed": None if request is None else grant.scope is not None,
        "requested_at": when(request.requested_at) if request else None,
        "session_id": grant.session_id,
        "signed_in_at": when(grant.auth_time) if grant.subject else None,
        "revoked_at": when(grant.revoked_at),
        "depends_on": {
            "client": judged.client.status or None,
            "account": judged.person.account,
            "session": judged.person.session,
        },
        "tokens": [_token(token) for token in judged.tokens],
    }
    if code is not None:
        redeemed_at = when(code.redeemed_at)
        fields["code"] = {
            "expires_at": when(code.expires_at),
            "redeemed_at": redeemed_at,
            "void": code.voided,
        }
    if refresh is not None:
        usable = judged.status == "active" and now < refresh.expires_at
        expires_at = when(refresh.expires_at)
        fields["refresh_token"] = {
            "generation": refresh.generation,
            "expires_at": expires_at,
            "usable": usable,
        }
    return fields


def _token(judged: JudgedToken) -> dict[str, Any]:
    issued = judged.issued
    return {
        "token_id": issued.token_id,
        "active": not judged.why_inactive,
        "reason": judged.why_inactive,
        "scope": list(issued.scope),
        "audience": list(issued.audience),
        "issued_at": when(issued.issued_at),
        "expires_at": when(issued.expires_at),
        "revoked_at": when(judged.token.revoked_at),
    }
