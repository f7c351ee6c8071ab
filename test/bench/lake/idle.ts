/** What a tenant costs that does nothing: in picket-lake, whose lake is open and looked at every settling, and on the disk. */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { silentLog } from '../../../agent/base/log.ts'
import { openEngine } from '../../../agent/lake/engine.ts'
import { Lake } from '../../../agent/lake/lake.ts'
import { openScratch } from '../../../agent/lake/scratch.ts'
import { ownKeys, tenant } from '../../lake/own-keys.ts'

const ROUNDS = 20
const SETTLE_SECONDS = 2 // the default of config.json

export interface Idle {
  tenants: number
  /** Of the process with this many, and what each beyond the first adds. */
  mb: number
  mbEach: number
  filesEach: number
  cpuSecondsAnHourEach: number
}

/** Each number in a process of its own, so that one's heap is not the next one's. */
export async function idleTenants(counts: readonly number[]): Promise<Idle[]> {
  const measured: Idle[] = []
  let base = 0
  for (const count of counts) {
    const one = (await inProcess(count)) as Omit<Idle, 'mbEach'>
    base ||= one.mb
    const mbEach = count === 1 ? 0 : Math.round(((one.mb - base) / (count - 1)) * 1000) / 1000
    measured.push({ ...one, mbEach })
  }
  return measured
}

function inProcess(count: number): Promise<unknown> {
  const child = spawn(process.execPath, ['--expose-gc', fileURLToPath(import.meta.url), String(count)], { stdio: ['ignore', 'pipe', 'inherit'] }) // biome-ignore format: one line
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  return new Promise((done, fail) =>
    child.on('close', (code) => (code === 0 ? done(JSON.parse(said)) : fail(new Error(said)))),
  )
}

async function measure(count: number): Promise<Omit<Idle, 'mbEach'>> {
  const data = mkdtempSync(join(tmpdir(), 'idle-'))
  const tenants = Array.from({ length: count }, (_, i) => tenant(`site-${i}`))
  const engine = await openEngine({ memoryMiB: 512 })
  const scratch = openScratch(data)
  try {
    const keys = ownKeys(tenants, data, randomBytes(32))
    const lake = new Lake({ data, keys, log: silentLog, engine, scratch, compactFiles: 4, retentionDays: 180, budgets: { ringBytes: 0, journalBytes: 1 << 30, lakeBytes: 1 << 30 } }) // biome-ignore format: one line
    await lake.refresh()
    await lake.work()
    const cpu = process.cpuUsage()
    for (let i = 0; i < ROUNDS; i++) await lake.work()
    const { user, system } = process.cpuUsage(cpu)
    global.gc?.()
    const mb = Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 102.4) / 10 // biome-ignore format: one line
    const files = readdirSync(data, { recursive: true, withFileTypes: true }).filter((each) => each.isFile()).length // biome-ignore format: one line
    const perRound = (user + system) / 1e6 / ROUNDS / count
    await lake.close()
    return {
      tenants: count,
      mb,
      filesEach: Math.round((files / count) * 10) / 10,
      cpuSecondsAnHourEach: Math.round(perRound * (3600 / SETTLE_SECONDS) * 1000) / 1000,
    }
  } finally {
    engine.closeSync()
    rmSync(scratch, { recursive: true, force: true })
    rmSync(data, { recursive: true, force: true })
  }
}

const [, program, count] = process.argv
if (program === fileURLToPath(import.meta.url) && count !== undefined)
  process.stdout.write(JSON.stringify(await measure(Number(count))))
