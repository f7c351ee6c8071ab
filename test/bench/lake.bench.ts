/**
 * What a scope costs: the same rows and the same question, in one run and in turn, by the engine alone over plain files of all tenants,
 * and by a confined cell over sealed files, a key and a branch of the view for each tenant. Cold: from a process that waits without
 * keys to the last row. Warm: asked once more of the same. Beside them: rows into the lake against the engine's own COPY,
 * and what a tenant costs that does nothing.
 *
 * PICKET_LAKE_TENANTS, PICKET_LAKE_ROWS (each), PICKET_LAKE_ROUNDS; PICKET_LAKE_DIR keeps the rows elsewhere. The whole size is 47 × 1,000,000:
 * two minutes and 7 GB for the rows.
 */
import { statfsSync } from 'node:fs'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { type Answering, cpuOf, waitingCell, waitingPlain } from './lake/answering.ts'
import { idleTenants } from './lake/idle.ts'
import { ingest } from './lake/ingest.ts'
import { keepResults } from './lake/results.ts'
import { makeRows } from './lake/rows.ts'
import { percentile, type Spread, spreadOf } from './lake/spread.ts'

const WHOLE = { tenants: 47, rowsEach: 1_000_000 }
const SMALL = { tenants: 10, rowsEach: 500_000 }
const BYTES_A_ROW = 160 // plain and sealed together, and some to spare
const STATE = fileURLToPath(new URL('../../.state', import.meta.url))
const FOLDER = process.env.PICKET_LAKE_DIR ?? join(STATE, 'bench-lake')
const ROUNDS = Number(process.env.PICKET_LAKE_ROUNDS ?? 5)
const WARM = 3

const WIDE = `count(*), sum(length(record)), max(community_id), max(event_id), max(flow_id), max(message), sum(bytes), max(src_ip), max(dest_ip)`
const QUESTIONS = [
  { name: 'count', shape: 'narrow', sql: 'SELECT severity, count(*) FROM events GROUP BY 1 ORDER BY 1' }, // biome-ignore format: one line
  { name: 'window', shape: 'narrow', sql: `SELECT kind, count(*) FROM events WHERE event_time >= '2026-11-03 10:00:00' AND event_time < '2026-11-03 10:10:00' GROUP BY 1 ORDER BY 1` }, // biome-ignore format: one line
  { name: 'point', shape: 'wide', sql: `SELECT * FROM events WHERE host = 'host-7' AND rule_id = 'sid:2000100' ORDER BY event_time DESC, event_id LIMIT 100` }, // biome-ignore format: one line
  { name: 'hours, wide', shape: 'wide', sql: `SELECT ${WIDE} FROM events WHERE event_time >= '2026-11-03 10:00:00' AND event_time < '2026-11-03 13:00:00'` }, // biome-ignore format: one line
  { name: 'all, wide', shape: 'wide', sql: `SELECT ${WIDE} FROM events` },
] as const
const GOAL = { narrow: { cold: 2, warm: 1.15 }, wide: { cold: 3.5, warm: 1.15 } }

type Figure = 'coldMs' | 'coldCpuMs' | 'warmMs' | 'warmCpuMs'
type Times = Record<Figure, number[]>

test('the cost of a scope', { timeout: 3_600_000 }, async () => {
  const size = sizeThatFits()
  const rows = await makeRows(FOLDER, size)
  say(`${rows.rows} rows of ${size.tenants} tenants, ${mb(rows.plainBytes)} MB plain, ${mb(rows.sealedBytes)} MB sealed, ${ROUNDS} rounds, load ${loadavg()[0]?.toFixed(1)}`) // biome-ignore format: one line
  const table = []
  for (const { name, shape, sql } of QUESTIONS) {
    const plain = noTimes()
    const cell = noTimes()
    for (let round = 0; round < ROUNDS; round++) {
      const one = await once(() => waitingPlain(rows), sql, plain)
      expect(await once(() => waitingCell(rows), sql, cell)).toBe(one)
    }
    const line = { name, shape, goal: GOAL[shape], plain: spreads(plain), cell: spreads(cell), ratio: ratios(cell, plain) } // biome-ignore format: one line
    table.push(line)
    sayLine(line)
  }
  const taken = await ingest(FOLDER, Number(process.env.PICKET_LAKE_INGEST ?? 300_000), ROUNDS)
  say(`ingest ${JSON.stringify(taken)}`)
  const idle = await idleTenants([1, 47, 500])
  for (const each of idle) say(`idle ${JSON.stringify(each)}`)
  keepResults('lake', { size, rounds: ROUNDS, load: loadavg()[0], table, ingest: taken, idle })
})

/** One process, from waiting to its answer, then asked again; what it answered. */
async function once(start: () => Promise<Answering>, sql: string, times: Times): Promise<string> {
  const answering = await start()
  try {
    const first = await timed(answering, async () => {
      await answering.open()
      return answering.ask(sql)
    })
    times.coldMs.push(first.ms)
    times.coldCpuMs.push(first.cpuMs)
    for (let i = 0; i < WARM; i++) {
      const again = await timed(answering, () => answering.ask(sql))
      times.warmMs.push(again.ms)
      times.warmCpuMs.push(again.cpuMs)
      expect(JSON.stringify(again.answer)).toBe(JSON.stringify(first.answer))
    }
    return JSON.stringify(first.answer)
  } finally {
    answering.end()
  }
}

async function timed<T>({ pid }: Answering, act: () => Promise<T>) {
  const [start, cpu] = [performance.now(), cpuOf(pid)]
  const answer = await act()
  return { answer, ms: performance.now() - start, cpuMs: (cpuOf(pid) - cpu) * 1000 }
}

function noTimes(): Times {
  return { coldMs: [], coldCpuMs: [], warmMs: [], warmCpuMs: [] }
}

function spreads(times: Times): Record<Figure, Spread> {
  const { coldMs, coldCpuMs, warmMs, warmCpuMs } = times
  return { coldMs: spreadOf(coldMs), coldCpuMs: spreadOf(coldCpuMs), warmMs: spreadOf(warmMs), warmCpuMs: spreadOf(warmCpuMs) } // biome-ignore format: one line
}

function ratios(cell: Times, plain: Times): Record<Figure, number> {
  const of = (figure: Figure) => Math.round((percentile(cell[figure], 0.5) / percentile(plain[figure], 0.5)) * 100) / 100 // biome-ignore format: one line
  return { coldMs: of('coldMs'), coldCpuMs: of('coldCpuMs'), warmMs: of('warmMs'), warmCpuMs: of('warmCpuMs') } // biome-ignore format: one line
}

function sizeThatFits() {
  const tenants = process.env.PICKET_LAKE_TENANTS
  const rowsEach = process.env.PICKET_LAKE_ROWS
  if (tenants !== undefined || rowsEach !== undefined)
    return { tenants: Number(tenants ?? SMALL.tenants), rowsEach: Number(rowsEach ?? SMALL.rowsEach) } // biome-ignore format: one line
  const { bavail, bsize } = statfsSync(fileURLToPath(new URL('../..', import.meta.url)))
  const fits = bavail * bsize > 2 * WHOLE.tenants * WHOLE.rowsEach * BYTES_A_ROW
  say(
    `${fits ? 'a small size' : 'no disk for the whole size'}; the whole one: PICKET_LAKE_TENANTS=47 PICKET_LAKE_ROWS=1000000`,
  )
  return SMALL
}

function sayLine(line: {
  name: string
  plain: Record<Figure, Spread>
  cell: Record<Figure, Spread>
  ratio: Record<Figure, number>
  goal: { cold: number; warm: number }
}) {
  const show = (figure: Figure) => `${line.plain[figure].median} [${line.plain[figure].low}–${line.plain[figure].high}] → ${line.cell[figure].median} [${line.cell[figure].low}–${line.cell[figure].high}] = ${line.ratio[figure]}×` // biome-ignore format: one line
  say(
    `${line.name}: cold ms ${show('coldMs')} · cpu ${show('coldCpuMs')} (goal ${line.goal.cold}×)`,
  )
  say(
    `${line.name}: warm ms ${show('warmMs')} · cpu ${show('warmCpuMs')} (goal ${line.goal.warm}×)`,
  )
}

function mb(bytes: number): number {
  return Math.round(bytes / 1e6)
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
