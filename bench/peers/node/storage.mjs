// Storage of node-oidc-provider in PostgreSQL: each thing that it keeps is a row with its payload as JSON, as in the
// adapters that its documentation names. Statements are prepared. A commit waits for the disk, as the database says.
import pg from 'pg';

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });

export async function prepareStorage() {
  await pool.query(`
    CREATE TABLE IF NOT EXISTS kept (
      kind text, id text, payload jsonb NOT NULL, grant_id text, uid text, user_code text,
      expires timestamptz, consumed timestamptz, PRIMARY KEY (kind, id)
    );
    CREATE INDEX IF NOT EXISTS kept_of_grant ON kept (grant_id) WHERE grant_id IS NOT NULL;
    CREATE INDEX IF NOT EXISTS kept_by_uid ON kept (kind, uid) WHERE uid IS NOT NULL;
    CREATE INDEX IF NOT EXISTS kept_by_user_code ON kept (kind, user_code) WHERE user_code IS NOT NULL;
  `);
}

const put = `
  INSERT INTO kept (kind, id, payload, grant_id, uid, user_code, expires)
  VALUES ($1, $2, $3, $4, $5, $6, now() + $7 * interval '1 second')
  ON CONFLICT (kind, id) DO UPDATE SET payload = excluded.payload, grant_id = excluded.grant_id, uid = excluded.uid,
    user_code = excluded.user_code, expires = excluded.expires`;
const get = (column) => `
  SELECT payload, floor(extract(epoch FROM consumed))::int AS consumed FROM kept
  WHERE kind = $1 AND ${column} = $2 AND (expires IS NULL OR expires > now())`;

async function ask(name, text, ...values) {
  const { rows } = await pool.query({ name, text, values });
  return rows[0];
}

async function find(kind, column, value) {
  const row = await ask(`get-by-${column}`, get(column), kind, value);
  return row && (row.consumed === null ? row.payload : { ...row.payload, consumed: row.consumed });
}

export class Storage {
  constructor(kind) {
    this.kind = kind;
  }

  async upsert(id, payload, seconds) {
    const { grantId = null, uid = null, userCode = null } = payload;
    await ask('put', put, this.kind, id, JSON.stringify(payload), grantId, uid, userCode, seconds ?? null);
  }

  find(id) {
    return find(this.kind, 'id', id);
  }

  findByUid(uid) {
    return find(this.kind, 'uid', uid);
  }

  findByUserCode(userCode) {
    return find(this.kind, 'user_code', userCode);
  }

  async consume(id) {
    await ask('consume', 'UPDATE kept SET consumed = now() WHERE kind = $1 AND id = $2', this.kind, id);
  }

  async destroy(id) {
    await ask('destroy', 'DELETE FROM kept WHERE kind = $1 AND id = $2', this.kind, id);
  }

  async revokeByGrantId(grantId) {
    await ask('revoke', 'DELETE FROM kept WHERE grant_id = $1', grantId);
  }
}
