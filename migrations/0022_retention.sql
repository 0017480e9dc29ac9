-- What has ended leaves the tables beside the log (projections/expiry.py, authrim/core/retention.py), found by these
-- indexes. `leaves_at` (seconds) is no part of the projection: a row that has to stay is looked at again then.
ALTER TABLE tokens ADD COLUMN leaves_at BIGINT;
CREATE INDEX tokens_leaving ON tokens ((coalesce(leaves_at, coalesce(revoked_at, expires_at) + 3600)));
ALTER TABLE sessions ADD COLUMN leaves_at BIGINT;
CREATE INDEX sessions_leaving ON sessions (
    (coalesce(leaves_at, CASE WHEN status = 'ended' THEN 0 ELSE coalesce(expires_at, 0) + 2678400 END))
);

-- Notices that are settled, and the sessions that somebody still has to be told of.
CREATE INDEX outbox_leaving ON outbox ((coalesce(done_at + 3600000000, recorded_at + 2682000000000)))
    WHERE done_at IS NOT NULL OR kind = 'backchannel_logout';
CREATE INDEX outbox_waiting ON outbox (stream) WHERE done_at IS NULL;

-- How many rows have left each table, and when the last did (µs UTC).
CREATE TABLE retention (
    name   TEXT PRIMARY KEY,
    pruned BIGINT NOT NULL,
    at     BIGINT NOT NULL
);
