/** Whether each row of a lake names its tenant: asked of the sealed files themselves, not of the views that cells get. */
import type { DuckDBConnection } from '@duckdb/node-api'
import type { DatabaseCheck } from '../tenancy/sealed-db.ts'
import { literal, read } from './engine.ts'
import { nameKey, scan } from './parquet.ts'
import type { TenantLake } from './tenant-lake.ts'

const COLUMN = 'tenant_id'

export interface LakeInvariants {
  databases: DatabaseCheck[]
  /** Parquet files looked at. */
  files: number
  /** One sentence each. */
  withoutTenant: string[]
}

export async function checkTenantColumn({
  tenant,
  catalog,
  options,
}: TenantLake): Promise<Omit<LakeInvariants, 'databases'>> {
  const { tenant_id, tenant_uid } = tenant
  const files = [...catalog.files(), ...catalog.annexFiles()]
  const withoutTenant: string[] = []
  const connection = await options.engine.connect()
  try {
    const names = new Map<number, string>()
    for (const epoch of new Set(files.map((file) => file.epoch))) {
      const { key } = await options.keys.parquetKey({ tenant_uid, epoch })
      names.set(epoch, await nameKey(connection, key))
      key.fill(0)
    }
    for (const { path, epoch } of files) {
      const rows = scan([catalog.absolute({ path })], names.get(epoch) as string)
      const what = await wrongIn(connection, rows, tenant_id).catch(() => 'cannot be read')
      if (what) withoutTenant.push(`tenants/${tenant_uid}/${path} ${what}`)
    }
  } finally {
    connection.closeSync()
  }
  return { files: files.length, withoutTenant }
}

async function wrongIn(
  connection: DuckDBConnection,
  rows: string,
  tenant_id: string,
): Promise<string | undefined> {
  const columns = await read(connection, `DESCRIBE SELECT * FROM ${rows}`)
  if (!columns.some(([name]) => name === COLUMN)) return `has no column ${COLUMN}`
  const foreign = `${COLUMN} IS DISTINCT FROM ${literal(tenant_id)}`
  const [[count] = []] = await read(connection, `SELECT count(*) FROM ${rows} WHERE ${foreign}`)
  return Number(count) > 0 ? `has ${count} rows that are not of ${tenant_id}` : undefined
}
