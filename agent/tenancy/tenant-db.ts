/** `<data>/tenants/<uid>/tenant.db`: what is a tenant's own and no event, under that tenant's key. */
import { join } from 'node:path'
import { openSealedDb, type SealedDb } from './sealed-db.ts'

/** The texts behind digests in the audit trail: a shred of the tenant ends them, the trail stays. */
const SCHEMA = `
CREATE TABLE IF NOT EXISTS audit_texts (
  seq INTEGER PRIMARY KEY, tenant_id TEXT NOT NULL, text TEXT NOT NULL
) STRICT;
`

export function openTenantDb(data: string, uid: string, key: Buffer): SealedDb {
  return openSealedDb(tenantDbPath(data, uid), key, SCHEMA)
}

export function tenantDbPath(data: string, uid: string): string {
  return join(data, 'tenants', uid, 'tenant.db')
}
