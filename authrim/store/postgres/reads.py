# ruff: noqa: S608 - the names in these texts are constants
"""The SELECTs of the PostgreSQL store. Group reads answer at least one row, which carries the clock."""

from typing import Final

from projections.lookups import LOOKUPS
from projections.tables import INLINE_TABLES, PRIVATE_TABLES, TABLES_OF_SUBJECT

#: One row per stream, from its last summary on, its events as arrays: a row per event would cost the driver more.
#: They are ordered before they are gathered: the index has them in that order already.
STREAMS: Final = """
    SELECT clock_us() AS now, s.stream, e.versions, e.types, e.payloads
    FROM unnest($1::TEXT[]) AS s(stream)
    CROSS JOIN LATERAL (
        SELECT max(v.version) AS versions, array_agg(v.type) AS types, array_agg(v.payload) AS payloads
        FROM (
            SELECT i.version, i.type, i.payload
            FROM events i
            WHERE i.stream_id = s.stream AND i.version >= coalesce(
                (SELECT z.version FROM events z
                 WHERE z.stream_id = s.stream AND z.type = 'grant.summarized.v1'
                 ORDER BY z.version DESC LIMIT 1), 0)
            ORDER BY i.version
        ) AS v
    ) AS e
"""

_EVENT = "position, stream_id, version, type, payload, metadata, recorded_at, leaf"

WHOLE_STREAM: Final = f"SELECT {_EVENT} FROM events WHERE stream_id = $1 ORDER BY version"
STREAM_END: Final = f"{WHOLE_STREAM} DESC LIMIT $2"
#: A stream's first event is version 0 or 1 (decisions.md 13); ours begin at 1.
STREAM_NAMES: Final = """
    SELECT stream_id FROM events
    WHERE stream_id >= $1 AND stream_id < $2 AND stream_id > $3 AND version = 1
    ORDER BY stream_id LIMIT $4
"""
LOG: Final = f"SELECT {_EVENT} FROM events WHERE position > $1 ORDER BY position LIMIT $2"
#: What a follower looks at, of a part of the log.
PART_OF_TYPES: Final = f"""
    SELECT {_EVENT} FROM events WHERE position > $1 AND position <= $2 AND type = ANY($3::TEXT[]) ORDER BY position
"""
PART_WITHOUT_TYPES: Final = f"""
    SELECT {_EVENT} FROM events WHERE position > $1 AND position <= $2 AND type <> ALL($3::TEXT[]) ORDER BY position
"""
CONFIGURATION_LOG: Final = f"""
    SELECT {_EVENT} FROM events
    WHERE position > $1 AND split_part(stream_id, ':', 2) IN ('client', 'key', 'claim', 'resource', 'scope')
    ORDER BY position LIMIT $2
"""
LEDGER: Final = """
    SELECT first_position, last_position, recorded_at, batch_hash, chain_hash
    FROM ledger WHERE first_position > $1 ORDER BY first_position LIMIT $2
"""
HEAD: Final = "SELECT position, chain_hash, changed_at, clock_us() FROM head WHERE id = 1"

#: How far the log has come, the chain hash of one of its batches, and when the event after that one was recorded.
COMPARED: Final = """
    SELECT h.position, clock_us() AS now,
           (SELECT l.chain_hash FROM ledger l WHERE l.last_position = $1::BIGINT) AS chain_hash,
           (SELECT e.recorded_at FROM events e WHERE e.position = $1::BIGINT + 1) AS next_at
    FROM head h WHERE h.id = 1
"""
#: The last batch, up to a position, of which everything has been made that answers read: the tree ($2) and the index
#: ($3). Positions of followers need not be the end of a batch; the chain hash is known at those alone.
REACHED: Final = """
    SELECT pg_is_in_recovery() AS follows, coalesce(b.last_position, 0) AS position, b.chain_hash,
           least(h.changed_at, coalesce(b.last_position, 0)) AS changed_at
    FROM head h LEFT JOIN LATERAL (
        SELECT l.last_position, l.chain_hash FROM ledger l
        WHERE l.last_position <= least($1::BIGINT, h.position,
            coalesce((SELECT f.position FROM followers f WHERE f.name = $2), 0),
            coalesce((SELECT f.position FROM followers f WHERE f.name = $3), 0))
        ORDER BY l.last_position DESC LIMIT 1
    ) AS b ON TRUE
    WHERE h.id = 1
"""

#: The event after a follower's position is the oldest that waits for it.
LAGS: Final = """
    SELECT wanted.name, coalesce(clock_us() - (
        SELECT e.recorded_at FROM events AS e WHERE e.position = coalesce(
            (SELECT f.position FROM followers AS f WHERE f.name = wanted.name), 0) + 1), 0) AS lag
    FROM unnest($1::TEXT[]) AS wanted(name)
"""

#: A named look-up beside one row that is always there.
FIND: Final = {
    name: f"SELECT one.now, found.* FROM (SELECT clock_us() AS now) AS one LEFT JOIN LATERAL "
    f"({sql.format(keys='= ANY($1::TEXT[])')}) AS found ON TRUE"
    for name, sql in LOOKUPS.items()
}
ROWS: Final = {
    table.name: f"SELECT {', '.join(table.columns)} FROM {table.name} WHERE key > $1 ORDER BY key LIMIT $2"
    for table in INLINE_TABLES + PRIVATE_TABLES
}
#: Rows of one person, by indexes of their own.
ROWS_OF: Final = {
    table.name: f"SELECT {', '.join(table.columns)} FROM {table.name} "
    "WHERE tenant = $1 AND subject = $2 AND key > $3 ORDER BY key LIMIT $4"
    for table in TABLES_OF_SUBJECT
}

#: Reserve: a key that is there is taken again only when it has expired, and none for a time that is over (F13). Returns
#: the keys that were taken.
RESERVE: Final = """
    INSERT INTO guard (key, expires_at)
    SELECT u.key, u.expires_at FROM unnest($1::TEXT[], $2::BIGINT[]) AS u(key, expires_at)
    WHERE u.expires_at > clock_us() / 1000000
    ON CONFLICT (key) DO UPDATE SET expires_at = excluded.expires_at
        WHERE guard.expires_at <= clock_us() / 1000000
    RETURNING key
"""
#: Count: amounts by key, with the µs that a window lasts. Returns the new totals. What is taken back after its
#: window must not become room in the next one: no total is below zero. ``excluded.total`` is not the amount then.
COUNT: Final = """
    INSERT INTO counters (key, total, expires_at)
    SELECT u.key, greatest(u.amount, 0), clock_us() + u.lasts FROM unnest($1::TEXT[], $2::BIGINT[], $3::BIGINT[])
        AS u(key, amount, lasts)
    ON CONFLICT (key) DO UPDATE SET
        total = greatest(0, CASE WHEN counters.expires_at > clock_us() THEN counters.total ELSE 0 END
                            + ($2::BIGINT[])[array_position($1::TEXT[], counters.key)]),
        expires_at = CASE WHEN counters.expires_at > clock_us() THEN counters.expires_at
                          ELSE excluded.expires_at END
    RETURNING key, total
"""
TOTAL: Final = "SELECT total FROM counters WHERE key = $1 AND expires_at > clock_us()"
FORGET_GUARD: Final = "DELETE FROM guard WHERE key >= $1 AND key < $2"
FORGET_COUNTERS: Final = "DELETE FROM counters WHERE key >= $1 AND key < $2"
