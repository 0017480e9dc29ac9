-- Rows that expire (no event: an auditor would not ask for them), and how far each follower of the log is.

-- A value that may be used once: expires_at in seconds.
CREATE TABLE guard (
    key        TEXT PRIMARY KEY,
    expires_at BIGINT NOT NULL
);
CREATE INDEX guard_expiry ON guard (expires_at);

-- A sum that begins anew when its window is over: expires_at in µs.
CREATE TABLE counters (
    key        TEXT PRIMARY KEY,
    total      BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX counters_expiry ON counters (expires_at);

CREATE TABLE followers (
    name     TEXT PRIMARY KEY,
    position BIGINT NOT NULL
);
