-- The log (docs/designs: one order, no gaps; a hash chain over the stored bytes).
-- Payload and metadata are the very bytes that were hashed, never jsonb; the view `log` shows them as JSON.

CREATE TABLE events (
    position    BIGINT PRIMARY KEY,
    stream_id   TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    type        TEXT NOT NULL,
    payload     BYTEA NOT NULL,
    metadata    BYTEA NOT NULL,
    recorded_at BIGINT NOT NULL,
    leaf        BYTEA NOT NULL,
    UNIQUE (stream_id, version)
);

-- A stream is read from its last summary on, and configuration changes without the rest of the log.
CREATE INDEX events_summaries ON events (stream_id, version) WHERE type = 'grant.summarized.v1';
CREATE INDEX events_configuration ON events (position)
    WHERE split_part(stream_id, ':', 2) IN ('client', 'key');

-- One row a batch: batch_hash over its leaves in order, chain_hash over all that came before.
CREATE TABLE ledger (
    first_position BIGINT PRIMARY KEY,
    last_position  BIGINT NOT NULL UNIQUE,
    recorded_at    BIGINT NOT NULL,
    batch_hash     BYTEA NOT NULL,
    chain_hash     BYTEA NOT NULL
);

-- One row. Every append locks it to the commit: positions have no gaps and are in commit order.
-- changed_at is the position of the newest configuration change.
CREATE TABLE head (
    id         BIGINT PRIMARY KEY CHECK (id = 1),
    position   BIGINT NOT NULL,
    chain_hash BYTEA NOT NULL,
    changed_at BIGINT NOT NULL
) WITH (fillfactor = 20);

INSERT INTO head (id, position, chain_hash, changed_at)
VALUES (1, 0, decode(repeat('00', 32), 'hex'), 0);

-- Microseconds since 1970 UTC by the database's clock.
CREATE FUNCTION clock_us() RETURNS BIGINT LANGUAGE sql VOLATILE PARALLEL SAFE
    AS $$ SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::BIGINT $$;

-- Whoever may write the tables may still not rewrite history.
CREATE FUNCTION refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the log is append-only: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting();
CREATE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting();
CREATE TRIGGER head_stays BEFORE DELETE OR TRUNCATE ON head
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting();

-- The log for an auditor's eyes. Events of other applications (kind `es`) are opaque bytes.
CREATE VIEW log AS
SELECT position, stream_id, version, type,
       to_timestamp(recorded_at / 1000000.0) AS recorded_at,
       CASE WHEN split_part(stream_id, ':', 2) = 'es' THEN to_json(encode(payload, 'base64'))
            ELSE convert_from(payload, 'UTF8')::json END AS payload,
       CASE WHEN split_part(stream_id, ':', 2) = 'es' THEN to_json(encode(metadata, 'base64'))
            ELSE convert_from(metadata, 'UTF8')::json END AS metadata,
       encode(leaf, 'hex') AS leaf
FROM events;
