-- The followed projection `audit` (projections/audit.py): who did what, found by error id, client or subject.
-- Times are µs UTC, as in the log.
CREATE TABLE audit (
    position    BIGINT PRIMARY KEY,
    recorded_at BIGINT NOT NULL,
    tenant      TEXT NOT NULL,
    stream      TEXT NOT NULL,
    type        TEXT NOT NULL,
    client_id   TEXT,
    subject     TEXT,
    error_id    TEXT,
    trace       TEXT
);
CREATE INDEX audit_errors ON audit (error_id, position) WHERE error_id IS NOT NULL;
CREATE INDEX audit_clients ON audit (tenant, client_id, position) WHERE client_id IS NOT NULL;
CREATE INDEX audit_subjects ON audit (tenant, subject, position) WHERE subject IS NOT NULL;

-- Events that a followed projection could not take: where they are and what kind of error it was, never what is in them.
CREATE TABLE failed_events (
    projection TEXT NOT NULL,
    position   BIGINT NOT NULL,
    kind       TEXT NOT NULL,
    failed_at  BIGINT NOT NULL,
    PRIMARY KEY (projection, position)
);
