/**
 * Before a question: the engine's plan says which column chunks it will read, and these are opened. What would be much is narrowed
 * first: a point among many rows to the row groups that hold it, a page of newest rows to the time of its oldest.
 */
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { bind, type CellQuestion, type Params } from './cell-answer.ts'
import { mayWant, type Plan, readPlan, type Scan } from './cell-plan.ts'
import type { ClearColumns, ClearGroup } from './clear-columns.ts'
import { literal } from './engine.ts'

const QUESTIONS_MAX = 256 // remembered; what is forgotten is planned again
const HITS_MAX = 5_000
/** Below this part of the memory the step more costs more than it spares. */
const STEP_PART = 1 / 64
/** The engine fetches wide columns of the rows of a page only; opening more than this for it would be slower. */
const LATE_PART = 1 / 4

/** The question as it is best put, `no` when it reads too much, `full` when others must go first. */
export type Prepared = CellQuestion | 'full' | 'no'

export class ClearReading {
  readonly columns: ClearColumns
  readonly #known = new Map<string, CellQuestion | 'no'>()

  constructor(columns: ClearColumns) {
    this.columns = columns
  }

  hasGivenUp(question: CellQuestion): boolean {
    return this.#known.get(nameOf(question)) === 'no'
  }

  giveUp(question: CellQuestion): void {
    this.#remember(question, 'no')
  }

  /** After `full`: the engine must be opened anew with it. */
  empty(): void {
    this.columns.empty()
    this.#known.clear()
  }

  async prepare(instance: DuckDBInstance, question: CellQuestion): Promise<Prepared> {
    const known = this.#known.get(nameOf(question))
    if (known) return known
    const connection = await instance.connect()
    try {
      const narrowed = await this.#fromOldest(connection, question)
      if (typeof narrowed === 'string') return narrowed
      const plan = await this.#explain(connection, narrowed.sql, narrowed.params)
      const ready = await this.#open(connection, plan)
      if (ready !== 'ready') return ready
      this.#remember(question, narrowed)
      return narrowed
    } finally {
      connection.closeSync()
    }
  }

  /** A page of newest rows needs none from before its oldest. */
  async #fromOldest(connection: DuckDBConnection, question: CellQuestion): Promise<Prepared> {
    if (question.oldest === undefined) return question
    const ready = await this.#open(
      connection,
      await this.#explain(connection, question.oldest, question.params),
    )
    if (ready !== 'ready') return ready
    this.columns.showRows(true)
    const [[since] = []] = await rowsOf(connection, question.oldest, question.params)
    if (typeof since !== 'string') return question
    return { ...question, params: { ...question.params, since } }
  }

  async #open(connection: DuckDBConnection, plan: Plan): Promise<'ready' | 'full' | 'no'> {
    const wanted = new Map<ClearGroup, Set<number>>()
    const want = (groups: readonly ClearGroup[], names: ReadonlySet<string>) => {
      for (const group of groups) {
        const own = wanted.get(group) ?? new Set()
        wanted.set(group, own)
        for (const name of names) own.add(this.columns.columns.indexOf(name))
      }
    }
    for (const scan of plan.scans) {
      const isOuter = plan.isLate && scan.filters.size === 0
      const decides = isOuter ? plan.scans.find(({ filters }) => filters.size > 0) : scan
      let groups = this.columns.groups.filter((group) => !decides || mayWant(group, decides))
      if (decides && decides.equal.size > 0 && this.#part(groups, scan.columns) > STEP_PART) {
        want(groups, decides.filters)
        const ready = this.columns.place(wanted)
        if (ready !== 'ready') return ready
        groups = await this.#holding(connection, groups, decides)
      }
      if (isOuter && this.#part(groups, scan.columns) > LATE_PART) return 'no'
      want(groups, scan.columns.union(scan.filters))
    }
    return this.columns.place(wanted)
  }

  /** Those row groups in which a row has all the values that the scan wants; all of them when there are many. */
  async #holding(
    connection: DuckDBConnection,
    groups: readonly ClearGroup[],
    { equal }: Scan,
  ): Promise<ClearGroup[]> {
    const where = [...equal].map(([name, value]) => `"${name}" = ${literal(value)}`).join(' AND ')
    const sql = `SELECT file_row_number FROM ${memoryScan(this.columns.memory.path)} WHERE ${where} LIMIT ${HITS_MAX}`
    this.columns.showRows(true)
    const hits = (await rowsOf(connection, sql, {})).map(([number]) => Number(number))
    if (hits.length >= HITS_MAX) return [...groups]
    hits.sort((a, b) => a - b)
    let i = 0
    return groups.filter(({ firstRow, group }) => {
      while (i < hits.length && (hits[i] as number) < firstRow) i++
      return i < hits.length && (hits[i] as number) < firstRow + group.rows
    })
  }

  async #explain(connection: DuckDBConnection, sql: string, params: Params): Promise<Plan> {
    this.columns.showRows(false)
    const [[, plan] = []] = await rowsOf(connection, `EXPLAIN (FORMAT json) ${sql}`, params)
    return readPlan(String(plan), this.columns.columns)
  }

  /** How much of the memory they would take. */
  #part(groups: readonly ClearGroup[], names: ReadonlySet<string>): number {
    const columns = [...names].map((name) => this.columns.columns.indexOf(name))
    let bytes = 0
    for (const { group } of groups)
      for (const column of columns) bytes += group.chunks[column]?.length ?? 0
    return bytes / this.columns.memory.bytes
  }

  #remember(question: CellQuestion, what: CellQuestion | 'no'): void {
    if (this.#known.size >= QUESTIONS_MAX) this.#known.clear()
    this.#known.set(nameOf(question), what)
  }
}

/** A scan of what is open, with the number of each row. */
export function memoryScan(path: string): string {
  return `read_parquet(${literal(path)}, hive_partitioning = false, file_row_number = true)`
}

function nameOf({ sql, params }: CellQuestion): string {
  return JSON.stringify([sql, params])
}

async function rowsOf(
  connection: DuckDBConnection,
  sql: string,
  params: Params,
): Promise<unknown[][]> {
  const statements = await connection.extractStatements(sql)
  const prepared = await statements.prepare(0)
  bind(prepared, params)
  return (await prepared.runAndReadAll()).getRowsJson() as unknown[][]
}
