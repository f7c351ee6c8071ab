/** Rows leave after `retentionDays`, whole files at a time; each deletion stands in the catalog first. */
import { rmSync } from 'node:fs'
import { annexLeaving, together } from './annex-store.ts'
import { keepOpenedAfter } from './opened-after.ts'
import { journalFiles, type TenantLake } from './tenant-lake.ts'

const DAY_US = 86_400_000_000

export interface Retired {
  files: number
  rows: number
  /** Newest row among them, microseconds since 1970. */
  to_us: number
}

/** Takes files out of the catalog whose rows all came in before the limit. Nothing when none did. */
export async function retire(lake: TenantLake): Promise<Retired | undefined> {
  const { catalog, options, clock, tenant } = lake
  const limit = clock.nowUs() - options.retentionDays * DAY_US
  // By when we had the row, not by when it claims to be from: a false clock must not keep it for ever.
  const old = catalog.files().filter((file) => file.ingest_to_us < limit)
  if (journalFiles(lake, '.closed').length === 0)
    await catalog.forgetSettled((floorUs) => keepOpenedAfter(lake.journal, floorUs))
  if (old.length === 0) return undefined
  const rows = old.reduce((sum, file) => sum + file.rows, 0)
  const to_us = Math.max(...old.map((file) => file.to_us))
  const remove = old.map(({ file_uid }) => file_uid)
  await catalog.commit(together({ remove }, await annexLeaving(lake, old)))
  options.log.info(
    { tenant_id: tenant.tenant_id, files: old.length, rows, days: options.retentionDays },
    'lake.retired',
  )
  return { files: old.length, rows, to_us }
}

/** Removes files from disk that left the catalog long enough ago that no running query has them. */
export function sweep(lake: TenantLake): number {
  const leaving = lake.catalog.leaving()
  for (const path of leaving) {
    rmSync(lake.catalog.absolute({ path }), { force: true })
    lake.catalog.left(path)
  }
  return leaving.length
}
