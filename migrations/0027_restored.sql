-- The mark of a database that was restored from a backup (authrim/store/restored.py): no server starts on it until an
-- operator has accepted that (F35). One row at most, with the key 'log'.
CREATE TABLE restored (
    key      TEXT PRIMARY KEY,
    document TEXT NOT NULL
);
