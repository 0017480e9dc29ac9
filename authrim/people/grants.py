"""Grants, ended one by one by an administrator, or all of a person's at once.

What holds at once is the mark on the account; each grant's own record of why it ended follows, or is written when the
grant is next used (domain/person/grant_ending.py).
"""

from contextlib import aclosing

import msgspec

from authrim.clients.records import read_client
from authrim.core.execute import Change, Outcome, carry_out
from authrim.core.paging import rows_of_subject
from authrim.people.endings import endings_of
from authrim.store import codec
from authrim.store.contract import Store
from domain.client.client import Client
from domain.errors import Refusal
from domain.grant import grant as grants
from domain.grant.events import AccessTokenIssued, confirmation_of
from domain.grant.revocation import revoke
from domain.grant.sender_constraint import is_kept_bound
from domain.stream import GRANT, grant_stream
from domain.units import MICROSECONDS
from projections.tables import TOKENS, row_key

_decode = msgspec.json.Decoder(AccessTokenIssued).decode


async def end_grant(store: Store, tenant: str, grant_id: str, reason: str) -> bool | Refusal:
    """End one grant: its code, its refresh token and every access token. Whether it had not ended before."""
    stream = grant_stream(tenant, grant_id)

    async def attempt() -> Outcome[bool]:
        read = await store.read_stream(stream)
        grant = grants.fold(codec.decode_stream(GRANT, read))
        decision = revoke(grant, reason, read.now // MICROSECONDS)
        if isinstance(decision.answer, Refusal):
            return Outcome(decision.answer)
        changes = (Change(stream, read.version, decision.events, grant),) if decision.events else ()
        return Outcome(bool(changes), changes)

    return await carry_out(store, tenant, attempt)


async def record_endings(store: Store, tenant: str, subject: str) -> int:
    """Write into each of the person's grants that the account's marks end, and that has tokens, why it ended; how many
    there were."""
    found = await store.find("account", row_key(tenant, subject))
    endings = endings_of(found.row["document"] if found.row else None)
    if not endings.marks:
        return 0
    over: dict[str, str] = {}
    known: dict[str, Client] = {}
    async with aclosing(rows_of_subject(store, TOKENS, tenant, subject)) as rows:
        async for row in rows:
            if row["revoked_at"] is not None:
                continue
            issued = _decode(row["document"])
            if issued.client_id not in known:
                known[issued.client_id] = (await read_client(store, tenant, issued.client_id)).client
            bound = is_kept_bound(known[issued.client_id], confirmation_of(issued).is_bound)
            why = endings.why_over(issued.client_id, issued.account_epoch, bound=bound)
            if why:
                over[row["grant_id"]] = why
    ended = [await end_grant(store, tenant, grant_id, why) for grant_id, why in sorted(over.items())]
    return sum(one is True for one in ended)
