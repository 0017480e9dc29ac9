-- Which clients know of which browser session (projections/session_clients.py): those that a logout concerns.
CREATE TABLE session_clients (
    key        TEXT PRIMARY KEY,
    tenant     TEXT NOT NULL,
    session_id TEXT NOT NULL,
    client_id  TEXT NOT NULL,
    status     TEXT NOT NULL
);

-- The followed projection `outbox` (projections/outbox.py): what has to be told to somebody outside. The columns from
-- `due_at` on are the state of the delivery, which is not made from the log. Times are µs UTC, as in the log.
CREATE TABLE outbox (
    position    BIGINT PRIMARY KEY,
    recorded_at BIGINT NOT NULL,
    tenant      TEXT NOT NULL,
    kind        TEXT NOT NULL,
    stream      TEXT NOT NULL,
    due_at      BIGINT NOT NULL DEFAULT 0,
    attempts    BIGINT NOT NULL DEFAULT 0,
    done_at     BIGINT
);
CREATE INDEX outbox_due ON outbox (due_at) WHERE done_at IS NULL;
