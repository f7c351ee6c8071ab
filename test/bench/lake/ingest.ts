/** Rows on their way in, on one core: into the journal, from there into a sealed file of the lake; beside the engine's own COPY of the same lines. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { EventDraft } from '../../../agent/base/event.ts'
import { literal, openEngine } from '../../../agent/lake/engine.ts'
import { settle } from '../../../agent/lake/settle.ts'
import { makeSite, START_US } from '../../lake/site.ts'
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
  const drafts = Array.from({ length: rows }, (_, i) => draftOf(i))
  const paces = { journal: noPace(), settle: noPace(), copy: noPace() }
  for (let round = 0; round < rounds; round++) {
    const site = await makeSite()
    try {
      let lines = ''
      await paced(paces.journal, rows, async () => {
        for (let at = 0; at < rows; at += WRITE_ROWS) await site.write(drafts.slice(at, at + WRITE_ROWS)) // biome-ignore format: one line
      })
      await paced(paces.settle, rows, async () => {
        const { rows: settled, faults } = await settle(site.lake())
        if (settled !== rows || faults.length > 0) throw new Error(`settled ${settled}: ${faults}`)
      })
      lines = drafts.map((draft) => JSON.stringify({ tenant_id: 'alfa', fleet_id: 'alfa', event_id: '01890000-0000-7000-8000-000000000000', ingest_time: START_US, appliance_id: site.tenants[0]?.appliance_id, ...draft })).join('\n') // biome-ignore format: one line
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

async function copyPlain(
  folder: string,
  lines: string,
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
  const [start, cpu] = [performance.now(), process.cpuUsage()]
  await act()
  const { user, system } = process.cpuUsage(cpu)
  into.wall.push((rows / (performance.now() - start)) * 1000)
  into.core.push((rows / (user + system)) * 1e6)
}

function paceOf({ wall, core }: Measured): Pace {
  return { wall: spreadOf(wall.map(Math.round)), core: spreadOf(core.map(Math.round)) }
}
