/**
 * The inside of a cell: one engine that knows the files and keys of one scope, locked before the first
 * question. Nothing here protects one scope from another; that other scopes' keys and files are not
 * here does.
 *
 * A question is answered from columns that the cell opened into its own memory (`clear-columns.ts`) where
 * these fit, else by the engine from the sealed files. Whatever fails on the first way is done on the second.
 */
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { COLUMNS } from '../base/event.ts'
import { annexView } from './annex-view.ts'
import { answer, answerOn, type CellQuestion, type Sink } from './cell-answer.ts'
import type { ClearColumns } from './clear-columns.ts'
import { ClearReading, memoryScan } from './clear-reading.ts'
import { literal, openEngine } from './engine.ts'
import { scan } from './parquet.ts'

/** One tenant's files under one key. */
export interface Branch {
  tenant_id: string
  fleet_id: string
  /** base64 of 32 bytes. */
  key: string
  paths: readonly string[]
  /** Files of the annex; absent where the question does not ask for it. */
  annex?: readonly string[]
}

const MEMORY_MIB = 256 // the engine's own limit, below the process's
const THREADS = 2

export interface CellOptions {
  /** Opened while nobody waited; it belongs to the cell from now on. */
  blank?: DuckDBInstance
  threads?: number | undefined
}

type Source = 'clear' | 'sealed'

interface Engine {
  instance: DuckDBInstance
  source: Source
  /**
   * For opened columns: it remembers their footer. Others must not: a plan sees one without rows, and on sealed files
   * 1.5.6 dereferences null with that memory, and is lost.
   */
  remembering: DuckDBConnection
  /** What was open when it last looked, and when the memory had been written to. */
  remembered: { version: number; writtenMs: number } | undefined
}

/** It takes a footer for the same when the file's time is, to the second. */
const SAME_FOOTER_MS = 2_000

export interface CellCounts {
  /** Questions answered from opened columns, and from sealed files. */
  clear: number
  sealed: number
  /** Of the latter, those that had failed on the first way. */
  again: number
}

export class Cell {
  readonly counts: CellCounts = { clear: 0, sealed: 0, again: 0 }
  readonly #branches: readonly Branch[]
  readonly #threads: number | undefined
  #reading: ClearReading | undefined
  #engine: Engine

  private constructor(
    branches: readonly Branch[],
    { reading, engine, threads }: { reading: ClearReading | undefined; engine: Engine; threads: number | undefined }, // biome-ignore format: one line
  ) {
    this.#branches = branches
    this.#threads = threads
    this.#reading = reading
    this.#engine = engine
  }

  /** What `columns` opened for earlier branches it keeps for these; they must be of one scope. */
  static async open(
    branches: readonly Branch[],
    columns?: ClearColumns,
    options: CellOptions = {},
  ): Promise<Cell> {
    const shown = columns?.show(branches) ? columns : undefined
    const reading = shown && new ClearReading(shown)
    const engine = await openLocked(branches, shown, options)
    return new Cell(branches, { reading, engine, threads: options.threads })
  }

  /** Answers one question piece by piece; true when the bound cut it. */
  async ask(question: CellQuestion, sink: Sink): Promise<boolean> {
    const reading = this.#reading
    const ready = reading && (await this.#prepare(reading, question))
    if (ready)
      try {
        reading.columns.showRows(true)
        const truncated = this.#mayRemember(reading.columns)
          ? await answerOn(this.#engine.remembering, ready, sink)
          : await answer(this.#engine.instance, ready, sink)
        this.counts.clear++
        return truncated
      } catch {
        this.counts.again++ // a column that was not opened, or an error that comes once more now
        reading.giveUp(question)
      }
    await use(this.#engine, 'sealed', sealedView(this.#branches))
    this.counts.sealed++
    return answer(this.#engine.instance, question, sink)
  }

  closeSync(): void {
    close(this.#engine)
  }

  #mayRemember({ version, placedMs, writtenMs }: ClearColumns): boolean {
    if (this.#branches.some(({ annex }) => annex)) return false // its files are sealed
    const { remembered } = this.#engine
    const isOld = remembered && remembered.version !== version
    if (isOld && placedMs - remembered.writtenMs < SAME_FOOTER_MS) return false
    this.#engine.remembered = { version, writtenMs }
    return true
  }

  async #prepare(reading: ClearReading, question: CellQuestion): Promise<CellQuestion | undefined> {
    if (reading.hasGivenUp(question)) return undefined
    try {
      if (this.#engine.source !== 'clear') reading.columns.showRows(false)
      await use(this.#engine, 'clear', clearView(reading.columns))
      let ready = await reading.prepare(this.#engine.instance, question)
      if (ready === 'full') {
        // Its places are used again from here on: no engine may remember what stood there.
        this.#reading = undefined // for good, if this fails
        reading.empty()
        const engine = await openLocked(this.#branches, reading.columns, { threads: this.#threads })
        close(this.#engine)
        this.#engine = engine
        this.#reading = reading
        ready = await reading.prepare(engine.instance, question)
      }
      if (typeof ready !== 'string') return ready
    } catch {
      // The question is wrong, or its plan is: the sealed way says which.
    }
    reading.giveUp(question)
    return undefined
  }
}

/** An engine with the view `events` over exactly these branches, and no way to reach or change more. */
export async function openCell(branches: readonly Branch[]): Promise<DuckDBInstance> {
  return (await openLocked(branches)).instance
}

async function openLocked(
  branches: readonly Branch[],
  clear?: ClearColumns,
  options?: CellOptions,
): Promise<Engine> {
  const instance = await openBranches(branches, clear, options)
  const remembering = await instance.connect()
  await remembering.run('SET parquet_metadata_cache = true')
  await lockEngine(remembering, branches, clear ? [clear.memory.path] : [])
  return { instance, remembering, remembered: undefined, source: clear ? 'clear' : 'sealed' }
}

function close({ instance, remembering }: Engine): void {
  remembering.closeSync()
  instance.closeSync()
}

/** An engine as a cell needs it, without a thread of its own, before anything is known. */
export function openBlank(): Promise<DuckDBInstance> {
  return openEngine({ memoryMiB: MEMORY_MIB, threads: 1 })
}

/** The view alone: who asks this engine can still reach whatever its process can. */
export async function openBranches(
  branches: readonly Branch[],
  clear?: ClearColumns,
  { blank, threads = THREADS }: CellOptions = {},
): Promise<DuckDBInstance> {
  const instance = blank ?? (await openBlank())
  const connection = await instance.connect()
  try {
    await connection.run(`SET threads = ${threads}`) // only now: these threads start confined
    const keys = branches.map(({ key }, i) => `PRAGMA add_parquet_key('k${i}', '${key}')`)
    if (keys.length > 0) await connection.run(keys.join(';')) // one by one they take a tenth of a cold question
    await connection.run('SET GLOBAL enable_external_file_cache = false')
    clear?.showRows(false)
    await connection.run(clear ? clearView(clear) : sealedView(branches))
    await connection.run('CREATE SCHEMA lake')
    await connection.run('CREATE VIEW lake.events AS SELECT * FROM main.events')
    if (branches.every(({ annex }) => annex)) await openAnnex(connection, branches)
    return instance
  } finally {
    connection.closeSync()
  }
}

async function openAnnex(connection: DuckDBConnection, branches: readonly Branch[]): Promise<void> {
  const scans = branches.map(({ tenant_id, annex = [] }, i) => ({ tenant_id, keyName: `k${i}`, paths: annex })) // biome-ignore format: one line
  await connection.run(`CREATE VIEW annex AS ${annexView(scans)}`)
  await connection.run('CREATE VIEW lake.annex AS SELECT * FROM main.annex')
}

/** For good: the engine opens these files, no other, and none of its settings can be changed again. */
export async function lockEngine(
  connection: DuckDBConnection,
  branches: readonly Branch[],
  more: readonly string[] = [],
): Promise<void> {
  const own = branches.flatMap((branch) => [...branch.paths, ...(branch.annex ?? [])])
  await connection.run(`SET allowed_paths = [${[...own, ...more].map(literal).join(', ')}]`)
  await connection.run('SET enable_external_access = false')
  await connection.run('SET lock_configuration = true')
}

async function use(engine: Engine, source: Source, view: string): Promise<void> {
  if (engine.source === source) return
  const connection = await engine.instance.connect()
  try {
    await connection.run(view)
    engine.source = source
  } finally {
    connection.closeSync()
  }
}

const NAMES = COLUMNS.map(([name]) => `"${name}"`).join(', ')
const REST = COLUMNS.filter(([name]) => name !== 'tenant_id' && name !== 'fleet_id')
const REST_NAMES = REST.map(([name]) => `"${name}"`).join(', ')
const EMPTY = `SELECT ${COLUMNS.map(([name, type]) => `NULL::${type} AS "${name}"`).join(', ')} WHERE false` // biome-ignore format: one line

function sealedView(branches: readonly Branch[]): string {
  const scans = branches.flatMap((branch, i) => (branch.paths.length > 0 ? [branchSql(branch, i)] : [])) // biome-ignore format: one line
  const rows = scans.length > 0 ? scans.join(' UNION ALL BY NAME ') : EMPTY
  return `CREATE OR REPLACE VIEW events AS ${rows}`
}

function clearView({ memory }: ClearColumns): string {
  return `CREATE OR REPLACE VIEW events AS SELECT ${NAMES} FROM ${memoryScan(memory.path)}`
}

/** The tenant is a literal of the branch, so that a filter on it leaves the other branches unread. */
function branchSql({ tenant_id, fleet_id, paths }: Branch, i: number): string {
  return `SELECT ${literal(tenant_id)} AS tenant_id, ${literal(fleet_id)} AS fleet_id, ${REST_NAMES} FROM ${scan(paths, `k${i}`)}` // biome-ignore format: one line
}
