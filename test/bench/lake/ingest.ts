/** Rows on their way in, on one core: into the journal, from there into a sealed file of the lake; beside the engine's own COPY of the same lines. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { EventDraft } from '../../../agent/base/event.ts'
import { literal, openEngine } from '../../../agent/lake/engine.ts'
import { settle } from '../../../agent/lake/settle.ts'
import { makeSite, type Site, START_US } from '../../lake/site.ts'
import { type Spread, spreadOf } from './spread.ts'

const WRITE_ROWS = 5_000

interface Pace {
  /** Rows a second, and rows for a second of processor. */
  wall: Spread
  core: Spread
}

export interface Taken {
  rows: number
  /** Stringified, sealed, synced. */
  journal: Pace
  /** Opened, checked, sorted, written, sealed, synced, in the catalog. */
  settle: Pace
  /** The same lines by the engine alone: read, sorted, plain Parquet. */
  copy: Pace
}

export async function ingest(folder: string, rows: number, rounds: number): Promise<Taken> {
  const paces = { journal: noPace(), settle: noPace(), copy: noPace() }
  for (let round = 0; round < rounds; round++) {
    const site = await makeSite()
    try {
      await writeAll(site, rows, paces.journal)
      await paced(paces.settle, rows, async () => {
        const { rows: settled, faults } = await settle(site.lake())
        if (settled !== rows || faults.length > 0) throw new Error(`settled ${settled}: ${faults}`)
      })
      const lines = linesOf(rows, site.tenants[0]?.appliance_id)
      await copyPlain(join(folder, 'ingest'), lines, (act) => paced(paces.copy, rows, act))
    } finally {
      site.remove()
    }
  }
  return {
    rows,
    journal: paceOf(paces.journal),
    settle: paceOf(paces.settle),
    copy: paceOf(paces.copy),
  }
}

/** Drafts are made by and by: a heap full of them would be gone through, at our cost, whenever something else is freed. */
async function writeAll(site: Site, rows: number, into: Measured): Promise<void> {
  const total = { ms: 0, cpuUs: 0 }
  for (let at = 0; at < rows; at += WRITE_ROWS) {
    const drafts = Array.from({ length: Math.min(WRITE_ROWS, rows - at) }, (_, i) => draftOf(at + i)) // biome-ignore format: one line
    const { ms, cpuUs } = await timed(() => site.write(drafts))
    total.ms += ms
    total.cpuUs += cpuUs
  }
  keep(into, rows, total)
}

/** The same rows as the journal has them. */
function linesOf(rows: number, appliance_id: string | undefined): Buffer {
  const pieces: Buffer[] = []
  for (let at = 0; at < rows; at += WRITE_ROWS) {
    const lines = Array.from(
      { length: Math.min(WRITE_ROWS, rows - at) },
      (_, i) =>
      JSON.stringify({ tenant_id: 'alfa', fleet_id: 'alfa', event_id: '01890000-0000-7000-8000-000000000000', ingest_time: START_US, appliance_id, ...draftOf(at + i) }), // biome-ignore format: one line
    )
    pieces.push(Buffer.from(`${lines.join('\n')}\n`))
  }
  return Buffer.concat(pieces)
}

async function copyPlain(
  folder: string,
  lines: Buffer,
  pace: (act: () => Promise<void>) => Promise<void>,
): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const from = `/dev/shm/picket-bench-${process.pid}.ndjson`
  writeFileSync(from, lines, { mode: 0o600 })
  const engine = await openEngine({ memoryMiB: 512 })
  const connection = await engine.connect()
  try {
    await pace(async () => {
      await connection.run(
        `COPY (SELECT * FROM read_json(${literal(from)}, format = 'newline_delimited') ORDER BY event_time)
         TO ${literal(join(folder, 'plain.parquet'))} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)`,
      )
    })
  } finally {
    connection.closeSync()
    engine.closeSync()
    rmSync(from)
    rmSync(folder, { recursive: true })
  }
}

/** A flow as the gateway writes it; one in twenty is a finding. */
function draftOf(i: number): EventDraft {
  const h = Math.imul(i, 2654435761) >>> 0
  const finding = h % 20 === 0
  return {
    kind: finding ? 'finding' : 'flow',
    event_time: START_US + i * 1000 + (h % 1000),
    host: `host-${h % 300}`,
    src_ip: `10.0.${h % 4}.${(h >>> 3) % 250}`,
    dest_ip: `198.51.${(h >>> 5) % 100}.${(h >>> 7) % 250}`,
    src_port: 1024 + ((h >>> 4) % 60_000),
    dest_port: 443,
    proto: 'TCP',
    app_proto: 'tls',
    flow_id: String(h * 1000 + (i % 1000)),
    community_id: `1:${h.toString(36)}${(h ^ 0x5f5f5f5f).toString(36)}=`,
    bytes: h % 100_000,
    packets: h % 100,
    ...(finding ? { rule_id: `sid:${2_000_000 + (h % 211)}`, severity: 'high' as const, message: `Rule ${h % 211}` } : {}), // biome-ignore format: one line
    record: { event_type: 'flow', flow: { pkts_toserver: h % 100, bytes_toclient: h % 99_991, state: 'closed', reason: 'timeout' }, tls: { sni: `www${h % 5000}.example.net` } }, // biome-ignore format: one line
  }
}

interface Measured {
  wall: number[]
  core: number[]
}

function noPace(): Measured {
  return { wall: [], core: [] }
}

async function paced(into: Measured, rows: number, act: () => Promise<void>): Promise<void> {
  keep(into, rows, await timed(act))
}

async function timed(act: () => Promise<unknown>): Promise<{ ms: number; cpuUs: number }> {
  const [start, cpu] = [performance.now(), process.cpuUsage()]
  await act()
  const { user, system } = process.cpuUsage(cpu)
  return { ms: performance.now() - start, cpuUs: user + system }
}

function keep(into: Measured, rows: number, { ms, cpuUs }: { ms: number; cpuUs: number }): void {
  into.wall.push((rows / ms) * 1e3)
  into.core.push((rows / cpuUs) * 1e6)
}

function paceOf({ wall, core }: Measured): Pace {
  return { wall: spreadOf(wall.map(Math.round)), core: spreadOf(core.map(Math.round)) }
}
