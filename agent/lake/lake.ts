/** All tenants' lakes of one box: who settles what and when. A tenant whose lake is wrong stops nobody else. */
import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { DuckDBInstance } from '@duckdb/node-api'
import { isoFromUs, systemClock } from '../base/clock.ts'
import { diskTrouble, folderTrouble, realDisk } from '../base/disk.ts'
import { Failure } from '../base/failure.ts'
import type { Log } from '../base/log.ts'
import { checkDatabase } from '../tenancy/sealed-db.ts'
import type { Tenant } from '../tenancy/tenant.ts'
import type { AnnexValue } from './annex.ts'
import { importAnnex, setAnnex } from './annex-store.ts'
import type { FileFilter, FileRow } from './catalog.ts'
import { compact } from './compact.ts'
import { type ExportRequest, exportFile } from './export.ts'
import { type ImportOptions, importFile } from './import.ts'
import type { LakeKeys } from './keys.ts'
import { clockSentence, KnownTime } from './known-time.ts'
import { type Retired, retire, retireOver, sweep, wouldRetire } from './retention.ts'
import { type PromiseCheck, promiseCheck } from './retention-promise.ts'
import {
  longestOf,
  type RetentionRules,
  type RuleKind,
  readRules,
  writeRule,
} from './retention-rules.ts'
import { Serial } from './serial.ts'
import { settle } from './settle.ts'
import {
  type Budget,
  type BudgetSettings,
  budgetsOf,
  type DiskState,
  diskState,
  type Horizon,
  horizonOf,
  isRoomy,
  lakeBudget,
  type Wear,
  wearOf,
} from './storage.ts'
import { checkTenantColumn, type LakeInvariants } from './tenant-column.ts'
import { journalFiles, openTenantLake, type TenantLake } from './tenant-lake.ts'

const RETENTION_MS = 3_600_000
const PROMISE_MS = 86_400_000
/** A lake that is at its quota gives up this much more, so that it is not there again at once. */
const QUOTA_TARGET = 0.97

export interface WholeLakeOptions {
  data: string
  keys: LakeKeys
  log: Log
  engine: DuckDBInstance
  scratch: string
  compactFiles: number
  retentionDays: number
  budgets: BudgetSettings
  /** What the drive itself says of its promised life, where it is asked. */
  driveWear?: ((device: string) => number | undefined) | undefined
  /** After rows left, for the audit trail. */
  onRetired?(tenant: Tenant, retired: Retired, why: RetiredWhy): Promise<void>
}

/** By the days of their kinds, or as the lake was at its quota. */
export type RetiredWhy = 'retention' | 'quota'

interface Entry {
  tenant: Tenant
  serial: Serial
  lake: TenantLake | undefined
  /** What is wrong with it now. */
  fault: string | undefined
  /** It was refused at its opening, and stays shut until a person looked. */
  isShut: boolean
  retiredAt: number
  promiseAt: number
  promise: PromiseCheck | undefined
  /** What the quota took before its time, in this run. */
  overQuota: { at: string; files: number; rows: number; bytes: number } | undefined
}

export interface TenantStatus {
  tenant_id: string
  tenant_uid: string
  rows: number
  tier1Files: number
  tier2Files: number
  bytes: number
  oldestRow: string | null
  oldestRowTier1: string | null
  oldestRowTier2: string | null
  generation: number
  catalogHead: string | null
  waiting: number
  aside: number
  annexFiles: number
  /** Values in them, those that were set again since counted too. */
  annexValues: number
  annexBytes: number
  /** Acts on the annex that were turned away since this process started. */
  annexRefused: number
  fault?: string
  /** Days by kind; `all` for every kind that has none of its own. */
  retention: RetentionRules
  budgets: Budget[]
  horizon?: Horizon
  promise?: PromiseCheck
  overQuota?: { at: string; files: number; rows: number; bytes: number }
}

export interface LakeState {
  /** Why no row is deleted for its age by the clock, while that is so. */
  clock?: string
  disk: DiskState
  wear?: Wear
  tenants: TenantStatus[]
  rowsSettled: number
  settleRowsPerSecond: number
}

/** `null` takes a kind's own days away. */
export interface RetentionChange {
  kind: RuleKind
  days: number | null
}

export class Lake {
  readonly #options: WholeLakeOptions
  readonly #entries = new Map<string, Entry>()
  readonly #time: KnownTime
  #rowsSettled = 0
  #settleMs = 0

  constructor(options: WholeLakeOptions) {
    this.#options = options
    this.#time = KnownTime.open({ data: options.data, clock: systemClock, disk: realDisk })
  }

  /** Takes in tenants that picket-keys knows and we do not yet. */
  async refresh(): Promise<void> {
    for (const tenant of await this.#options.keys.tenants()) {
      if (this.#entries.has(tenant.tenant_uid)) continue
      const entry: Entry = { tenant, serial: new Serial(), lake: undefined, fault: undefined, isShut: false, retiredAt: 0, promiseAt: 0, promise: undefined, overQuota: undefined } // biome-ignore format: one line
      this.#entries.set(tenant.tenant_uid, entry)
      await entry.serial.run(() => this.#open(entry))
    }
  }

  knows(tenant_uid: string): boolean {
    return this.#entries.has(tenant_uid)
  }

  /** Settles, compacts and retires what is due, tenant by tenant. Rows settled now. */
  async work(): Promise<{ rows: number }> {
    let rows = 0
    for (const entry of this.#entries.values())
      rows += await entry.serial.run(() => this.#workOn(entry))
    return { rows }
  }

  async import(
    tenant_id: string,
    path: string,
    options?: ImportOptions,
  ): Promise<{ rows: number }> {
    const entry = this.#byId(tenant_id)
    return entry.serial.run(() => importFile(this.#need(entry), path, options))
  }

  async setAnnex(tenant_id: string, values: readonly AnnexValue[]): Promise<{ rows: number }> {
    const entry = this.#byId(tenant_id)
    return entry.serial.run(() => setAnnex(this.#need(entry), values))
  }

  async importAnnex(tenant_id: string, path: string): Promise<{ rows: number }> {
    const entry = this.#byId(tenant_id)
    return entry.serial.run(() => importAnnex(this.#need(entry), path))
  }

  async export(tenant_id: string, request: ExportRequest): Promise<{ rows: number; path: string }> {
    const entry = this.#byId(tenant_id)
    return entry.serial.run(() => exportFile(this.#need(entry), request))
  }

  /** Files of one tenant that may hold matching rows, with absolute paths, at one generation. */
  files(
    tenant_uid: string,
    filter: FileFilter,
  ): { generation: number; files: FileRow[]; annex: FileRow[] } {
    // biome-ignore format: one line
    const entry = this.#entries.get(tenant_uid)
    if (!entry) throw new Failure('not-found', 'The lake does not know this tenant yet.')
    const { catalog } = this.#need(entry)
    const absolute = (file: FileRow) => ({ ...file, path: catalog.absolute(file) })
    return {
      generation: catalog.generation,
      files: catalog.files(filter).map(absolute),
      annex: catalog.annexFiles().map(absolute),
    }
  }

  /** Whether a path is that of a closed segment in one of our journals. */
  isJournal(path: string): boolean {
    const folder = dirname(path)
    const known = [...this.#entries.keys()].some(
      (uid) => folder === join(this.#options.data, 'journal', uid),
    )
    return known && /^[0-9a-f]{32}\.closed$/.test(basename(path))
  }

  status(): LakeState {
    const disk = diskState(this.#options.data)
    const wear = wearOf(this.#options.data, '/sys', this.#options.driveWear)
    const doubted = this.#time.doubted()
    return {
      ...(doubted ? { clock: clockSentence(doubted) } : {}),
      disk,
      ...(wear && { wear }),
      tenants: [...this.#entries.values()].map((entry) => this.#statusOf(entry, disk)),
      rowsSettled: this.#rowsSettled,
      settleRowsPerSecond: this.#settleMs > 0 ? Math.round((this.#rowsSettled / this.#settleMs) * 1000) : 0, // biome-ignore format: one line
    }
  }

  /** What a change of days would delete now; nothing is changed. */
  async wouldRetire(tenant_id: string, change: RetentionChange): Promise<Retired | undefined> {
    const entry = this.#byId(tenant_id)
    return entry.serial.run(() => wouldRetire(this.#need(entry), this.#changed(entry, change)))
  }

  /** Changes the days of a kind and retires what is over at once. */
  async setRetention(tenant_id: string, change: RetentionChange): Promise<Retired | undefined> {
    const entry = this.#byId(tenant_id)
    return entry.serial.run(async () => {
      const lake = this.#need(entry)
      await writeRule(lake, change.kind, change.days ?? undefined)
      entry.promiseAt = 0
      const retired = await retire(lake)
      if (retired) await this.#options.onRetired?.(entry.tenant, retired, 'retention')
      return retired
    })
  }

  /** What of this lake carries no tenant; a lake that is shut is named as not looked at. */
  async invariants(): Promise<LakeInvariants> {
    const found: LakeInvariants = { databases: [], files: 0, withoutTenant: [] }
    for (const entry of this.#entries.values())
      await entry.serial.run(async () => {
        const { lake, fault, tenant } = entry
        if (!lake) {
          const because = fault ?? 'it is not open'
          found.withoutTenant.push(`the lake of ${tenant.tenant_id} was not looked at: ${because}`)
          return
        }
        found.databases.push(checkDatabase(this.#options.data, lake.catalog.db))
        const { files, withoutTenant } = await checkTenantColumn(lake)
        found.files += files
        found.withoutTenant.push(...withoutTenant)
      })
    return found
  }

  async close(): Promise<void> {
    for (const { serial, lake } of this.#entries.values())
      await serial.run(async () => lake?.catalog.close())
  }

  async #open(entry: Entry): Promise<void> {
    try {
      entry.lake = await openTenantLake({
        ...this.#options,
        tenant: entry.tenant,
        time: this.#time,
      })
      entry.fault = undefined
    } catch (error) {
      this.#blame(entry, error)
      entry.isShut = Failure.kindOf(error) !== 'unavailable' && diskTrouble(error) === undefined
    }
  }

  async #workOn(entry: Entry): Promise<number> {
    // Keys that were away and a disk that was full may be back.
    if (!entry.lake && !entry.isShut) await this.#open(entry)
    const { lake } = entry
    if (!lake) return 0
    try {
      const start = performance.now()
      const { rows } = await settle(lake)
      if (rows > 0) {
        this.#rowsSettled += rows
        this.#settleMs += performance.now() - start
      }
      if (isDue(entry)) lake.spoiled.clear() // a file may have been put back
      while (await compact(lake));
      await this.#retire(entry, lake)
      await this.#keepQuota(entry, lake)
      this.#checkPromise(entry, lake)
      entry.fault = spoiledInWords(lake)
      return rows
    } catch (error) {
      this.#blame(entry, error)
      return 0
    }
  }

  async #retire(entry: Entry, lake: TenantLake): Promise<void> {
    await sweep(lake)
    if (!isDue(entry)) return
    entry.retiredAt = performance.now()
    const retired = await retire(lake)
    if (retired) await this.#options.onRetired?.(entry.tenant, retired, 'retention')
  }

  /** Its own oldest, never another tenant's. */
  async #keepQuota(entry: Entry, lake: TenantLake): Promise<void> {
    const { data, budgets } = this.#options
    const disk = diskState(data)
    const bytesMax = lakeBudget(disk, budgets, this.#entries.size)
    const held = lake.catalog.files().reduce((sum, { bytes }) => sum + bytes, 0)
    if (held <= bytesMax || isRoomy(disk, budgets)) return
    const retired = await retireOver(lake, bytesMax * QUOTA_TARGET)
    if (!retired) return
    const { files, rows, bytes } = retired
    const at = isoFromUs(lake.clock.nowUs())
    const before = entry.overQuota ?? { at, files: 0, rows: 0, bytes: 0 }
    entry.overQuota = { at, files: before.files + files, rows: before.rows + rows, bytes: before.bytes + bytes } // biome-ignore format: one line
    entry.promiseAt = 0
    this.#options.log.warn({ tenant_id: entry.tenant.tenant_id, files, rows, bytes }, 'lake.over-quota') // biome-ignore format: one line
    await this.#options.onRetired?.(entry.tenant, retired, 'quota')
  }

  /** Daily: the oldest row of each tier beside what the settings promise. */
  #checkPromise(entry: Entry, lake: TenantLake): void {
    if (entry.promiseAt !== 0 && performance.now() - entry.promiseAt < PROMISE_MS) return
    entry.promiseAt = performance.now()
    entry.promise = promiseCheck(lake, entry.overQuota !== undefined)
    const { kept, sentence } = entry.promise
    this.#options.log[kept ? 'info' : 'warn']({ tenant_id: entry.tenant.tenant_id, sentence }, 'lake.promise') // biome-ignore format: one line
  }

  #changed(entry: Entry, { kind, days }: RetentionChange): RetentionRules {
    const { [kind]: _, ...others } = readRules(this.#need(entry))
    const base = { all: this.#options.retentionDays, ...others }
    return days === null ? base : { ...base, [kind]: days }
  }

  #statusOf(entry: Entry, disk: DiskState): TenantStatus {
    const { lake, promise, overQuota } = entry
    const { data, budgets, retentionDays } = this.#options
    const { tenant_uid } = entry.tenant
    const status = statusOf(entry)
    const bytesMax = lakeBudget(disk, budgets, this.#entries.size)
    const retention = lake ? readRules(lake) : { all: retentionDays }
    const horizon = lake && horizonOf(lake.catalog.files(), { nowUs: lake.clock.nowUs(), bytesMax, days: longestOf(retention) }) // biome-ignore format: one line
    return {
      ...status,
      retention,
      budgets: budgetsOf(data, { tenant_uid, lakeBytes: status.bytes }, budgets, bytesMax),
      ...(horizon && { horizon }),
      ...(promise && { promise }),
      ...(overQuota && { overQuota }),
    }
  }

  #blame(entry: Entry, error: unknown): void {
    const away = Failure.kindOf(error) === 'unavailable'
    const { data } = this.#options
    const trouble = (away ? folderTrouble(data) : undefined) ?? diskTrouble(error)
    const message = trouble ? inWords(trouble, entry) : (error as Error).message
    this.#options.log[away ? 'warn' : 'error'](
      { tenant_id: entry.tenant.tenant_id, error: message },
      'lake.fault',
    )
    if (!away || trouble) entry.fault = message
  }

  #byId(tenant_id: string): Entry {
    const entry = [...this.#entries.values()].find(({ tenant }) => tenant.tenant_id === tenant_id)
    if (!entry) throw new Failure('not-found', `There is no tenant ${tenant_id} on this box.`)
    return entry
  }

  #need({ lake, fault, isShut, tenant }: Entry): TenantLake {
    if (lake) return lake
    if (fault) throw new Failure(isShut ? 'refused' : 'unavailable', fault)
    throw new Failure('unavailable', `The lake of ${tenant.tenant_id} is not open yet.`)
  }
}

function isDue({ retiredAt }: Entry): boolean {
  return retiredAt === 0 || performance.now() - retiredAt >= RETENTION_MS
}

/** The journal takes rows as long as it can; whether it does, the site's own sentence says. */
function inWords(trouble: string, { tenant, lake }: Entry): string {
  const asked = lake ? 'what is in the lake can be asked' : 'until then it cannot be asked'
  return `The lake of ${tenant.tenant_id} takes no rows for now: ${trouble}. What was recorded waits in the journal and is taken as soon as the disk takes it; ${asked}.` // biome-ignore format: one line
}

function spoiledInWords({ spoiled }: TenantLake): string | undefined {
  const [first] = spoiled.values()
  const more = spoiled.size > 1 ? ` So are ${spoiled.size - 1} more.` : ''
  return first && `${first}${more} Questions name it as a gap; put it back from a backup.`
}

function statusOf({ tenant, lake, fault }: Entry): Omit<TenantStatus, 'retention' | 'budgets'> {
  const files = lake?.catalog.files() ?? []
  const tier1 = files.filter(({ level }) => level === 0)
  const tier2 = files.filter(({ level }) => level > 0)
  const annex = lake?.catalog.annexFiles() ?? []
  const aside = lake && join(lake.journal, 'aside')
  return {
    tenant_id: tenant.tenant_id,
    tenant_uid: tenant.tenant_uid,
    rows: files.reduce((sum, { rows }) => sum + rows, 0),
    tier1Files: tier1.length,
    tier2Files: tier2.length,
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    oldestRow: oldest(files),
    oldestRowTier1: oldest(tier1),
    oldestRowTier2: oldest(tier2),
    generation: lake?.catalog.generation ?? 0,
    catalogHead: lake?.catalog.headHash || null,
    waiting: lake ? journalFiles(lake, '.closed').length : 0,
    aside: aside && existsSync(aside) ? readdirSync(aside).length : 0,
    annexFiles: annex.length,
    annexValues: annex.reduce((sum, { rows }) => sum + rows, 0),
    annexBytes: annex.reduce((sum, { bytes }) => sum + bytes, 0),
    annexRefused: lake?.counts.annexRefused ?? 0,
    ...(fault ? { fault } : {}),
  }
}

function oldest(files: readonly FileRow[]): string | null {
  return files.length === 0 ? null : isoFromUs(Math.min(...files.map(({ from_us }) => from_us)))
}
