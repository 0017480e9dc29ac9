-- expand: of which kind each migration is, and how far each rewrite of a table is (authrim/store/migrations.py).
-- A server of an older version reads the kind of what it does not know.
ALTER TABLE schema_migrations ADD COLUMN kind TEXT NOT NULL DEFAULT 'expand';
CREATE TABLE rewrites (
    version   BIGINT PRIMARY KEY,
    after_key TEXT NOT NULL,
    done      BIGINT NOT NULL
);
