-- Seals rows again under another master key, and finds logins by another hash: the role of the server may not change
-- these tables otherwise. A row is changed only as long as it is what was read: an erasure, or a new key of the same
-- owner, that came in between wins. The head row is held meanwhile, as by every append, so that no append sees a login
-- on its way from one hash to the other.
CREATE FUNCTION reseal_rows(of_rows TEXT[], read BYTEA[], resealed BYTEA[])
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
REVOKE ALL ON FUNCTION reseal_rows FROM PUBLIC;

CREATE FUNCTION move_logins(moved_from TEXT[], moved_to TEXT[], of_subjects TEXT[])
RETURNS BIGINT LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
AS $$
DECLARE
    left_out BIGINT := 0;
    changed BIGINT := 0;
BEGIN
    PERFORM FROM head WHERE id = 1 FOR UPDATE;
    DELETE FROM logins l USING unnest(moved_from, moved_to, of_subjects) AS m(key, new_key, subject)
    WHERE l.key = m.key COLLATE "C" AND l.subject = m.subject
      AND EXISTS (SELECT FROM logins n WHERE n.key = m.new_key COLLATE "C" AND n.subject = m.subject);
    GET DIAGNOSTICS left_out = ROW_COUNT;
    UPDATE logins l SET key = m.new_key
    FROM unnest(moved_from, moved_to, of_subjects) AS m(key, new_key, subject)
    WHERE l.key = m.key COLLATE "C" AND l.subject = m.subject
      AND NOT EXISTS (SELECT FROM logins n WHERE n.key = m.new_key COLLATE "C");
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN left_out + changed;
END
$$;
REVOKE ALL ON FUNCTION move_logins FROM PUBLIC;
