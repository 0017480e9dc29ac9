-- append_batch and drop_rows once more, for the table `session_clients` too. An argument more makes another function of
-- it, so the old one goes.
ALTER TABLE session_clients ALTER COLUMN key TYPE TEXT COLLATE "C";
DROP FUNCTION append_batch, drop_rows;

-- Deletes the ranges of keys that belong to appends which are not refused. Called by append_batch only.
CREATE FUNCTION drop_rows(refused INT[], d_append INT[], d_table TEXT[], d_from TEXT[], d_before TEXT[])
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
            WHEN 'clients' THEN DELETE FROM clients WHERE key >= d.from_key AND key < d.before_key;
            WHEN 'accounts' THEN DELETE FROM accounts WHERE key >= d.from_key AND key < d.before_key;
            WHEN 'sessions' THEN DELETE FROM sessions WHERE key >= d.from_key AND key < d.before_key;
            WHEN 'signing_keys' THEN DELETE FROM signing_keys WHERE key >= d.from_key AND key < d.before_key;
            WHEN 'tokens' THEN DELETE FROM tokens WHERE key >= d.from_key AND key < d.before_key;
            WHEN 'session_clients' THEN DELETE FROM session_clients WHERE key >= d.from_key AND key < d.before_key;
            WHEN 'logins' THEN DELETE FROM logins WHERE key >= d.from_key AND key < d.before_key;
            WHEN 'sealed' THEN DELETE FROM sealed WHERE key >= d.from_key AND key < d.before_key;
        END CASE;
    END LOOP;
END
$$;

-- append_batch: the only way into the log. One call, one transaction, one batch.
--
-- Each append has a number; arrays that belong together are read side by side. An append that was decided on a
-- state that has moved is left out with all its parts and named in the answer; its neighbours are committed.
-- The head row is locked first and to the commit, so whatever is checked here stays true until then.
-- No two appends of one batch write the same stream or the same row (authrim/store/group_commit.py).

CREATE FUNCTION append_batch(
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
    -- rows to write, a JSON array for each table or NULL; each row has the number of its append
    w_clients JSON, w_accounts JSON, w_sessions JSON, w_signing_keys JSON, w_tokens JSON, w_logins JSON,
    w_sealed JSON, w_session_clients JSON,
    -- the answer: the first position, the time, and which appends were left out, why, and about what
    OUT first_position BIGINT, OUT recorded BIGINT,
    OUT refused INT[], OUT refused_what TEXT[], OUT refused_subject TEXT[]
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
            WHEN 'clients' THEN EXISTS (SELECT FROM clients t WHERE t.key = c.key)
            WHEN 'accounts' THEN EXISTS (SELECT FROM accounts t WHERE t.key = c.key)
            WHEN 'sessions' THEN EXISTS (SELECT FROM sessions t WHERE t.key = c.key)
            WHEN 'signing_keys' THEN EXISTS (SELECT FROM signing_keys t WHERE t.key = c.key)
            WHEN 'tokens' THEN EXISTS (SELECT FROM tokens t WHERE t.key = c.key)
            WHEN 'session_clients' THEN EXISTS (SELECT FROM session_clients t WHERE t.key = c.key)
            WHEN 'logins' THEN EXISTS (SELECT FROM logins t WHERE t.key = c.key)
            WHEN 'sealed' THEN EXISTS (SELECT FROM sealed t WHERE t.key = c.key)
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
    IF w_tokens IS NOT NULL THEN
        INSERT INTO tokens (key, tenant, grant_id, client_id, subject, session_id, document, expires_at, revoked_at)
        SELECT w.key, w.tenant, w.grant_id, w.client_id, w.subject, w.session_id, w.document, w.expires_at,
               w.revoked_at
        FROM json_to_recordset(w_tokens) AS w(
            append INT, key TEXT, tenant TEXT, grant_id TEXT, client_id TEXT, subject TEXT, session_id TEXT,
            document TEXT, expires_at BIGINT, revoked_at BIGINT)
        WHERE w.append <> ALL (refused)
        ON CONFLICT (key) DO UPDATE SET
            tenant = excluded.tenant, grant_id = excluded.grant_id, client_id = excluded.client_id,
            subject = excluded.subject, session_id = excluded.session_id, document = excluded.document,
            expires_at = excluded.expires_at, revoked_at = excluded.revoked_at;
    END IF;
    IF w_session_clients IS NOT NULL THEN
        INSERT INTO session_clients (key, tenant, session_id, client_id, status)
        SELECT w.key, w.tenant, w.session_id, w.client_id, w.status
        FROM json_to_recordset(w_session_clients) AS w(
            append INT, key TEXT, tenant TEXT, session_id TEXT, client_id TEXT, status TEXT)
        WHERE w.append <> ALL (refused)
        ON CONFLICT (key) DO UPDATE SET
            tenant = excluded.tenant, session_id = excluded.session_id, client_id = excluded.client_id,
            status = excluded.status;
    END IF;
    IF w_clients IS NOT NULL THEN
        INSERT INTO clients (key, tenant, client_id, status, document, version)
        SELECT w.key, w.tenant, w.client_id, w.status, w.document, w.version
        FROM json_to_recordset(w_clients) AS w(
            append INT, key TEXT, tenant TEXT, client_id TEXT, status TEXT, document TEXT, version BIGINT)
        WHERE w.append <> ALL (refused)
        ON CONFLICT (key) DO UPDATE SET
            tenant = excluded.tenant, client_id = excluded.client_id, status = excluded.status,
            document = excluded.document, version = excluded.version;
    END IF;
    IF w_accounts IS NOT NULL THEN
        INSERT INTO accounts (key, tenant, subject, status, document, version)
        SELECT w.key, w.tenant, w.subject, w.status, w.document, w.version
        FROM json_to_recordset(w_accounts) AS w(
            append INT, key TEXT, tenant TEXT, subject TEXT, status TEXT, document TEXT, version BIGINT)
        WHERE w.append <> ALL (refused)
        ON CONFLICT (key) DO UPDATE SET
            tenant = excluded.tenant, subject = excluded.subject, status = excluded.status,
            document = excluded.document, version = excluded.version;
    END IF;
    IF w_sessions IS NOT NULL THEN
        INSERT INTO sessions (key, tenant, session_id, subject, status, document, version, expires_at)
        SELECT w.key, w.tenant, w.session_id, w.subject, w.status, w.document, w.version, w.expires_at
        FROM json_to_recordset(w_sessions) AS w(
            append INT, key TEXT, tenant TEXT, session_id TEXT, subject TEXT, status TEXT, document TEXT,
            version BIGINT, expires_at BIGINT)
        WHERE w.append <> ALL (refused)
        ON CONFLICT (key) DO UPDATE SET
            tenant = excluded.tenant, session_id = excluded.session_id, subject = excluded.subject,
            status = excluded.status, document = excluded.document, version = excluded.version,
            expires_at = excluded.expires_at;
    END IF;
    IF w_signing_keys IS NOT NULL THEN
        INSERT INTO signing_keys (key, tenant, kid, status, document, version)
        SELECT w.key, w.tenant, w.kid, w.status, w.document, w.version
        FROM json_to_recordset(w_signing_keys) AS w(
            append INT, key TEXT, tenant TEXT, kid TEXT, status TEXT, document TEXT, version BIGINT)
        WHERE w.append <> ALL (refused)
        ON CONFLICT (key) DO UPDATE SET
            tenant = excluded.tenant, kid = excluded.kid, status = excluded.status,
            document = excluded.document, version = excluded.version;
    END IF;
    IF w_logins IS NOT NULL THEN
        INSERT INTO logins (key, tenant, subject)
        SELECT w.key, w.tenant, w.subject
        FROM json_to_recordset(w_logins) AS w(append INT, key TEXT, tenant TEXT, subject TEXT)
        WHERE w.append <> ALL (refused)
        ON CONFLICT (key) DO UPDATE SET tenant = excluded.tenant, subject = excluded.subject;
    END IF;
    IF w_sealed IS NOT NULL THEN
        INSERT INTO sealed (key, tenant, ciphertext)
        SELECT w.key, w.tenant, decode(w.ciphertext, 'base64')
        FROM json_to_recordset(w_sealed) AS w(append INT, key TEXT, tenant TEXT, ciphertext TEXT)
        WHERE w.append <> ALL (refused)
        ON CONFLICT (key) DO UPDATE SET tenant = excluded.tenant, ciphertext = excluded.ciphertext;
    END IF;
    IF cardinality(r_append) > 0 THEN
        UPDATE tokens t SET revoked_at = r.revoked_at
        FROM unnest(r_append, r_from, r_before, r_revoked_at) AS r(append, from_key, before_key, revoked_at)
        WHERE r.append <> ALL (refused)
          AND t.key >= r.from_key COLLATE "C" AND t.key < r.before_key COLLATE "C" AND t.revoked_at IS NULL;
    END IF;

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
    PERFORM pg_notify('authrim', last::TEXT);
END
$$;

-- Nobody may call it but the owner and the roles of `grant_application_role` (decisions.md 11).
REVOKE ALL ON FUNCTION append_batch, drop_rows FROM PUBLIC;
