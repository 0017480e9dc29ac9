-- An access token is found by its id: the `jti` of a JWT, the digest of an opaque token. Of a token that leaked into a
-- log line there often is nothing else. The projection `audit` is followed anew, under the name `audit_v3`, so that the
-- tokens of before are found too.
ALTER TABLE audit ADD COLUMN token_id TEXT;
CREATE INDEX audit_tokens ON audit (tenant, token_id, position) WHERE token_id IS NOT NULL;
