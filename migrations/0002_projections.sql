-- The rows beside the log (projections/tables.py). Keys begin with the tenant; times are seconds.

CREATE TABLE clients (
    key       TEXT PRIMARY KEY,
    tenant    TEXT NOT NULL,
    client_id TEXT NOT NULL,
    status    TEXT NOT NULL,
    document  TEXT NOT NULL,
    version   BIGINT NOT NULL
);

CREATE TABLE accounts (
    key      TEXT PRIMARY KEY,
    tenant   TEXT NOT NULL,
    subject  TEXT NOT NULL,
    status   TEXT NOT NULL,
    document TEXT NOT NULL,
    version  BIGINT NOT NULL
);

CREATE TABLE sessions (
    key        TEXT PRIMARY KEY,
    tenant     TEXT NOT NULL,
    session_id TEXT NOT NULL,
    subject    TEXT NOT NULL,
    status     TEXT NOT NULL,
    document   TEXT NOT NULL,
    version    BIGINT NOT NULL,
    expires_at BIGINT
);

CREATE TABLE signing_keys (
    key      TEXT PRIMARY KEY,
    tenant   TEXT NOT NULL,
    kid      TEXT NOT NULL,
    status   TEXT NOT NULL,
    document TEXT NOT NULL,
    version  BIGINT NOT NULL
);

CREATE TABLE tokens (
    key        TEXT PRIMARY KEY,
    tenant     TEXT NOT NULL,
    grant_id   TEXT NOT NULL,
    client_id  TEXT NOT NULL,
    subject    TEXT,
    session_id TEXT,
    document   TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT
);

-- Personal and secret data: not part of the log, so never made again from it.
CREATE TABLE logins (
    key     TEXT PRIMARY KEY,
    tenant  TEXT NOT NULL,
    subject TEXT NOT NULL
);

CREATE TABLE sealed (
    key        TEXT PRIMARY KEY,
    tenant     TEXT NOT NULL,
    ciphertext BYTEA NOT NULL
);
