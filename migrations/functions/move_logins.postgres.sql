-- Lets logins be found by another hash: the role of the server may not change them otherwise. Where the person has a row
-- under the new hash already, the old one goes. The head row is held meanwhile, as by every append, so that no append
-- sees a login on its way from one hash to the other. The answer: how many rows were moved.
CREATE OR REPLACE FUNCTION move_logins(moved_from TEXT[], moved_to TEXT[], of_subjects TEXT[])
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
    DELETE FROM logins l USING unnest(moved_from, moved_to, of_subjects) AS m(key, new_key, subject)
    WHERE l.key = m.key COLLATE "C" AND l.subject = m.subject
      AND EXISTS (SELECT FROM logins n WHERE n.key = m.new_key COLLATE "C" AND n.subject = m.subject);
    UPDATE logins l SET key = m.new_key
    FROM unnest(moved_from, moved_to, of_subjects) AS m(key, new_key, subject)
    WHERE l.key = m.key COLLATE "C" AND l.subject = m.subject
      AND NOT EXISTS (SELECT FROM logins n WHERE n.key = m.new_key COLLATE "C");
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN changed;
END
$$;
