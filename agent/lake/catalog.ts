/**
 * The catalog of one tenant's lake: which files exist, what is in them, which journal segments they
 * came from. Every change makes a generation with a signed head over all of it (D12); at open the
 * head is checked against the rows and against the files on disk, so an edit and a roll-back show.
 */
import { createHash, type Hash } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, normalize } from 'node:path'
import { canonical, type Json } from '../base/canonical.ts'
import { type Clock, systemClock } from '../base/clock.ts'
import { type Disk, realDisk } from '../base/disk.ts'
import { Failure } from '../base/failure.ts'
import { type Envelope, verifyJson } from '../base/signing.ts'
import { openSealedDb, type SealedDb } from '../tenancy/sealed-db.ts'
import type { Tenant } from '../tenancy/tenant.ts'
import { mayHold } from './bloom.ts'
import type { LakeKeys } from './keys.ts'

/** A cell or export that was handed a file may still read it: it is removed this much later. */
const REMOVE_AFTER_US = 120_000_000
/** How long a settled segment's id is remembered; a segment opened before the floor is not taken again. */
const SETTLED_US = 3 * 86_400_000_000
export const TIERS = ['tier1', 'tier2', 'annex'] as const
/** The level of files with values of the annex: no rows of events. */
export const ANNEX_LEVEL = -1

export interface FileRow {
  file_uid: string
  tenant_id: string
  /** 0: settled from the journal (tier 1). 1 and up: compacted that often (tier 2). ANNEX_LEVEL: of the annex. */
  level: number
  /** Relative to the tenant's folder: `tier1/…`, `tier2/…` or `annex/…`. */
  path: string
  from_us: number
  to_us: number
  ingest_from_us: number
  ingest_to_us: number
  rows: number
  bytes: number
  sha256: string
  epoch: number
  bloom_host: Buffer | null
  bloom_ip: Buffer | null
  bloom_rule: Buffer | null
}

/** One step of the lake, atomic: files in, files out, segments done. */
export interface Change {
  add?: readonly FileRow[]
  remove?: readonly string[]
  settled?: readonly string[]
  /** Uses of the parquet key by the files of `add`. */
  modules?: readonly { epoch: number; count: number }[]
}

export interface FileFilter {
  from_us?: number | undefined
  to_us?: number | undefined
  host?: string | undefined
  ip?: string | undefined
  rule_id?: string | undefined
}

interface Head {
  tenant_uid: string
  generation: number
  /** Hash of the head before; empty for the first. */
  prev: string
  root_hash: string
  files: number
  rows: number
  settled: number
  settled_hash: string
  settled_floor_us: number
  modules_per_key: Record<string, number>
  /** Days by kind, where the site has its own: what may delete rows is signed as they are. */
  retention?: Readonly<Record<string, number>>
}

const SCHEMA = `
CREATE TABLE IF NOT EXISTS file (
  file_uid TEXT PRIMARY KEY, tenant_id TEXT NOT NULL, level INTEGER NOT NULL, path TEXT NOT NULL,
  from_us INTEGER NOT NULL, to_us INTEGER NOT NULL, ingest_from_us INTEGER NOT NULL,
  ingest_to_us INTEGER NOT NULL, rows INTEGER NOT NULL, bytes INTEGER NOT NULL, sha256 TEXT NOT NULL,
  epoch INTEGER NOT NULL, bloom_host BLOB, bloom_ip BLOB, bloom_rule BLOB) STRICT;
CREATE TABLE IF NOT EXISTS settled (
  seq INTEGER PRIMARY KEY, tenant_id TEXT NOT NULL, segment_uid TEXT NOT NULL UNIQUE,
  at_us INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS leaving (
  path TEXT PRIMARY KEY, tenant_id TEXT NOT NULL, after_us INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS head (
  generation INTEGER PRIMARY KEY, tenant_id TEXT NOT NULL, envelope TEXT NOT NULL) STRICT;
`

export interface CatalogOptions {
  /** `<data>/tenants/<tenant_uid>`. */
  folder: string
  tenant: Tenant
  keys: LakeKeys
  clock?: Clock
  disk?: Disk
}

export class Catalog {
  readonly #db: SealedDb
  readonly #options: CatalogOptions
  readonly #clock: Clock
  readonly #files = new Map<string, FileRow>()
  #settledHash: Hash = createHash('sha256')
  #head: Head
  #headHash = ''

  private constructor(db: SealedDb, options: CatalogOptions) {
    this.#db = db
    this.#options = options
    this.#clock = options.clock ?? systemClock
    for (const row of db.prepare('SELECT * FROM file').all() as FileRow[])
      this.#files.set(row.file_uid, row)
    this.#hashSettled()
    this.#head = this.#count(0, '', 0, {})
  }

  /** Opens or makes the catalog; refuses one that was edited, swapped, rolled back or lost. */
  static async open(options: CatalogOptions): Promise<Catalog> {
    const { folder, disk = realDisk } = options
    const tenants = dirname(folder)
    for (const tier of TIERS)
      disk.makeFolder(dirname(tenants), join(basename(tenants), basename(folder), tier))
    const key = await options.keys.catalogKey(options.tenant)
    const db = openSealedDb(join(folder, 'catalog.db'), key, SCHEMA)
    key.fill(0)
    try {
      db.pragma('locking_mode = EXCLUSIVE') // a second writer is refused, not interleaved
      db.exec('BEGIN IMMEDIATE; COMMIT')
      // Every page now: one that nobody reads at the opening would else be found changed in the middle of the work.
      const checked = db.pragma('quick_check(1)', { simple: true })
      if (checked !== 'ok') throw tampered(folder, 'was changed: it cannot be read')
      const catalog = new Catalog(db, options)
      await catalog.#checkHead()
      catalog.#checkDisk()
      await catalog.#anchor()
      return catalog
    } catch (error) {
      db.close()
      // A page that was changed shows when it is read, and only as the store's own words.
      const code = String((error as { code?: unknown }).code)
      if (!/^SQLITE_(CORRUPT|NOTADB)/.test(code)) throw error
      throw tampered(folder, 'was changed: it cannot be read', error)
    }
  }

  get generation(): number {
    return this.#head.generation
  }

  /** Hash of the signed head: an anchor for summaries (D12). */
  get headHash(): string {
    return this.#headHash
  }

  /** Files of events that may hold matching rows; never fewer than do. */
  files(filter: FileFilter = {}): FileRow[] {
    return [...this.#files.values()]
      .filter((file) => file.level !== ANNEX_LEVEL && matches(file, filter))
      .sort((a, b) => a.from_us - b.from_us || (a.file_uid < b.file_uid ? -1 : 1))
  }

  annexFiles(): FileRow[] {
    return [...this.#files.values()].filter(({ level }) => level === ANNEX_LEVEL)
  }

  absolute(file: { path: string }): string {
    return join(this.#options.folder, file.path)
  }

  isSettled(segment_uid: string): boolean {
    return (
      this.#db.prepare('SELECT 1 FROM settled WHERE segment_uid = ?').get(segment_uid) !== undefined
    )
  }

  /** Segments opened before this are remembered no more: one that turns up is a copy. */
  get settledFloorUs(): number {
    return this.#head.settled_floor_us
  }

  /** A path for a new file: it carries the generation that will hold it, so that a roll-back shows. */
  newPath(level: number, file_uid: string): string {
    const name = `${String(this.generation + 1).padStart(10, '0')}-${file_uid}.parquet`
    if (level === ANNEX_LEVEL) return join('annex', name)
    return join(level === 0 ? 'tier1' : 'tier2', name)
  }

  /** Signs the next head and commits it with the change, whole or not at all. */
  async commit(change: Change): Promise<void> {
    const nowUs = this.#clock.nowUs()
    const removed = (change.remove ?? []).map((uid) => this.#need(uid))
    const files = new Map(this.#files)
    for (const file of removed) files.delete(file.file_uid)
    for (const file of change.add ?? []) files.set(file.file_uid, file)
    const settledHash = this.#settledHash.copy()
    for (const uid of change.settled ?? []) settledHash.update(uid)
    const modules = { ...this.#head.modules_per_key }
    for (const { epoch, count } of change.modules ?? [])
      modules[epoch] = (modules[epoch] ?? 0) + count
    const head: Head = {
      ...this.#head,
      ...totals(files),
      generation: this.generation + 1,
      prev: this.#headHash,
      settled: this.#head.settled + (change.settled?.length ?? 0),
      settled_hash: settledHash.copy().digest('hex'),
      modules_per_key: modules,
    }
    const envelope = await this.#options.keys.sign(head as unknown as Json)
    this.#store(envelope, head, () => {
      for (const file of change.add ?? []) this.#insert(file)
      for (const file of removed) {
        this.#db.prepare('DELETE FROM file WHERE file_uid = ?').run(file.file_uid)
        this.#db
          .prepare('INSERT INTO leaving VALUES (?, ?, ?)')
          .run(file.path, this.#options.tenant.tenant_id, nowUs + REMOVE_AFTER_US)
      }
      for (const uid of change.settled ?? [])
        this.#db
          .prepare('INSERT INTO settled (tenant_id, segment_uid, at_us) VALUES (?, ?, ?)')
          .run(this.#options.tenant.tenant_id, uid, nowUs)
    })
    for (const file of removed) this.#files.delete(file.file_uid)
    for (const file of change.add ?? []) this.#files.set(file.file_uid, file)
    this.#settledHash = settledHash
    await this.#noteCommit()
  }

  /**
   * Forgets segments settled days ago; call it only when none waits. `openUs`: when the oldest open one was opened, so
   * that a clock put ahead meanwhile does not make it a copy. `before` learns the coming floor.
   */
  async forgetSettled(openUs: number, before: (floorUs: number) => void): Promise<void> {
    const floor = Math.min(openUs, this.#clock.nowUs() - SETTLED_US)
    const old = this.#db.prepare('SELECT count(*) AS n FROM settled WHERE at_us < ?').get(floor)
    if ((old as { n: number }).n === 0) return
    before(floor)
    const kept = this.#db
      .prepare('SELECT segment_uid FROM settled WHERE at_us >= ? ORDER BY seq')
      .all(floor) as { segment_uid: string }[]
    const hash = createHash('sha256')
    for (const { segment_uid } of kept) hash.update(segment_uid)
    const head: Head = {
      ...this.#head,
      generation: this.generation + 1,
      prev: this.#headHash,
      settled: kept.length,
      settled_hash: hash.copy().digest('hex'),
      settled_floor_us: floor,
    }
    const envelope = await this.#options.keys.sign(head as unknown as Json)
    this.#store(envelope, head, () =>
      this.#db.prepare('DELETE FROM settled WHERE at_us < ?').run(floor),
    )
    this.#settledHash = hash
    await this.#noteCommit()
  }

  /** Days by kind, as they were signed. */
  get retention(): Readonly<Record<string, number>> {
    return this.#head.retention ?? {}
  }

  /** In force, and in the signed head, when it resolves. */
  async keepRetention(retention: Readonly<Record<string, number>>): Promise<void> {
    const head: Head = { ...this.#head, generation: this.generation + 1, prev: this.#headHash, retention } // biome-ignore format: one line
    const envelope = await this.#options.keys.sign(head as unknown as Json)
    this.#store(envelope, head, () => {})
    await this.#noteCommit()
  }

  /** Paths of files whose grace is over: remove them, then `left`. */
  leaving(): string[] {
    const rows = this.#db
      .prepare('SELECT path FROM leaving WHERE after_us <= ?')
      .all(this.#clock.nowUs())
    return (rows as { path: string }[]).map(({ path }) => path)
  }

  left(path: string): void {
    this.#db.prepare('DELETE FROM leaving WHERE path = ?').run(path)
  }

  /** Files on disk that no generation knows: what a killed writer left. */
  strays(): string[] {
    const known = new Set([...this.#files.values()].map(({ path }) => path))
    for (const { path } of this.#db.prepare('SELECT path FROM leaving').all() as { path: string }[])
      known.add(path)
    return this.#onDisk().filter((path) => !known.has(path))
  }

  /** For the check that its tables carry a tenant. */
  get db(): SealedDb {
    return this.#db
  }

  close(): void {
    this.#db.close()
  }

  #insert(file: FileRow): void {
    this.#db
      .prepare(
        `INSERT INTO file VALUES (@file_uid, @tenant_id, @level, @path, @from_us, @to_us,
         @ingest_from_us, @ingest_to_us, @rows, @bytes, @sha256, @epoch, @bloom_host, @bloom_ip,
         @bloom_rule)`,
      )
      .run(file)
  }

  #store(envelope: Envelope, head: Head, change: () => void): void {
    this.#db.transaction(() => {
      change()
      this.#db.prepare('DELETE FROM head').run()
      this.#db
        .prepare('INSERT INTO head VALUES (?, ?, ?)')
        .run(head.generation, this.#options.tenant.tenant_id, JSON.stringify(envelope))
    })()
    this.#head = head
    this.#headHash = sha256(envelope.body)
  }

  #need(file_uid: string): FileRow {
    const file = this.#files.get(file_uid)
    if (!file) throw new Failure('internal', 'A file to be replaced is not in the catalog.')
    return file
  }

  #count(generation: number, prev: string, floorUs: number, modules: Record<string, number>): Head {
    const { n } = this.#db.prepare('SELECT count(*) AS n FROM settled').get() as { n: number }
    return {
      tenant_uid: this.#options.tenant.tenant_uid,
      generation,
      prev,
      ...totals(this.#files),
      settled: n,
      settled_hash: this.#settledHash.copy().digest('hex'),
      settled_floor_us: floorUs,
      modules_per_key: modules,
    }
  }

  #hashSettled(): void {
    this.#settledHash = createHash('sha256')
    for (const row of this.#db.prepare('SELECT segment_uid FROM settled ORDER BY seq').iterate())
      this.#settledHash.update((row as { segment_uid: string }).segment_uid)
  }

  async #checkHead(): Promise<void> {
    const stored = this.#db.prepare('SELECT envelope FROM head').get() as
      | { envelope: string }
      | undefined
    if (!stored) {
      if (this.#files.size > 0 || this.#onDisk().some((path) => generationOf(path) > 1))
        throw this.#tampered('has no signed head although there are files: it was replaced or rolled back') // biome-ignore format: one line
      return
    }
    const envelope = JSON.parse(stored.envelope) as Envelope
    const known = await this.#options.keys.publicKeys()
    const signed = verifyJson(envelope, 'catalog', known, this.#clock.nowUs()) as unknown as Head
    const { retention } = signed
    const counted = this.#count(signed.generation, signed.prev, signed.settled_floor_us, signed.modules_per_key) // biome-ignore format: one line
    const found = { ...counted, ...(retention && { retention }) }
    if (canonical(found as unknown as Json) !== envelope.body)
      throw this.#tampered('does not agree with its signed head: rows were edited or rolled back')
    this.#head = signed
    this.#headHash = sha256(envelope.body)
  }

  /**
   * Keeps our generation outside the lake, or learns there that it is not the newest. A file of the next
   * generation proves nothing: a writer killed before its commit leaves one too.
   */
  async #anchor(): Promise<void> {
    const { tenant_uid } = this.#options.tenant
    try {
      const at = { tenant_uid, generation: this.generation, head: this.#headHash }
      await this.#options.keys.anchorCatalog(at)
    } catch (error) {
      if (Failure.kindOf(error) !== 'refused') throw error
      throw this.#tampered('is older than what was last committed: it was replaced or rolled back', error) // biome-ignore format: one line
    }
  }

  /** The change is on disk whatever comes of this: the next commit or start keeps it. */
  async #noteCommit(): Promise<void> {
    try {
      await this.#anchor()
    } catch (error) {
      if (Failure.kindOf(error) !== 'unavailable') throw error
    }
  }

  /** Files of a later generation than ours: the catalog is older than the lake (D12). */
  #checkDisk(): void {
    for (const file of this.#files.values()) this.#checkPath(file)
    const later = this.strays().find((path) => generationOf(path) > this.generation + 1)
    if (later)
      throw this.#tampered(`is older than the lake: ${later} was written after it. It was rolled back`) // biome-ignore format: one line
  }

  /** Only names that this class makes, so that no row can point out of the tenant's folder. */
  #checkPath(file: FileRow): void {
    const wanted = /^(tier[12]|annex)\/\d{10}-[0-9a-f]{32}\.parquet$/
    const plain = !isAbsolute(file.path) && normalize(file.path) === file.path
    if (!plain || !wanted.test(file.path) || file.tenant_id !== this.#options.tenant.tenant_id)
      throw this.#tampered(`names a file that is not this tenant's: ${file.path}`)
  }

  #onDisk(): string[] {
    return TIERS.flatMap((tier) => {
      const folder = join(this.#options.folder, tier)
      return existsSync(folder) ? readdirSync(folder).map((name) => join(tier, name)) : []
    })
  }

  #tampered(what: string, cause?: unknown): Failure {
    return tampered(this.#options.folder, what, cause)
  }
}

function tampered(folder: string, what: string, cause?: unknown): Failure {
  const path = join(folder, 'catalog.db')
  return new Failure('refused', `The catalog ${path} ${what}.`, { file: path }, cause)
}

function generationOf(path: string): number {
  return Number(/^(?:tier[12]|annex)\/(\d{10})-/.exec(path)?.[1] ?? 0)
}

export function totals(
  files: ReadonlyMap<string, FileRow>,
): Pick<Head, 'root_hash' | 'files' | 'rows'> {
  const hash = createHash('sha256')
  let rows = 0
  for (const uid of [...files.keys()].sort()) {
    const file = files.get(uid) as FileRow
    rows += file.rows
    hash.update(canonical(plain(file)))
  }
  return { root_hash: hash.digest('hex'), files: files.size, rows }
}

function plain(file: FileRow): Json {
  const { bloom_host, bloom_ip, bloom_rule, ...rest } = file
  const text = (bloom: Buffer | null) => (bloom ? bloom.toString('base64') : null)
  return { ...rest, bloom_host: text(bloom_host), bloom_ip: text(bloom_ip), bloom_rule: text(bloom_rule) } // biome-ignore format: one line
}

function matches(file: FileRow, filter: FileFilter): boolean {
  if (filter.from_us !== undefined && file.to_us < filter.from_us) return false
  if (filter.to_us !== undefined && file.from_us > filter.to_us) return false
  if (filter.host !== undefined && !mayHold(file.bloom_host ?? undefined, filter.host)) return false
  if (filter.ip !== undefined && !mayHold(file.bloom_ip ?? undefined, filter.ip)) return false
  return filter.rule_id === undefined || mayHold(file.bloom_rule ?? undefined, filter.rule_id)
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
