/** `<data>/platform.db`: the thin catalogue of a box: tenants, accounts, grants, sessions, fleet. No tenant data. */
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
CREATE TABLE IF NOT EXISTS editions (
  tenant_id TEXT NOT NULL REFERENCES tenants, edition TEXT NOT NULL, since INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, edition)
) STRICT;
CREATE TABLE IF NOT EXISTS fleets (
  tenant_id TEXT PRIMARY KEY REFERENCES tenants, fleet_uid TEXT NOT NULL UNIQUE, ca TEXT NOT NULL,
  ca_key TEXT NOT NULL, certificate TEXT NOT NULL, tls_key TEXT NOT NULL, names TEXT NOT NULL,
  not_after INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS claims (
  claim_id TEXT PRIMARY KEY, tenant_id TEXT NOT NULL REFERENCES tenants, code_key BLOB NOT NULL,
  wanted TEXT, site TEXT, ends INTEGER NOT NULL, tries_left INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS members (
  owner_id TEXT NOT NULL REFERENCES tenants, tenant_id TEXT NOT NULL, tenant_uid TEXT NOT NULL,
  fleet_id TEXT NOT NULL, appliance_id TEXT NOT NULL, site TEXT NOT NULL, is_primary INTEGER NOT NULL,
  spki TEXT NOT NULL, key_id TEXT NOT NULL, joined INTEGER NOT NULL, digits TEXT,
  revoked_at INTEGER, revoked_epoch INTEGER, revoked_sequence INTEGER, not_after INTEGER,
  renewals_floor INTEGER NOT NULL, store_key BLOB NOT NULL, seal_key BLOB NOT NULL,
  PRIMARY KEY (owner_id, tenant_uid), UNIQUE (owner_id, tenant_id)
) STRICT;
CREATE TABLE IF NOT EXISTS nonces (
  owner_id TEXT NOT NULL REFERENCES tenants, tenant_id TEXT NOT NULL, nonce TEXT NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY (owner_id, tenant_id, nonce)
) STRICT;
CREATE TABLE IF NOT EXISTS uplinks (
  uplink_id TEXT PRIMARY KEY, tenant_id TEXT NOT NULL REFERENCES tenants, fleet_uid TEXT NOT NULL,
  own INTEGER NOT NULL, url TEXT NOT NULL, door TEXT NOT NULL, ca TEXT NOT NULL, certificate TEXT NOT NULL,
  tls_key TEXT NOT NULL, not_after INTEGER NOT NULL, receiver TEXT NOT NULL, UNIQUE (tenant_id, fleet_uid)
) STRICT;
CREATE TABLE IF NOT EXISTS joinings (
  tenant_id TEXT PRIMARY KEY REFERENCES tenants, request TEXT NOT NULL, tls_key TEXT NOT NULL, at INTEGER NOT NULL
) STRICT;
`

export function openPlatform(data: string, key: Buffer): SealedDb {
  return openSealedDb(join(data, 'platform.db'), key, SCHEMA)
}
