/** Rows leave after `retentionDays`, whole files at a time; each deletion stands in the catalog first. */
import { annexLeaving, together } from './annex-store.ts'
import { readHeader } from './journal-reader.ts'
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
  const { catalog, options, time, tenant } = lake
  const limit = time.earliestUs() - options.retentionDays * DAY_US
  // By when we had the row, not by when it claims to be from: a false clock must neither keep it for ever nor end it early.
  const old = catalog.files().filter((file) => file.ingest_to_us < limit)
  const openUs = oldestOpenUs(lake)
  if (openUs !== undefined)
    await catalog.forgetSettled(openUs, (floorUs) => keepOpenedAfter(lake, floorUs))
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

/** When the oldest segment was opened that is still written to; nothing while one waits or is being made. */
function oldestOpenUs(lake: TenantLake): number | undefined {
  if (journalFiles(lake, '.closed').length > 0 || journalFiles(lake, '.new').length > 0) return
  let oldest = Infinity
  for (const path of journalFiles(lake, '.seg')) {
    const header = readHeader(path)
    if (typeof header === 'string') return // closed a moment ago, or no segment
    oldest = Math.min(oldest, header.openedUs)
  }
  return oldest
}

/** Removes files from disk that left the catalog long enough ago that no running query has them. */
export async function sweep(lake: TenantLake): Promise<number> {
  const leaving = lake.catalog.leaving()
  for (const path of leaving) {
    await lake.disk.remove(lake.catalog.absolute({ path }))
    lake.catalog.left(path)
  }
  return leaving.length
}
