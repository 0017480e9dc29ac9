-- The followed projection of the monitor (projections/monitor): what it knows of each live grant and of what grants
-- depend on, by stream. A row that is lost is made again from its stream. `leaves_at` in seconds; NULL: stays.
CREATE TABLE monitor_states (
    stream    TEXT PRIMARY KEY,
    document  TEXT NOT NULL,
    leaves_at BIGINT
);
CREATE INDEX monitor_states_leaving ON monitor_states (leaves_at) WHERE leaves_at IS NOT NULL;

-- The rules that were found broken. `told_at` is the position of the alarm in the log, NULL until it is there. Times in
-- µs UTC; `positions` is a JSON array.
CREATE TABLE monitor_breaches (
    id              TEXT PRIMARY KEY,
    rule            TEXT NOT NULL,
    stream          TEXT NOT NULL,
    positions       TEXT NOT NULL,
    about           TEXT NOT NULL,
    found_at        BIGINT NOT NULL,
    told_at         BIGINT,
    acknowledged_at BIGINT
);
CREATE INDEX monitor_breaches_open ON monitor_breaches (rule) WHERE acknowledged_at IS NULL;
