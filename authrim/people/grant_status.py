"""Whether the client, the account and the session of a grant are still allowed."""

import msgspec

from authrim.people.endings import endings_of
from authrim.store.contract import Store
from domain.client.client import Client
from domain.grant.grant import Grant
from domain.grant.issue import session_bound_to
from domain.grant.standing import NOBODY, Person, liveness_of_grant
from domain.liveness import Liveness
from domain.stream import account_stream, session_stream
from domain.units import MICROSECONDS
from projections.tables import row_key


class GrantStatus(msgspec.Struct, frozen=True):
    """Whether a grant's client, account and session are still allowed, the versions that this was read at, and
    the database's clock then, in seconds."""

    liveness: Liveness
    now: int
    expects: tuple[tuple[str, int], ...] = ()


async def read_grant_status(store: Store, tenant: str, client: Client, grant: Grant, now: int) -> GrantStatus:
    """Read what the grant depends on, in one look-up; without a session ``now`` is the time."""
    if grant.session_id is None or grant.request is None:
        return GrantStatus(liveness_of_grant(grant, client, NOBODY), now)
    found = await store.find("session", row_key(tenant, grant.session_id))
    row = found.row or {}
    bound = session_bound_to(grant) is not None
    if found.row is None and not bound and grant.subject is not None:
        # The session ended long ago, and its row is deleted (authrim/core/retention.py): only the account counts.
        found = await store.find("account", row_key(tenant, grant.subject))
        account = found.row or {}
        row = {f"account_{name}": account.get(name) for name in ("status", "version", "document")}
    person = Person(row.get("account_status"), row.get("status"), endings_of(row.get("account_document")))
    liveness = liveness_of_grant(grant, client, person)
    expects = []
    if row and grant.subject is not None:
        expects.append((account_stream(tenant, grant.subject), row["account_version"] or 0))
    if row and bound:
        expects.append((session_stream(tenant, grant.session_id), row["version"]))
    return GrantStatus(liveness, found.now // MICROSECONDS, tuple(expects))
