-- What has to be delivered to others, one row per message and receiver (authrim/store/outbox_contract.py). None of it is
-- made from the log, and no row holds what is sent. Times are µs UTC, as in the log.
--
-- A receiver is in the hands of one process at a time. `due_at` says when the next process may take it, which is the end
-- of the lease while one has it; NULL: nothing waits. `failures`: how often in a row it did not answer.
CREATE TABLE receivers (
    key      TEXT PRIMARY KEY,
    tenant   TEXT NOT NULL,
    kind     TEXT NOT NULL,
    receiver TEXT NOT NULL,
    due_at   BIGINT,
    holder   TEXT NOT NULL DEFAULT '',
    failures BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX receivers_due ON receivers (due_at) WHERE due_at IS NOT NULL;

-- A message that was delivered has no row any more. One that was given up has `dead_at`, until somebody retries or
-- discards it.
CREATE TABLE deliveries (
    key          TEXT PRIMARY KEY,
    receiver_key TEXT NOT NULL,
    name         TEXT NOT NULL,
    position     BIGINT NOT NULL,
    detail       TEXT NOT NULL DEFAULT '',
    since        BIGINT NOT NULL,
    due_at       BIGINT NOT NULL,
    attempts     BIGINT NOT NULL DEFAULT 0,
    reason       TEXT NOT NULL DEFAULT '',
    dead_at      BIGINT
);
CREATE INDEX deliveries_waiting ON deliveries (receiver_key, due_at, position) WHERE dead_at IS NULL;
CREATE INDEX deliveries_of_receiver ON deliveries (receiver_key, position);
CREATE INDEX deliveries_dead ON deliveries (dead_at) WHERE dead_at IS NOT NULL;
