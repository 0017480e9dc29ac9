-- Seals rows again under another master key: the role of the server may not change them otherwise. A row is changed only
-- as long as it is what was read: an erasure, or a new key of the same owner, that came in between wins. The head row is
-- held meanwhile, as by every append, so that no two can wait for each other. The answer: how many rows were changed.
CREATE OR REPLACE FUNCTION reseal_rows(of_rows TEXT[], read BYTEA[], resealed BYTEA[])
RETURNS BIGINT LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
AS $$
DECLARE
    changed BIGINT := 0;
BEGIN
    PERFORM FROM head WHERE id = 1 FOR UPDATE;
    UPDATE sealed s SET ciphertext = r.after
    FROM unnest(of_rows, read, resealed) AS r(key, before, after)
    WHERE s.key = r.key COLLATE "C" AND s.ciphertext = r.before;
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN changed;
END
$$;
