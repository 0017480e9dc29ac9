-- expand: the contents of events that are in archives may leave the log (docs/designs/0023-what-may-leave-the-log.md)
-- Position, stream, version, type, time and leaf of such an event stay; payload and metadata become empty. Which events
-- these are was decided before, and is here; the digest of these ranges is in the log.
CREATE TABLE dropped (
    first_position BIGINT PRIMARY KEY,
    last_position  BIGINT NOT NULL,
    digest         TEXT NOT NULL,
    waiting        BOOLEAN NOT NULL
);

CREATE FUNCTION refuse_rewriting_but_dropping() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.payload = '' AND NEW.metadata = ''
        AND (NEW.position, NEW.stream_id, NEW.version, NEW.type, NEW.recorded_at, NEW.leaf)
            = (OLD.position, OLD.stream_id, OLD.version, OLD.type, OLD.recorded_at, OLD.leaf)
        AND NEW.position <= (
            SELECT d.last_position FROM dropped d
            WHERE d.first_position <= NEW.position ORDER BY d.first_position DESC LIMIT 1
        )
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the log is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;

DROP TRIGGER events_append_only ON events;
CREATE TRIGGER events_append_only BEFORE DELETE OR TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting();
CREATE TRIGGER events_keep BEFORE UPDATE ON events
    FOR EACH ROW EXECUTE FUNCTION refuse_rewriting_but_dropping();

-- What was dropped has no JSON.
CREATE OR REPLACE VIEW log AS
SELECT position, stream_id, version, type,
       to_timestamp(recorded_at / 1000000.0) AS recorded_at,
       CASE WHEN split_part(stream_id, ':', 2) = 'es' THEN to_json(encode(payload, 'base64'))
            ELSE nullif(convert_from(payload, 'UTF8'), '')::json END AS payload,
       CASE WHEN split_part(stream_id, ':', 2) = 'es' THEN to_json(encode(metadata, 'base64'))
            ELSE nullif(convert_from(metadata, 'UTF8'), '')::json END AS metadata,
       encode(leaf, 'hex') AS leaf
FROM events;
