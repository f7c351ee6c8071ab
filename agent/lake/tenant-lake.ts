/** One tenant's lake: journal segments in, sealed files in two tiers, one catalog. One thing at a time. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { DuckDBInstance } from '@duckdb/node-api'
import { type Clock, systemClock } from '../base/clock.ts'
import { type Disk, realDisk } from '../base/disk.ts'
import { Failure } from '../base/failure.ts'
import { newUid } from '../base/ids.ts'
import type { Log } from '../base/log.ts'
import type { Tenant } from '../tenancy/tenant.ts'
import { Catalog, type Change, type FileRow } from './catalog.ts'
import type { LakeKeys } from './keys.ts'
import { KnownTime } from './known-time.ts'
import { type Batch, writeSealed } from './parquet.ts'

export interface LakeOptions {
  /** The data folder. */
  data: string
  tenant: Tenant
  keys: LakeKeys
  log: Log
  engine: DuckDBInstance
  /** Folder on tmpfs. */
  scratch: string
  compactFiles: number
  retentionDays: number
  clock?: Clock
  disk?: Disk
  /** Of the whole box, where there are more tenants than this. */
  time?: KnownTime
}

/** What settling, compaction and retention work on. */
export interface TenantLake {
  options: LakeOptions
  tenant: Tenant
  catalog: Catalog
  clock: Clock
  disk: Disk
  time: KnownTime
  /** Files that compaction found missing or changed, each with its sentence; looked at again hourly. */
  spoiled: Map<string, string>
  /** `<data>/journal/<tenant_uid>`. */
  journal: string
  /** Since this process started. */
  counts: { annexRefused: number }
}

export async function openTenantLake(options: LakeOptions): Promise<TenantLake> {
  const { data, tenant, keys, log } = options
  const folder = join(data, 'tenants', tenant.tenant_uid)
  const journal = join(data, 'journal', tenant.tenant_uid)
  const clock = options.clock ?? systemClock
  const disk = options.disk ?? realDisk
  const time = options.time ?? KnownTime.open({ data, clock, disk })
  disk.makeFolder(data, join('journal', tenant.tenant_uid))
  const catalog = await Catalog.open({ folder, tenant, keys, clock, disk })
  for (const { ingest_to_us } of catalog.files()) time.evidence(ingest_to_us)
  time.earliestUs()
  for (const path of catalog.strays()) {
    log.warn({ tenant_id: tenant.tenant_id, path }, 'lake.stray-removed')
    await disk.remove(join(folder, path))
  }
  return {
    ...{ options, tenant, catalog, clock, disk, time, journal },
    spoiled: new Map(),
    counts: { annexRefused: 0 },
  }
}

const EPOCH_TRIES = 3

export interface Sealed {
  file: FileRow
  modules: { epoch: number; count: number }
}

/**
 * A batch as a new file of `level`: on disk, not yet part of the lake. `hadUs`: when we had its newest row; by its stamp
 * where none is given and the clock that stamped it is believed.
 */
export async function sealBatch(
  lake: TenantLake,
  batch: Pick<Batch, 'facts' | 'encode'>,
  { level, hadUs }: { level: number; hadUs?: number | undefined },
): Promise<Sealed> {
  const { catalog, options, tenant } = lake
  const { bloom_host, bloom_ip, bloom_rule, ...ranges } = await batch.facts()
  const plain = await batch.encode()
  const { epoch, key } = await writingKey(lake, plain.modules, plain.bytes)
  const file_uid = newUid()
  const path = catalog.newPath(level, file_uid)
  const written = await writeSealed(catalog.absolute({ path }), plain, key, lake.disk)
  key.fill(0)
  options.log.debug({ tenant_id: tenant.tenant_id, path, rows: ranges.rows }, 'lake.file')
  const file: FileRow = {
    file_uid,
    tenant_id: tenant.tenant_id,
    level,
    path,
    ...ranges,
    ...written,
    ingest_to_us: hadUs ?? lake.time.hadUs(ranges.ingest_to_us),
    epoch,
    bloom_host: bloom_host ?? null,
    bloom_ip: bloom_ip ?? null,
    bloom_rule: bloom_rule ?? null,
  }
  return { file, modules: { epoch, count: plain.modules } }
}

/** Seals a batch and makes it part of the lake together with `change`. */
export async function addFile(
  lake: TenantLake,
  batch: Batch,
  { level, hadUs, ...change }: { level: number; hadUs?: number } & Pick<Change, 'remove' | 'settled'>, // biome-ignore format: one line
): Promise<FileRow> {
  const { file, modules } = await sealBatch(lake, batch, { level, hadUs })
  // If this fails the file stays as a stray: whether the commit reached the disk is not known here.
  await lake.catalog.commit({ ...change, add: [file], modules: [modules] })
  return file
}

/** The key to write with, its uses counted before the first of them (D6). */
async function writingKey(
  { options, tenant }: TenantLake,
  count: number,
  bytes: number,
): Promise<{ epoch: number; key: Buffer }> {
  const { tenant_uid } = tenant
  for (let i = 1; ; i++) {
    const { epoch, key } = await options.keys.parquetKey({ tenant_uid })
    try {
      await options.keys.reserveModules({ tenant_uid, epoch, count, bytes })
      return { epoch, key }
    } catch (error) {
      if (Failure.kindOf(error) !== 'conflict' || i === EPOCH_TRIES) throw error
    }
  }
}

/** Names in the journal folder that end so. */
export function journalFiles(lake: TenantLake, ending: string): string[] {
  return readdirSync(lake.journal)
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => join(lake.journal, name))
}
