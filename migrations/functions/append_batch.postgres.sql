-- The one function that writes to the log. `authrim migrate` makes it again when its text changed
-- (authrim/store/postgres/functions.py). What stands between `for each table` and `end` is repeated for every table of
-- projections/tables.py: a new table changes nothing here. Other arguments make another function of it, so that a
-- server of the version before can go on calling the old one during an upgrade.

-- Deletes the ranges of keys that belong to appends which are not refused. Called by append_batch only.
CREATE OR REPLACE FUNCTION drop_rows(refused INT[], d_append INT[], d_table TEXT[], d_from TEXT[], d_before TEXT[])
RETURNS VOID LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $$
DECLARE
    d RECORD;
BEGIN
    FOR d IN
        SELECT * FROM unnest(d_append, d_table, d_from, d_before) AS u(append, tbl, from_key, before_key)
        WHERE u.append <> ALL (refused)
    LOOP
        CASE d.tbl
            -- for each table
            WHEN '{table}' THEN DELETE FROM {table} WHERE key >= d.from_key AND key < d.before_key;
            -- end
        END CASE;
    END LOOP;
END
$$;

-- append_batch: the only way into the log. One call, one transaction, one batch.
--
-- Each append has a number; arrays that belong together are read side by side. An append that was decided on a
-- state that has moved is left out with all its parts and named in the answer; its neighbours are committed.
-- The head row is locked first and to the commit, so whatever is checked here stays true until then.
-- A primary other than the one that the caller knows refuses everything: it may be an old one that came back, or have
-- been promoted without what the caller was told (authrim/store/postgres/fence.py).
-- No two appends of one batch write the same stream or the same row (authrim/store/group_commit.py).

CREATE OR REPLACE FUNCTION append_batch(
    -- events, in the order of their positions
    e_append INT[], e_stream TEXT[], e_version BIGINT[], e_type TEXT[], e_payload BYTEA[], e_metadata BYTEA[],
    e_leaf BYTEA[],
    -- appends that are changes of clients or keys
    configuration INT[],
    -- the position up to which the writer of an append had applied such changes
    g_append INT[], g_applied BIGINT[],
    -- versions of streams that must still be so
    x_append INT[], x_stream TEXT[], x_version BIGINT[],
    -- keys that must still be free
    c_append INT[], c_table TEXT[], c_key TEXT[],
    -- rows to delete: keys at or after `from` and before `before`
    d_append INT[], d_table TEXT[], d_from TEXT[], d_before TEXT[],
    -- tokens to revoke, by such ranges
    r_append INT[], r_from TEXT[], r_before TEXT[], r_revoked_at BIGINT[],
    -- rows to write: the tables, and a JSON array of rows for each; a row has the number of its append
    w_table TEXT[], w_rows JSON[],
    -- the primary whose log the caller has compared: its timeline, and when it was started; NULL for any
    of_timeline BIGINT, of_start TIMESTAMPTZ,
    -- whether a commit must wait for a standby
    standby BOOLEAN,
    -- the answer: the first position, the time, and which appends were left out, why, and about what
    OUT first_position BIGINT, OUT recorded BIGINT,
    OUT refused INT[], OUT refused_what TEXT[], OUT refused_subject TEXT[],
    -- where the log ends now
    OUT head_position BIGINT, OUT head_hash BYTEA
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT
SET lock_timeout = '1s'
-- Plans are made once a connection, and must not be those of an empty table.
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
AS $$
DECLARE
    before head%ROWTYPE;
    written BIGINT;
    last BIGINT;
    of_batch BYTEA;
    of_chain BYTEA;
    changed BIGINT;
BEGIN
    IF of_start <> pg_postmaster_start_time()
        OR of_timeline <> ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::BIT(32)::BIGINT
    THEN
        RAISE EXCEPTION 'this is another primary than the one that the caller knows' USING ERRCODE = 'AF001';
    END IF;
    IF standby AND (
        current_setting('synchronous_standby_names') = ''
        OR current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')
    ) THEN
        RAISE EXCEPTION 'a commit would not wait for a standby' USING ERRCODE = 'AF002';
    END IF;

    SELECT * INTO STRICT before FROM head WHERE id = 1 FOR UPDATE;
    first_position := before.position + 1;
    recorded := greatest(
        clock_us(), (SELECT l.recorded_at FROM ledger l WHERE l.last_position = before.position)
    );

    SELECT coalesce(array_agg(f.append), '{}'), coalesce(array_agg(f.what), '{}'), coalesce(array_agg(f.subject), '{}')
    INTO refused, refused_what, refused_subject
    FROM (
        SELECT g.append, 'guard' AS what, '' AS subject
        FROM unnest(g_append, g_applied) AS g(append, applied)
        WHERE g.applied < before.changed_at
        UNION ALL
        SELECT x.append, 'version', x.stream
        FROM unnest(x_append, x_stream, x_version) AS x(append, stream, version)
        WHERE x.version <> coalesce(
            (SELECT s.version FROM events s WHERE s.stream_id = x.stream ORDER BY s.version DESC LIMIT 1), 0
        )
        UNION ALL
        SELECT e.append, 'version', e.stream
        FROM unnest(e_append, e_stream, e_version) AS e(append, stream, version)
        WHERE EXISTS (SELECT FROM events s WHERE s.stream_id = e.stream AND s.version = e.version)
        UNION ALL
        SELECT c.append, 'claim', c.tbl
        FROM unnest(c_append, c_table, c_key) AS c(append, tbl, key)
        WHERE CASE c.tbl
            -- for each table
            WHEN '{table}' THEN EXISTS (SELECT FROM {table} t WHERE t.key = c.key)
            -- end
        END
    ) AS f;

    INSERT INTO events (position, stream_id, version, type, payload, metadata, recorded_at, leaf)
    SELECT before.position + row_number() OVER (ORDER BY e.number),
           e.stream, e.version, e.type, e.payload, e.metadata, recorded, e.leaf
    FROM unnest(e_append, e_stream, e_version, e_type, e_payload, e_metadata, e_leaf) WITH ORDINALITY
        AS e(append, stream, version, type, payload, metadata, leaf, number)
    WHERE e.append <> ALL (refused);
    GET DIAGNOSTICS written = ROW_COUNT;

    IF cardinality(d_append) > 0 THEN
        PERFORM drop_rows(refused, d_append, d_table, d_from, d_before);
    END IF;
    -- for each table
    IF '{table}' = ANY (w_table) THEN
        INSERT INTO {table} ({columns})
        SELECT {values}
        FROM json_to_recordset(w_rows[array_position(w_table, '{table}')]) AS w(append INT, {types})
        WHERE w.append <> ALL (refused)
        ON CONFLICT (key) DO UPDATE SET {updates};
    END IF;
    -- end
    IF cardinality(r_append) > 0 THEN
        UPDATE tokens t SET revoked_at = r.revoked_at
        FROM unnest(r_append, r_from, r_before, r_revoked_at) AS r(append, from_key, before_key, revoked_at)
        WHERE r.append <> ALL (refused)
          AND t.key >= r.from_key COLLATE "C" AND t.key < r.before_key COLLATE "C" AND t.revoked_at IS NULL;
    END IF;

    head_position := before.position;
    head_hash := before.chain_hash;
    IF written = 0 THEN
        RETURN;
    END IF;
    last := before.position + written;
    of_batch := (
        SELECT sha256(string_agg(e.leaf, ''::BYTEA ORDER BY e.number))
        FROM unnest(e_append, e_leaf) WITH ORDINALITY AS e(append, leaf, number)
        WHERE e.append <> ALL (refused)
    );
    of_chain := sha256(
        before.chain_hash || of_batch || int8send(first_position) || int8send(last) || int8send(recorded)
    );
    changed := before.changed_at;
    IF cardinality(configuration) > 0 THEN
        SELECT coalesce(before.position + max(k.place), changed) INTO changed
        FROM (
            SELECT e.append, row_number() OVER (ORDER BY e.number) AS place
            FROM unnest(e_append) WITH ORDINALITY AS e(append, number)
            WHERE e.append <> ALL (refused)
        ) AS k
        WHERE k.append = ANY (configuration);
    END IF;
    INSERT INTO ledger (first_position, last_position, recorded_at, batch_hash, chain_hash)
    VALUES (before.position + 1, last, recorded, of_batch, of_chain);
    UPDATE head SET position = last, chain_hash = of_chain, changed_at = changed WHERE id = 1;
    head_position := last;
    head_hash := of_chain;
    PERFORM pg_notify('authrim', last::TEXT);
END
$$;
