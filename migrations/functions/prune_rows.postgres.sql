-- Deletes what leaves the tables (0022_retention.sql): the role of the server may not delete from them otherwise. A row
-- that somebody else holds is left for the next time: whoever deletes waits for nobody, so no two can wait for each
-- other. The answer: how many rows were deleted.
CREATE OR REPLACE FUNCTION prune_rows(of_table TEXT, gone TEXT[], kept TEXT[], kept_until BIGINT[])
RETURNS BIGINT LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
AS $$
DECLARE
    deleted BIGINT := 0;
    replaced BIGINT := 0;
BEGIN
    CASE of_table
        WHEN 'tokens' THEN
            DELETE FROM tokens WHERE key IN (
                SELECT t.key FROM tokens t WHERE t.key = ANY (gone) FOR UPDATE SKIP LOCKED);
            GET DIAGNOSTICS deleted = ROW_COUNT;
            -- What stood for its grant before a row that stands for it now; an encrypted token leaves at its own time.
            DELETE FROM tokens WHERE key IN (
                SELECT o.key FROM unnest(kept) AS k(key)
                JOIN tokens t ON t.key = k.key COLLATE "C"
                JOIN tokens o ON o.key >= t.tenant || ':' || t.grant_id || ':'
                             AND o.key < t.tenant || ':' || t.grant_id || ';'
                WHERE o.key <> t.key AND o.leaves_at IS NOT NULL AND o.sent_hash IS NULL
                  AND o.expires_at <= t.expires_at
                FOR UPDATE OF o SKIP LOCKED);
            GET DIAGNOSTICS replaced = ROW_COUNT;
            UPDATE tokens t SET leaves_at = k.until FROM unnest(kept, kept_until) AS k(key, until)
            WHERE t.key = k.key COLLATE "C";
        WHEN 'sessions' THEN
            DELETE FROM session_clients WHERE key IN (
                SELECT c.key FROM unnest(gone) AS g(key)
                JOIN session_clients c ON c.key >= (g.key || ':') COLLATE "C" AND c.key < (g.key || ';') COLLATE "C"
                FOR UPDATE OF c SKIP LOCKED);
            DELETE FROM sessions WHERE key IN (
                SELECT s.key FROM sessions s WHERE s.key = ANY (gone) FOR UPDATE SKIP LOCKED);
            GET DIAGNOSTICS deleted = ROW_COUNT;
            UPDATE sessions s SET leaves_at = k.until FROM unnest(kept, kept_until) AS k(key, until)
            WHERE s.key = k.key COLLATE "C";
        WHEN 'sealed' THEN
            DELETE FROM sealed WHERE key IN (
                SELECT s.key FROM sealed s WHERE s.key = ANY (gone) FOR UPDATE SKIP LOCKED);
            GET DIAGNOSTICS deleted = ROW_COUNT;
    END CASE;
    deleted := deleted + replaced;
    IF deleted > 0 THEN
        INSERT INTO retention (name, pruned, at) VALUES (of_table, deleted, clock_us())
        ON CONFLICT (name) DO UPDATE SET pruned = retention.pruned + excluded.pruned, at = excluded.at;
    END IF;
    RETURN deleted;
END
$$;
