-- The registered resource servers (domain/resource/).
CREATE TABLE resources (
    key      TEXT PRIMARY KEY,
    tenant   TEXT NOT NULL,
    uri      TEXT NOT NULL,
    status   TEXT NOT NULL,
    document TEXT NOT NULL,
    version  BIGINT NOT NULL
);

-- By what an access token is found that is encrypted to its resource server: nobody else reads what it says.
ALTER TABLE tokens ADD COLUMN sent_hash TEXT;
CREATE INDEX tokens_as_sent ON tokens ((tenant || ':' || sent_hash)) WHERE sent_hash IS NOT NULL;
