"""One access token as it was: active or not, and the events that say so."""

import msgspec

from authrim.audit.past.grants import judged_token
from authrim.audit.past.reading import Past, Stream
from authrim.store.contract import StoredEvent
from authrim.store.places import Place, place_of
from domain.client.client import Client
from domain.event import tag_of
from domain.grant.events import AccessTokenIssued, AccessTokenRevoked, GrantRevoked
from domain.grant.standing import tokens_of
from domain.person import account as accounts
from domain.person.account import ERASED
from domain.person.account_events import PersonErased
from domain.stream import account_stream, client_stream, grant_stream, session_stream

_OF_TOKENS = frozenset(tag_of(event) for event in (AccessTokenIssued, AccessTokenRevoked))
_ENDS_ALL = tag_of(GrantRevoked)


class TokenThen(msgspec.Struct, frozen=True):
    """An access token at a moment. ``why_inactive`` is empty when it was active. ``client`` is the one of the token, as
    it was. ``erased``: the person whom it is about is erased by now.

    ``events`` are those of the token: that it was issued, and its end if it had one of its own. ``depends_on`` are the
    newest events, at the moment, of the client, the account and the session.
    """

    grant_id: str
    issued: AccessTokenIssued
    why_inactive: str
    client: Client
    erased: bool
    events: tuple[Place, ...]
    depends_on: tuple[Place, ...]


async def token_then(past: Past, grant_id: str, token_id: str) -> TokenThen | None:
    """The token, or None when it had not been issued. Raises UnreadableEvent or Unavailable."""
    stream = await past.stream(grant_stream(past.tenant, grant_id))
    given = next((one for one in tokens_of(await stream.events()) if one.issued.token_id == token_id), None)
    if given is None:
        return None
    issued = given.issued
    client = await past.client(issued.client_id)
    judged = await judged_token(past, given, client)
    streams = await _depended_on(past, issued)
    return TokenThen(
        grant_id=grant_id,
        issued=issued,
        why_inactive=judged.why_inactive,
        client=client,
        erased=await _is_erased_now(past, issued.subject),
        events=tuple(_of_token(stream, token_id)),
        depends_on=tuple(place_of(one.stored[-1]) for one in streams if one.stored),
    )


def _of_token(stream: Stream, token_id: str) -> list[Place]:
    """The places of the events of one token, up to the first that ended it."""
    places: list[Place] = []
    for stored in stream.stored:
        if stored.type == _ENDS_ALL or (stored.type in _OF_TOKENS and _names(stored, token_id)):
            if places or stored.type != _ENDS_ALL:
                places.append(place_of(stored))
            if len(places) == 2:
                break
    return places


def _names(stored: StoredEvent, token_id: str) -> bool:
    return bool(msgspec.json.decode(stored.payload).get("token_id") == token_id)


async def _depended_on(past: Past, issued: AccessTokenIssued) -> list[Stream]:
    names = [client_stream(past.tenant, issued.client_id)]
    if issued.subject is not None:
        names.append(account_stream(past.tenant, issued.subject))
    if issued.session_id is not None:
        names.append(session_stream(past.tenant, issued.session_id))
    return [await past.stream(name) for name in names]


async def _is_erased_now(past: Past, subject: str | None) -> bool:
    """Erased stays erased (A237): the moment may be before it."""
    if subject is None:
        return False
    stream = await past.stream(account_stream(past.tenant, subject))
    if accounts.fold(await stream.events()).status == ERASED:
        return True
    return any(event.type == tag_of(PersonErased) for event in stream.after)
