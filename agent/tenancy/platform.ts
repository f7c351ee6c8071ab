/** `<data>/platform.db`: the thin catalogue of a box: tenants, accounts, grants, sessions. No tenant data. */
import { join } from 'node:path'
import { openSealedDb, type SealedDb } from './sealed-db.ts'

/** Every table carries tenant_id (T1): accounts and sessions of a box belong to a tenant. */
const SCHEMA = `
CREATE TABLE IF NOT EXISTS tenants (
  tenant_id TEXT PRIMARY KEY, tenant_uid TEXT NOT NULL UNIQUE, fleet_id TEXT NOT NULL,
  appliance_id TEXT NOT NULL, created INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS users (
  user_id TEXT PRIMARY KEY, tenant_id TEXT NOT NULL REFERENCES tenants, name TEXT NOT NULL,
  name_key TEXT NOT NULL UNIQUE, role TEXT NOT NULL, password TEXT, disabled INTEGER NOT NULL,
  created INTEGER NOT NULL, last_login INTEGER
) STRICT;
CREATE TABLE IF NOT EXISTS grants (
  tenant_id TEXT NOT NULL REFERENCES tenants, user_id TEXT NOT NULL REFERENCES users ON DELETE CASCADE,
  created INTEGER NOT NULL, PRIMARY KEY (tenant_id, user_id)
) STRICT;
CREATE TABLE IF NOT EXISTS sessions (
  token_hash TEXT PRIMARY KEY, session_id TEXT NOT NULL UNIQUE, tenant_id TEXT NOT NULL REFERENCES tenants,
  user_id TEXT NOT NULL REFERENCES users ON DELETE CASCADE, started INTEGER NOT NULL, seen INTEGER NOT NULL,
  by_code INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS login_codes (
  code_hash TEXT PRIMARY KEY, tenant_id TEXT NOT NULL REFERENCES tenants, ends INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS names (
  user_id TEXT PRIMARY KEY, tenant_id TEXT NOT NULL REFERENCES tenants, name TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS stores (
  tenant_id TEXT NOT NULL REFERENCES tenants, layer TEXT NOT NULL, epoch INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, layer)
) STRICT;
CREATE TABLE IF NOT EXISTS heads (
  tenant_id TEXT PRIMARY KEY REFERENCES tenants, generation INTEGER NOT NULL, envelope TEXT NOT NULL
) STRICT;
`

export function openPlatform(data: string, key: Buffer): SealedDb {
  return openSealedDb(join(data, 'platform.db'), key, SCHEMA)
}
