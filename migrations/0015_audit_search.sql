-- What an auditor and an administrator look for, found without reading a whole table.

-- The sessions and the tokens of one person.
CREATE INDEX sessions_of_subject ON sessions (tenant, subject, key);
CREATE INDEX tokens_of_subject ON tokens (tenant, subject, key) WHERE subject IS NOT NULL;

-- The followed projection `audit` has a row for every request now, and more to find it by. It is followed anew, under
-- the name `audit_v2`: a server of the version before may still be running, and would leave rows out.
ALTER TABLE audit ADD COLUMN session_id TEXT;
ALTER TABLE audit ADD COLUMN key_id TEXT;
ALTER TABLE audit ADD COLUMN actor TEXT;
ALTER TABLE audit ADD COLUMN address TEXT;
CREATE INDEX audit_sessions ON audit (tenant, session_id, position) WHERE session_id IS NOT NULL;
CREATE INDEX audit_keys ON audit (tenant, key_id, position) WHERE key_id IS NOT NULL;
CREATE INDEX audit_addresses ON audit (tenant, address, position) WHERE address IS NOT NULL;
CREATE INDEX audit_traces ON audit (trace, position) WHERE trace IS NOT NULL;
-- What happens all the time is found without an index of its own.
CREATE INDEX audit_types ON audit (tenant, type, position) WHERE type NOT IN (
    'grant.authorization_requested.v1', 'grant.subject_authenticated.v1', 'grant.code_redeemed.v1',
    'grant.access_token_issued.v1', 'grant.id_token_issued.v1', 'grant.refresh_token_rotated.v1',
    'grant.refresh_token_used.v1', 'grant.client_credentials_granted.v1', 'session.started.v1'
);
-- Most of what happens is done by clients and people: only the others are looked for by who acts.
CREATE INDEX audit_actors ON audit (tenant, actor, position) WHERE actor IN ('admin', 'system');
