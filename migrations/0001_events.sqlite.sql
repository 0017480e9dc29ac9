-- The log (docs/designs: one order, no gaps; a hash chain over the stored bytes).
-- Payload and metadata are the very bytes that were hashed; the view `log` shows them as JSON.

CREATE TABLE events (
    position    INTEGER PRIMARY KEY,
    stream_id   TEXT NOT NULL,
    version     INTEGER NOT NULL,
    type        TEXT NOT NULL,
    payload     BLOB NOT NULL,
    metadata    BLOB NOT NULL,
    recorded_at INTEGER NOT NULL,
    leaf        BLOB NOT NULL,
    UNIQUE (stream_id, version)
) STRICT;

-- A stream is read from its last summary on, and configuration changes without the rest of the log.
CREATE INDEX events_summaries ON events (stream_id, version) WHERE type = 'grant.summarized.v1';
CREATE INDEX events_configuration ON events (position)
    WHERE substr(stream_id, instr(stream_id, ':') + 1, 7) = 'client:'
       OR substr(stream_id, instr(stream_id, ':') + 1, 4) = 'key:';

-- One row a batch: batch_hash over its leaves in order, chain_hash over all that came before.
CREATE TABLE ledger (
    first_position INTEGER PRIMARY KEY,
    last_position  INTEGER NOT NULL UNIQUE,
    recorded_at    INTEGER NOT NULL,
    batch_hash     BLOB NOT NULL,
    chain_hash     BLOB NOT NULL
) STRICT;

-- One row, read and written by every append inside BEGIN IMMEDIATE: positions have no gaps and are in commit order.
-- changed_at is the position of the newest configuration change.
CREATE TABLE head (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    position   INTEGER NOT NULL,
    chain_hash BLOB NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;

INSERT INTO head (id, position, chain_hash, changed_at) VALUES (1, 0, zeroblob(32), 0);

-- Whoever may write the tables may still not rewrite history. INSERT OR REPLACE passes UPDATE and DELETE triggers,
-- so a row that is there refuses the INSERT too.
CREATE TRIGGER events_no_update BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'the log is append-only: UPDATE on events is refused'); END;
CREATE TRIGGER events_no_delete BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'the log is append-only: DELETE on events is refused'); END;
CREATE TRIGGER events_no_replace BEFORE INSERT ON events
WHEN EXISTS (SELECT 1 FROM events WHERE position = NEW.position)
  OR EXISTS (SELECT 1 FROM events WHERE stream_id = NEW.stream_id AND version = NEW.version)
BEGIN SELECT RAISE(ABORT, 'the log is append-only: the event is there already'); END;

CREATE TRIGGER ledger_no_update BEFORE UPDATE ON ledger
BEGIN SELECT RAISE(ABORT, 'the log is append-only: UPDATE on ledger is refused'); END;
CREATE TRIGGER ledger_no_delete BEFORE DELETE ON ledger
BEGIN SELECT RAISE(ABORT, 'the log is append-only: DELETE on ledger is refused'); END;
CREATE TRIGGER ledger_no_replace BEFORE INSERT ON ledger
WHEN EXISTS (SELECT 1 FROM ledger WHERE first_position = NEW.first_position OR last_position = NEW.last_position)
BEGIN SELECT RAISE(ABORT, 'the log is append-only: the batch is there already'); END;

CREATE TRIGGER head_no_delete BEFORE DELETE ON head
BEGIN SELECT RAISE(ABORT, 'the log is append-only: DELETE on head is refused'); END;
CREATE TRIGGER head_no_replace BEFORE INSERT ON head
BEGIN SELECT RAISE(ABORT, 'the log is append-only: INSERT on head is refused'); END;
CREATE TRIGGER head_forward_only BEFORE UPDATE ON head WHEN NEW.position < OLD.position
BEGIN SELECT RAISE(ABORT, 'the log is append-only: head does not go back'); END;

-- The log for an auditor's eyes. Events of other applications (kind `es`) are opaque bytes.
CREATE VIEW log AS
SELECT position, stream_id, version, type,
       strftime('%Y-%m-%dT%H:%M:%S', recorded_at / 1000000, 'unixepoch')
           || printf('.%06dZ', recorded_at % 1000000) AS recorded_at,
       CASE WHEN substr(stream_id, instr(stream_id, ':') + 1, 3) = 'es:' THEN hex(payload)
            ELSE CAST(payload AS TEXT) END AS payload,
       CASE WHEN substr(stream_id, instr(stream_id, ':') + 1, 3) = 'es:' THEN hex(metadata)
            ELSE CAST(metadata AS TEXT) END AS metadata,
       lower(hex(leaf)) AS leaf
FROM events;
