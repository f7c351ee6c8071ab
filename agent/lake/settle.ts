/**
 * Journal segments → one tier-1 file. Exactly once: a segment's id enters the catalog in the same
 * transaction as the file with its rows; only then is the segment removed.
 */
import { closeSync, fstatSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { Failure } from '../base/failure.ts'
import { openPlain } from '../base/files.ts'
import { readSegment, type SegmentReading } from './journal-reader.ts'
import { lockFile } from './lock.ts'
import { Batch } from './parquet.ts'
import { addFile, journalFiles, type TenantLake } from './tenant-lake.ts'

/** Segments settled into one file: bounds the memory of a batch. */
const BATCH_BYTES_MAX = 64 << 20
const BATCH_SEGMENTS_MAX = 256

export interface Settled {
  rows: number
  segments: number
  /** Why segments, or parts of them, could not be taken; they are kept aside. */
  faults: string[]
}

/** Settles every closed segment of the tenant, and open ones whose writer is dead. */
export async function settle(lake: TenantLake): Promise<Settled> {
  const total: Settled = { rows: 0, segments: 0, faults: [] }
  await dropUnborn(lake)
  const waiting = [
    ...journalFiles(lake, '.closed').map((path) => ({ path, fd: undefined })),
    ...abandoned(lake),
  ]
  try {
    while (waiting.length > 0) {
      const batch = takeBatch(waiting)
      await settleBatch(lake, batch, total)
    }
  } finally {
    for (const { fd } of waiting) if (fd !== undefined) closeSync(fd)
  }
  return total
}

interface Waiting {
  path: string
  /** Holds the lock of a segment whose writer is gone. */
  fd: number | undefined
}

function takeBatch(waiting: Waiting[]): Waiting[] {
  let bytes = 0
  let count = 0
  for (const { path } of waiting) {
    bytes += statSync(path).size
    if (count > 0 && (bytes > BATCH_BYTES_MAX || count === BATCH_SEGMENTS_MAX)) break
    count++
  }
  return waiting.splice(0, count)
}

async function settleBatch(lake: TenantLake, batch: Waiting[], total: Settled): Promise<void> {
  const { tenant, catalog, options } = lake
  const faults: string[] = []
  const done: string[] = []
  const aside: string[] = []
  const taken = new Map<string, SegmentReading>()
  try {
    for (const { path } of batch) {
      const uid = basename(path).split('.')[0] as string
      if (catalog.isSettled(uid) || taken.has(uid)) {
        done.push(path)
        continue
      }
      const reading = await read(lake, path)
      if (typeof reading === 'string') {
        faults.push(reading)
        aside.push(path)
        continue
      }
      taken.set(uid, reading)
      if (reading.fault) faults.push(reading.fault)
      if (reading.end === 'broken') aside.push(path)
      else done.push(path)
    }
    total.rows += await settleReadings(lake, [...taken.values()], faults)
    total.segments += taken.size
    for (const path of aside) await keepAside(lake, path)
    for (const path of done) await lake.disk.remove(path)
  } finally {
    for (const { fd } of batch) if (fd !== undefined) closeSync(fd)
  }
  total.faults.push(...faults)
  for (const fault of faults)
    options.log.error({ tenant_id: tenant.tenant_id, fault }, 'lake.segment-fault')
}

async function read(lake: TenantLake, path: string): Promise<SegmentReading | string> {
  const { tenant, options, catalog } = lake
  try {
    const reading = await readSegment(path, {
      tenant_uid: tenant.tenant_uid,
      key: ({ epoch, salt }) =>
        options.keys.readSegment({ tenant_uid: tenant.tenant_uid, epoch, salt }),
    })
    if (reading.header.openedUs < catalog.settledFloorUs)
      return `${basename(path)} is from before everything that was settled: it is a copy.`
    return reading.end === 'torn' ? await cutOff(lake, path, reading) : reading
  } catch (error) {
    // Away keys or a bad disk: the segment stays where it is and is tried again.
    if (error instanceof Failure && ['invalid', 'refused', 'not-found'].includes(error.kind))
      return error.message
    throw error
  }
}

async function settleReadings(
  lake: TenantLake,
  readings: readonly SegmentReading[],
  faults: string[],
): Promise<number> {
  if (readings.length === 0) return 0
  const { tenant, catalog, options } = lake
  const settled = readings.map(({ header }) => header.segment_uid)
  const expected = readings.reduce((sum, { rows }) => sum + rows, 0)
  if (expected === 0) {
    await catalog.commit({ settled })
    return 0
  }
  const lines = readings.flatMap((reading) => reading.lines)
  await using own = await Batch.ofOwnLines(options, lines, { ...tenant, expected })
  if (own) return (await addFile(lake, own, { level: 0, settled })).rows
  await using batch = await Batch.ofLines(options, lines)
  const { foreign, unreadable } = await batch.keepOwn(tenant, expected)
  if (foreign > 0)
    faults.push(`${foreign} rows named another tenant than their segment and were left out.`)
  if (unreadable > 0) faults.push(`${unreadable} rows could not be read and were left out.`)
  if (foreign + unreadable >= expected) {
    await catalog.commit({ settled })
    return 0
  }
  return (await addFile(lake, batch, { level: 0, settled })).rows
}

/** Fewer frames than were acknowledged: no write was torn there, somebody cut them off. */
async function cutOff(
  { tenant, options }: TenantLake,
  path: string,
  reading: SegmentReading,
): Promise<SegmentReading> {
  const { tenant_uid } = tenant
  const { segment_uid } = reading.header
  const known = await options.keys.acknowledged({ tenant_uid, segment_uid })
  if (reading.frames >= known) return reading
  const fault = `${basename(path)}: of ${known} frames that were acknowledged ${reading.frames} are there; the rest was cut off or changed.`
  return { ...reading, end: 'broken', fault }
}

/** Open segments without a living writer, locked by us now. */
function abandoned(lake: TenantLake): Waiting[] {
  return journalFiles(lake, '.seg').flatMap((path) => {
    const fd = tryOpen(path)
    if (fd === undefined) return []
    if (lockFile(fd) && isStill(path, fd)) return [{ path, fd }]
    closeSync(fd)
    return []
  })
}

/** Segments whose writer died before their header was whole: nothing in them was acknowledged. */
async function dropUnborn(lake: TenantLake): Promise<void> {
  for (const path of journalFiles(lake, '.new')) {
    const fd = tryOpen(path)
    if (fd === undefined) continue
    if (lockFile(fd)) await lake.disk.remove(path)
    closeSync(fd)
  }
}

/** A living writer may have closed and renamed it between our look and our lock. */
function isStill(path: string, fd: number): boolean {
  return statSync(path, { throwIfNoEntry: false })?.ino === fstatSync(fd).ino
}

/** Nothing when the writer renamed it a moment ago, or when it is no file. */
function tryOpen(path: string): number | undefined {
  try {
    return openPlain(path)
  } catch (error) {
    const isNone = (error as NodeJS.ErrnoException).code === 'ENOENT' || Failure.kindOf(error) === 'refused' // biome-ignore format: one line
    if (isNone) return undefined
    throw error
  }
}

/** Evidence stays, out of the way: `journal/<tenant_uid>/aside/`. */
async function keepAside({ disk, journal }: TenantLake, path: string): Promise<void> {
  disk.makeFolder(journal, 'aside')
  const folder = join(journal, 'aside')
  await disk.rename(path, join(folder, basename(path)))
  await disk.syncFolder(folder)
  await disk.syncFolder(journal)
}
