/**
 * Rows leave when the days of their kind are over: whole files where nothing in them is wanted any more, else the file is
 * written anew without them. Each deletion stands in the catalog first.
 */
import { Failure } from '../base/failure.ts'
import { annexLeaving, together } from './annex-store.ts'
import type { FileRow } from './catalog.ts'
import { readHeader } from './journal-reader.ts'
import { keepOpenedAfter } from './opened-after.ts'
import { Batch, verifyFile } from './parquet.ts'
import { daysOf, forgetKinds, type KindShare, kindsOf, longestOf, type RetentionRules, readRules } from './retention-rules.ts' // biome-ignore format: one line
import { addFile, journalFiles, type TenantLake } from './tenant-lake.ts'

const DAY_US = 86_400_000_000
/** Files written anew in one round: the next round takes the rest. */
const REWRITES_MAX = 64

export interface Retired {
  /** Whole files, and rows and bytes of these and of files that were written anew. */
  files: number
  rewritten: number
  rows: number
  bytes: number
  /** When we had the oldest row that leaves, and the newest; microseconds since 1970. */
  from_us: number
  to_us: number
}

/** Rows that we had before this are older than so many days, by the time that deletions may rest on. */
export function limitUs({ time }: TenantLake, days: number): number {
  return time.earliestUs() - days * DAY_US
}

/** Takes out of the catalog what is older than its rule. Nothing when nothing is. */
export async function retire(lake: TenantLake): Promise<Retired | undefined> {
  const { options, tenant } = lake
  const openUs = oldestOpenUs(lake)
  if (openUs !== undefined)
    await lake.catalog.forgetSettled(openUs, (floorUs) => keepOpenedAfter(lake, floorUs))
  const rules = readRules(lake)
  const leaving = await leavingBy(lake, rules)
  const whole = leaving.filter(({ kinds }) => kinds === undefined).map(({ file }) => file)
  const parts = leaving.filter(({ kinds }) => kinds !== undefined).slice(0, REWRITES_MAX)
  if (whole.length > 0) await remove(lake, whole)
  for (const { file, kinds = [] } of parts) await rewrite(lake, file, kinds)
  forgetKinds(lake)
  const retired = sumOf([...leaving.filter(({ kinds }) => kinds === undefined), ...parts])
  if (retired) options.log.info({ tenant_id: tenant.tenant_id, ...retired }, 'lake.retired')
  return retired
}

/** What these rules would delete now, without deleting it. Bytes of parts of files are an estimate by their rows. */
export async function wouldRetire(
  lake: TenantLake,
  rules: RetentionRules,
): Promise<Retired | undefined> {
  // biome-ignore format: one line
  return sumOf(await leavingBy(lake, rules))
}

/** The oldest files, until what is left is no more than `bytesMax`. */
export async function retireOver(lake: TenantLake, bytesMax: number): Promise<Retired | undefined> {
  const files = lake.catalog.files().sort((a, b) => a.ingest_to_us - b.ingest_to_us)
  let held = files.reduce((sum, { bytes }) => sum + bytes, 0)
  const leaving: Leaving[] = []
  for (const file of files) {
    if (held <= bytesMax) break
    held -= file.bytes
    leaving.push({ file, rows: file.rows, bytes: file.bytes })
  }
  if (leaving.length === 0) return undefined
  await remove(
    lake,
    leaving.map(({ file }) => file),
  )
  forgetKinds(lake)
  return sumOf(leaving)
}

/** Whole files, and what of the annex belongs to them, in one step. */
async function remove(lake: TenantLake, files: readonly FileRow[]): Promise<void> {
  const change = { remove: files.map(({ file_uid }) => file_uid) }
  await lake.catalog.commit(together(change, await annexLeaving(lake, files)))
}

interface Leaving {
  file: FileRow
  /** Kinds that leave, where others stay. */
  kinds?: string[]
  rows: number
  bytes: number
}

/** By when we had the row, not by when it claims to be from: a false clock must not keep it for ever. */
async function leavingBy(lake: TenantLake, rules: RetentionRules): Promise<Leaving[]> {
  const files = lake.catalog.files()
  const last = limitUs(lake, longestOf(rules))
  const isOver = (file: FileRow, days: number) => file.ingest_to_us < limitUs(lake, days)
  const whole = files.filter((file) => file.ingest_to_us < last)
  const first = Math.min(...Object.values(rules))
  const some = files.filter((file) => file.ingest_to_us >= last && isOver(file, first))
  const kinds = some.length > 0 ? await kindsOf(lake, some) : new Map<string, KindShare[]>()
  const parts = some.flatMap((file): Leaving[] => {
    const shares = kinds.get(file.file_uid) ?? []
    const old = shares.filter(({ kind }) => isOver(file, daysOf(rules, kind)))
    if (old.length === 0) return []
    const rows = old.reduce((sum, each) => sum + each.rows, 0)
    if (old.length === shares.length) return [{ file, rows: file.rows, bytes: file.bytes }]
    const share = old.reduce((sum, each) => sum + each.share, 0)
    return [{ file, kinds: old.map(({ kind }) => kind), rows, bytes: Math.round(file.bytes * share) }] // biome-ignore format: one line
  })
  return [...whole.map((file) => ({ file, rows: file.rows, bytes: file.bytes })), ...parts]
}

/** The same file without rows of these kinds, in one step of the catalog. */
async function rewrite(lake: TenantLake, file: FileRow, kinds: readonly string[]): Promise<void> {
  const { catalog, options, tenant } = lake
  await verifyFile(catalog.absolute(file), file)
  const { key } = await options.keys.parquetKey({ tenant_uid: tenant.tenant_uid, epoch: file.epoch }) // biome-ignore format: one line
  const list = [{ key, paths: [catalog.absolute(file)] }]
  await using batch = await Batch.ofFiles(options, list, { without: kinds })
  key.fill(0)
  const { rows } = await batch.facts()
  const expected = (await kindsOf(lake, [file])).get(file.file_uid) ?? []
  const kept = expected.filter(({ kind }) => !kinds.includes(kind))
  if (rows !== kept.reduce((sum, each) => sum + each.rows, 0))
    throw new Failure('internal', `Leaving out ${kinds.join(', ')} found ${rows} other rows than were counted: nothing was changed.`) // biome-ignore format: one line
  await addFile(lake, batch, {
    level: file.level,
    remove: [file.file_uid],
    hadUs: file.ingest_to_us,
  })
}

function sumOf(leaving: readonly Leaving[]): Retired | undefined {
  if (leaving.length === 0) return undefined
  return {
    files: leaving.filter(({ kinds }) => kinds === undefined).length,
    rewritten: leaving.filter(({ kinds }) => kinds !== undefined).length,
    rows: leaving.reduce((sum, { rows }) => sum + rows, 0),
    bytes: leaving.reduce((sum, { bytes }) => sum + bytes, 0),
    from_us: Math.min(...leaving.map(({ file }) => file.ingest_from_us)),
    to_us: Math.max(...leaving.map(({ file }) => file.ingest_to_us)),
  }
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
