"""Processes that stand still between the halves of a statement (F17).

The driver first has a statement prepared, and then says with which values it runs. In between PostgreSQL waits for the
client, inside the transaction and with its locks, but does not count it as idle in the transaction: so none of
PostgreSQL's own limits ends it before version 17 (``transaction_timeout``). Another process has to.
"""

from typing import Final

from authrim.store.postgres.connections import Connections

#: Only sessions of this server's role, and of these none of another program. Whoever copies rows also waits for its
#: client, for as long as that needs. The limit is the one for a transaction that is idle, of this session; 0: none.
_END: Final = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE datname = current_database() AND usename = current_user AND application_name LIKE 'authrim %'
      AND state = 'active' AND wait_event = 'ClientRead' AND query NOT ILIKE 'copy%'
      AND query_start < clock_timestamp()
          - nullif(current_setting('idle_in_transaction_session_timeout'), '0')::interval
"""


async def end_standing_still(connections: Connections) -> int:
    """End the sessions of processes that have not gone on with a statement for too long; how many there were. Raises
    Unavailable."""
    ((ended,),) = await connections.fetch(_END)
    return int(ended)
