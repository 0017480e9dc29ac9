"""The clients of a browser session, as the table beside the log has them (projections/session_clients.py)."""

from typing import Final

from authrim.crypto.ids import seconds_of_id
from authrim.store.contract import Store
from domain.client.client import Client
from projections.session_clients import TAKES_PART
from projections.tables import SESSION_CLIENTS, session_client_key

_PAGE: Final = 100


async def clients_of_session(store: Store, tenant: str, session_id: str) -> tuple[str, ...]:
    """The ids of the clients that know of the session and were not told of its end over the back channel."""
    prefix = session_client_key(tenant, session_id, "")
    clients: list[str] = []
    after = prefix
    while True:
        rows = await store.read_rows(SESSION_CLIENTS.name, after, _PAGE)
        its_own = [row for row in rows if row["key"].startswith(prefix)]
        clients += [row["client_id"] for row in its_own if row["status"] == TAKES_PART]
        if len(its_own) < _PAGE:
            return tuple(clients)
        after = its_own[-1]["key"]


def knows_session(client: Client, session_id: str) -> bool:
    """Whether the client still calls person and session what it was told: a session that began before its names for
    people changed is none that it may hear of by the new ones (OIDC Core §8)."""
    return seconds_of_id(session_id) > client.subjects_changed_at
