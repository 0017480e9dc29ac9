"""The certificate of an erasure: what was destroyed, what the log says of it, and that nothing was left.

It is made from the log and the tables whenever somebody asks for it: at the erasure, or years later.
"""

from contextlib import aclosing
from typing import Any, Final

from authrim.audit.follow import Follower
from authrim.audit.signed_documents import ERASURE_CERTIFICATE
from authrim.audit.timeline import time_of
from authrim.core.paging import rows_of, rows_of_subject
from authrim.core.sealed_rows import SUBJECT, PrivateData
from authrim.people.erasure import open_requests
from authrim.store import codec
from authrim.store.contract import StoredEvent
from authrim.store.read_back import ReadBack
from authrim.transparency.checkpoints import Checkpoints
from authrim.transparency.signing_documents import Signing, sign_document
from domain.errors import Refusal, invalid_request
from domain.liveness import ACTIVE
from domain.person.account_events import PersonErased
from domain.report.trails import Trail
from domain.stream import ACCOUNT, account_stream
from projections.audit import AUDIT
from projections.tables import LOGINS, SEALED, SESSIONS, sealed_key

#: Events of the person read at a time.
_PAGE: Final = 1000

NOT_ERASED: Final = invalid_request("There is no erased account with this subject.")


async def certify_erasure(
    store: ReadBack, private: PrivateData, checkpoints: Checkpoints, tenant: str, subject: str
) -> dict[str, Any] | Refusal:
    """The signed certificate. Raises what ``sign_document`` raises."""
    stream = await store.read_stream_end(account_stream(tenant, subject), 1)  # nothing can follow
    event = codec.decode(ACCOUNT, stream[0].type, stream[0].payload) if stream else None
    if not isinstance(event, PersonErased):
        return NOT_ERASED
    document = {
        "tenant": tenant,
        "subject": subject,
        "position": stream[0].position,
        "erased_at": time_of(stream[0].recorded_at),
        "reason": event.reason,
        "destroyed_keys": list(event.keys),
        "left": await _left(store, private, tenant, subject),
        "positions": await _positions(store, tenant, subject),
    }
    return await sign_document(store, checkpoints, Signing(ERASURE_CERTIFICATE, document, (stream[0],)))


async def _left(store: ReadBack, private: PrivateData, tenant: str, subject: str) -> dict[str, int]:
    """What the tables still have of the person, by the kind of row."""
    sealed = logins = live = 0
    prefix = sealed_key(tenant, SUBJECT, subject, "")
    async with aclosing(rows_of(store, SEALED, tenant, f"{SUBJECT}:{subject}:")) as rows:
        async for row in rows:
            if not row["key"].startswith(prefix):
                break
            sealed += 1
    async with aclosing(rows_of_subject(store, LOGINS, tenant, subject)) as rows:
        async for _ in rows:
            logins += 1
    async with aclosing(rows_of_subject(store, SESSIONS, tenant, subject)) as rows:
        async for row in rows:
            live += row["status"] == ACTIVE
    requests = len(await open_requests(store, private, tenant, subject))
    return {"sealed_rows": sealed, "logins": logins, "live_sessions": live, "open_requests": requests}


async def _positions(store: ReadBack, tenant: str, subject: str) -> dict[str, Any]:
    """Where the log speaks of the pseudonym, as ranges."""
    parts: list[bytes] = []
    trail = Trail("positions", lambda _id, part: parts.append(part))
    head = await Follower(store, AUDIT).catch_up()
    after = 0
    while events := await _history(store, tenant, subject, after, head):
        for event in events:
            trail.add(event.position)
        after = events[-1].position
    positions = trail.positions()
    return {
        "count": positions.count,
        "first": positions.first,
        "last": positions.last,
        "ranges": b"".join(parts).decode().strip(),
        "sha256": positions.digest,
    }


async def _history(store: ReadBack, tenant: str, subject: str, after: int, head: int) -> list[StoredEvent]:
    return list(await store.audit.history("subject", tenant, subject, after, head, _PAGE))
