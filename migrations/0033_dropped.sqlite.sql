-- expand: the contents of events that are in archives may leave the log (docs/designs/0023-what-may-leave-the-log.md)
-- Position, stream, version, type, time and leaf of such an event stay; payload and metadata become empty. Which events
-- these are was decided before, and is here; the digest of these ranges is in the log.
CREATE TABLE dropped (
    first_position INTEGER PRIMARY KEY,
    last_position  INTEGER NOT NULL,
    digest         TEXT NOT NULL,
    waiting        INTEGER NOT NULL
) STRICT;

DROP TRIGGER events_no_update;
CREATE TRIGGER events_no_update BEFORE UPDATE ON events
WHEN NOT (
    length(NEW.payload) = 0 AND length(NEW.metadata) = 0
    AND NEW.position = OLD.position AND NEW.stream_id = OLD.stream_id AND NEW.version = OLD.version
    AND NEW.type = OLD.type AND NEW.recorded_at = OLD.recorded_at AND NEW.leaf = OLD.leaf
    AND NEW.position <= coalesce((
        SELECT d.last_position FROM dropped d
        WHERE d.first_position <= NEW.position ORDER BY d.first_position DESC LIMIT 1
    ), 0)
)
BEGIN SELECT RAISE(ABORT, 'the log is append-only: UPDATE on events is refused'); END;
