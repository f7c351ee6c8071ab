/** A data folder with one tenant's lake in it, to be filled, attacked and thrown away. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Disk, realDisk } from '../../agent/base/disk.ts'
import type { EventDraft, EventRow } from '../../agent/base/event.ts'
import { silentLog } from '../../agent/base/log.ts'
import { openEngine } from '../../agent/lake/engine.ts'
import { JournalWriter } from '../../agent/lake/journal.ts'
import { openScratch } from '../../agent/lake/scratch.ts'
import { stampEvent } from '../../agent/lake/stamp.ts'
import { openTenantLake, type TenantLake } from '../../agent/lake/tenant-lake.ts'
import type { Tenant } from '../../agent/tenancy/tenant.ts'
import { type OwnKeys, ownKeys, tenant } from './own-keys.ts'

export const START_US = Date.UTC(2026, 10, 1) * 1000

/** A folder that a site was made in before, and what its keys come from: another process opens it again. */
export interface Place {
  data: string
  tenants: Tenant[]
  seed: Buffer
}

export interface Site extends Place {
  keys: OwnKeys
  lake(tenant_id?: string): TenantLake
  /** Closes and opens the lake again, as a restart does. */
  reopen(): Promise<void>
  /** A writer as the agent has one; the caller closes it. */
  journal(tenant_id?: string): Promise<JournalWriter>
  /** Rows through the journal; they wait, closed, for `settle`. */
  write(rows: readonly Partial<EventDraft>[], tenant_id?: string): Promise<EventRow[]>
  /** Leaves the folder as it is. */
  close(): void
  remove(): void
}

export interface SiteOptions {
  tenants?: string[]
  /** Instead of a new folder. */
  place?: Place
  /** What stands between the lake and its keys. */
  around?: (keys: OwnKeys) => OwnKeys
  compactFiles?: number
  retentionDays?: number
  nowUs?: () => number
  steadyMs?: () => number
  /** What the journal, the lake and the anchors write by. */
  disk?: Disk
}

export async function makeSite(options: SiteOptions = {}): Promise<Site> {
  const { data, tenants, seed } = options.place ?? {
    data: mkdtempSync(join(tmpdir(), 'lake-')),
    tenants: (options.tenants ?? ['alfa']).map(tenant),
    seed: randomBytes(32),
  }
  const { around = (keys: OwnKeys) => keys, disk = realDisk } = options
  const keys = around(ownKeys(tenants, data, seed, disk))
  const engine = await openEngine({ memoryMiB: 512 })
  const scratch = openScratch(data)
  const { nowUs } = options
  // A time that the test sets passes for both clocks, unless it sets the steady one too.
  const steadyMs = options.steadyMs ?? (nowUs ? () => nowUs() / 1000 : () => performance.now())
  const clock = { nowUs: nowUs ?? (() => Date.now() * 1000), steadyMs }
  const lakes = new Map<string, TenantLake>()
  const find = (tenant_id = tenants[0]?.tenant_id) => lakes.get(tenant_id ?? '') as TenantLake
  const site: Site = {
    ...{ data, tenants, seed, keys },
    lake: find,
    reopen: async () => {
      for (const lake of lakes.values()) lake.catalog.close()
      for (const each of tenants)
        lakes.set(
          each.tenant_id,
          await openTenantLake({
            data,
            tenant: each,
            keys,
            log: silentLog,
            engine,
            scratch,
            compactFiles: options.compactFiles ?? 4,
            retentionDays: options.retentionDays ?? 180,
            clock,
            disk,
          }),
        )
    },
    journal: (tenant_id) => {
      const { tenant_uid, appliance_id } = find(tenant_id).tenant
      return JournalWriter.open({
        folder: join(data, 'journal', tenant_uid),
        tenant_uid,
        appliance_uid: appliance_id,
        openSegment: async () => keys.openSegment(tenant_uid),
        acknowledged: async (at) => keys.noteAcknowledged(tenant_uid, at),
        onClosed: () => {},
        settleSeconds: 300,
        clock,
        disk,
      })
    },
    write: async (drafts, tenant_id) => {
      const of = find(tenant_id).tenant
      const journal = await site.journal(tenant_id)
      const rows = drafts.map((draft, i) =>
        stampEvent({ kind: 'flow', event_time: START_US + i * 1000, ...draft }, of, clock.nowUs()),
      )
      await journal.append(rows)
      await journal.close()
      return rows
    },
    close: () => {
      for (const lake of lakes.values()) lake.catalog.close()
      engine.closeSync()
      rmSync(scratch, { recursive: true, force: true })
    },
    remove: () => {
      site.close()
      rmSync(data, { recursive: true, force: true })
    },
  }
  try {
    await site.reopen()
  } catch (error) {
    site.close()
    throw error
  }
  return site
}

/** Everything in the lake of a tenant, read back by the engine with the tenant's keys. */
export async function readLake(site: Site, sql: string, tenant_id?: string): Promise<unknown[][]> {
  const lake = site.lake(tenant_id)
  const engine = await openEngine({ memoryMiB: 512 })
  const connection = await engine.connect()
  try {
    const scans: string[] = []
    for (const [epoch, files] of Map.groupBy(lake.catalog.files(), (file) => file.epoch)) {
      const key = site.keys.keyFor(lake.tenant.tenant_uid, epoch).toString('base64')
      await connection.run(`PRAGMA add_parquet_key('e${epoch}', '${key}')`)
      const paths = files.map((file) => `'${lake.catalog.absolute(file)}'`).join(', ')
      scans.push(
        `SELECT * FROM read_parquet([${paths}], encryption_config = {footer_key: 'e${epoch}'})`,
      )
    }
    await connection.run(`CREATE VIEW events AS ${scans.join(' UNION ALL BY NAME ')}`)
    return (await connection.runAndReadAll(sql)).getRowsJson() as unknown[][]
  } finally {
    connection.closeSync()
    engine.closeSync()
  }
}
