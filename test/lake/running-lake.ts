/**
 * picket-keys and picket-lake as real processes on a data folder, asked over their sockets and by the
 * command line. Cells and the SQL guard are started by picket-keys as on a box.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { initTenant } from '../../agent/control/init-tenant.ts'
import { keysForCli, keysForWeb, type QueryAnswer } from '../../agent/control/keys-client.ts'
import type { LakeClient, LakeFile } from '../../agent/control/lake-client.ts'
import { connect } from '../../agent/control/rpc.ts'
import { type CallerName, socketPath } from '../../agent/control/sockets.ts'
import { NODE_FLAGS } from '../../agent/control/units.ts'
import type { Tenant } from '../../agent/tenancy/tenant.ts'
import { DIES_WITH_US } from '../traffic/dies-with-us.ts'
import { askLake } from './box-sockets.ts'

const PICKET = fileURLToPath(new URL('../../agent/cli.ts', import.meta.url))
const PROGRAMS = {
  keys: fileURLToPath(new URL('../../agent/control/run-keys.ts', import.meta.url)),
  lake: fileURLToPath(new URL('../../agent/control/run-lake.ts', import.meta.url)),
} as const
const READY_MS_MAX = 30_000
const POLL_MS = 20

export type ProgramName = keyof typeof PROGRAMS

export interface Said {
  code: number | null
  out: string
  err: string
}

export class RunningLake {
  readonly data: string
  readonly tenants: readonly Tenant[]
  readonly cli: ReturnType<typeof keysForCli>
  readonly web: ReturnType<typeof keysForWeb>
  readonly #programs = new Map<ProgramName, ChildProcess>()
  /** What the processes wrote, at the level `debug`. */
  logs = ''

  private constructor(data: string, tenants: readonly Tenant[]) {
    this.data = data
    this.tenants = tenants
    this.cli = keysForCli(data)
    this.web = keysForWeb(data)
  }

  /** `fleets` by tenant. */
  static async open(fleets: Record<string, string>, config: object = {}): Promise<RunningLake> {
    const data = mkdtempSync(join(tmpdir(), 'lake-run-'))
    const tenants: Tenant[] = []
    for (const [tenant_id, fleet_id] of Object.entries(fleets))
      tenants.push(await initTenant(data, { tenant_id, fleet_id }))
    writeFileSync(
      join(data, 'config.json'),
      JSON.stringify({ lake: { compactFiles: 100, ...config } }),
    )
    const running = new RunningLake(data, tenants)
    await running.start('keys')
    await running.start('lake')
    return running
  }

  async start(name: ProgramName): Promise<void> {
    const words = [...DIES_WITH_US, process.execPath, ...NODE_FLAGS, PROGRAMS[name]]
    const child = spawn(words[0] as string, [...words.slice(1), '--data', this.data], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, PICKET_LOG: 'debug' },
    })
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => {
        this.logs += chunk.toString()
      })
    this.#programs.set(name, child)
    const deadline = performance.now() + READY_MS_MAX
    while (!(await answers(socketPath(this.data, name, 'cli')))) {
      if (child.exitCode !== null || performance.now() > deadline)
        throw new Error(`picket-${name} did not start: ${this.logs.slice(-1000)}`)
      await new Promise((done) => setTimeout(done, POLL_MS))
    }
  }

  async stop(name: ProgramName, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#programs.get(name)
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise((done) => child.once('exit', done))
    child.kill(signal)
    await gone
  }

  pid(name: ProgramName): number {
    return this.#programs.get(name)?.pid as number
  }

  tenant(tenant_id: string): Tenant {
    const found = this.tenants.find((each) => each.tenant_id === tenant_id)
    if (!found) throw new Error(`no tenant ${tenant_id}`)
    return found
  }

  /** Rows become one file of tier 1. */
  async import(tenant_id: string, rows: readonly object[]): Promise<void> {
    const path = join(this.data, 'run', 'rows.ndjson')
    writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
    await this.lake((lake) => lake.import({ tenant_id, path }))
    rmSync(path)
  }

  lake<T>(use: (lake: LakeClient) => Promise<T>, caller: CallerName = 'cli'): Promise<T> {
    return askLake(this.data, use, caller)
  }

  /** The tenant's files, oldest first, as picket-lake hands them to picket-keys. */
  async files(tenant_id: string): Promise<LakeFile[]> {
    const { tenant_uid } = this.tenant(tenant_id)
    const answer = await this.lake((lake) => lake.files({ tenant_uids: [tenant_uid] }), 'keys')
    return answer.tenants.flatMap(({ files }) => files)
  }

  ask(scope: string[], sql: string, partial = false): Promise<QueryAnswer> {
    return this.cli.query({ scope, sql, partial })
  }

  /** `picket …` as a shell runs it. */
  picket(...args: string[]): Promise<Said> {
    const child = spawn(process.execPath, [PICKET, ...args, '--data', this.data], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const said: Said = { code: null, out: '', err: '' }
    child.stdout.on('data', (chunk: Buffer) => {
      said.out += chunk.toString()
    })
    child.stderr.on('data', (chunk: Buffer) => {
      said.err += chunk.toString()
    })
    return new Promise((done) => child.on('close', (code) => done({ ...said, code })))
  }

  query(scope: string, sql: string, ...flags: string[]): Promise<Said> {
    return this.picket('query', '--scope', scope, '--sql', sql, '--json', ...flags)
  }

  async close(): Promise<void> {
    this.cli.close()
    this.web.close()
    for (const name of ['lake', 'keys'] as const) await this.stop(name)
    rmSync(this.data, { recursive: true, force: true })
  }
}

/** Every process below `pid`, as they are now: one that ends while we look has no children. */
export function descendants(pid: number): number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendants(child)])
}

function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    return text.trim().split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}

async function answers(path: string): Promise<boolean> {
  try {
    const client = await connect(path)
    client.close()
    return true
  } catch {
    return false
  }
}
