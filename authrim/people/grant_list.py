"""The grants of a person, for an administrator: which clients hold what, and until when."""

from contextlib import aclosing
from typing import Final

import msgspec

from authrim.audit.follow import Follower
from authrim.clients.records import read_client
from authrim.core.paging import rows_of
from authrim.core.stream_state import read_state
from authrim.people.grant_status import read_grant_status
from authrim.store.contract import Store
from authrim.store.read_back import ReadBack
from domain.client.client import Client
from domain.grant.grant import Grant, fold
from domain.grant.standing import ENDED, EXPIRED, last_expiry, standing_of
from domain.liveness import why_not
from domain.stream import GRANT, grant_stream, parse
from projections.audit import AUDIT
from projections.tables import TOKENS

#: Grants read at a time.
_PAGE: Final = 100
#: Tokens read at a time: few grants have more.
_TOKENS: Final = 8


class KnownGrant(msgspec.Struct, frozen=True):
    """A grant by its id. ``status`` is ``active``, ``waiting``, ``expired`` or ``ended``, then with a reason.
    ``expires_at``: when its last token expires; None where it never had one."""

    grant_id: str
    client_id: str
    status: str
    scope: tuple[str, ...]
    began_at: int
    expires_at: int | None = None
    reason: str = ""

    @property
    def is_over(self) -> bool:
        """Whether nothing can come of it any more."""
        return self.status in (EXPIRED, ENDED)


async def list_grants(
    store: ReadBack, tenant: str, subject: str, after: str = "", limit: int = 100, *, over_too: bool = False
) -> tuple[KnownGrant, ...]:
    """At most ``limit`` grants of a person in the order of their ids, those after ``after``; with ``over_too`` also
    those that are over."""
    await Follower(store, AUDIT).catch_up()
    clients: dict[str, Client] = {}
    found: list[KnownGrant] = []
    name = grant_stream(tenant, after) if after else ""
    while names := await store.audit.streams_of(tenant, subject, GRANT, name, _PAGE):
        for name in names:
            known = await _read(store, tenant, subject, parse(name).id, clients)
            if known is not None and (over_too or not known.is_over):
                found.append(known)
                if len(found) == limit:
                    return tuple(found)
    return tuple(found)


async def _read(
    store: Store, tenant: str, subject: str, grant_id: str, clients: dict[str, Client]
) -> KnownGrant | None:
    """One grant; None when somebody else signed in after the person."""
    grant, _version, now = await read_state(store, grant_stream(tenant, grant_id), fold)
    if grant.subject != subject or grant.request is None:
        return None
    if grant.client_id not in clients:
        clients[grant.client_id] = (await read_client(store, tenant, grant.client_id)).client
    status = await read_grant_status(store, tenant, clients[grant.client_id], grant, now)
    until = await _expires_at(store, tenant, grant_id, grant)
    state, reason = standing_of(grant, why_not(status.liveness), until, now)
    began_at = grant.request.requested_at
    return KnownGrant(grant_id, grant.client_id, state, grant.scope or (), began_at, until, reason)


async def _expires_at(store: Store, tenant: str, grant_id: str, grant: Grant) -> int | None:
    """When the last token of the grant that is not revoked expires."""
    times: list[int] = []
    async with aclosing(rows_of(store, TOKENS, tenant, f"{grant_id}:", page=_TOKENS)) as rows:
        async for row in rows:
            if row["grant_id"] != grant_id:
                break
            if row["revoked_at"] is None:
                times.append(row["expires_at"])
    return last_expiry(grant, times)
