/** Boxes of a fleet as processes: picket-keys and picket-link on a data folder each, steered by the command line. */
import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { initTenant } from '../../agent/control/init-tenant.ts'
import { keysForCli, keysForLink } from '../../agent/control/keys-client.ts'
import { LinkClient } from '../../agent/control/link-client.ts'
import { connect } from '../../agent/control/rpc.ts'
import { socketPath } from '../../agent/control/sockets.ts'
import { NODE_FLAGS } from '../../agent/control/units.ts'
import type { Tenant } from '../../agent/tenancy/tenant.ts'
import { freePort } from '../link/free-port.ts'
import { DIES_WITH_US } from '../traffic/dies-with-us.ts'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const PICKET = at('../../agent/cli.ts')
const PROGRAMS = {
  keys: at('../../agent/control/run-keys.ts'),
  link: at('../../agent/control/run-link.ts'),
}
const READY_MS_MAX = 60_000
const POLL_MS = 25

export interface Said {
  code: number | null
  out: string
  err: string
}

export class FleetBox {
  readonly data: string
  readonly tenant: Tenant
  readonly door: string
  readonly keys: ReturnType<typeof keysForCli>
  readonly linkKeys: ReturnType<typeof keysForLink>
  readonly #programs = new Map<keyof typeof PROGRAMS, ChildProcess>()
  /** All that the processes wrote, at the level debug. */
  logs = ''

  private constructor(data: string, tenant: Tenant, door: string) {
    this.data = data
    this.tenant = tenant
    this.door = door
    this.keys = keysForCli(data)
    this.linkKeys = keysForLink(data)
  }

  static async open(tenant_id: string, before: (data: string) => void = () => {}) {
    const data = mkdtempSync(join(tmpdir(), `picket-${tenant_id}-`))
    const tenant = await initTenant(data, { tenant_id, fleet_id: 'acme' })
    const [mqttPort, doorPort] = [await freePort(), await freePort()]
    const fleet = { host: '127.0.0.1', mqttPort, doorPort }
    const config = { siteName: `Works of ${tenant_id}`, summary: { periodSeconds: 1 }, fleet }
    writeFileSync(join(data, 'config.json'), JSON.stringify(config))
    chmodSync(join(data, 'config.json'), 0o600)
    before(data)
    const box = new FleetBox(data, tenant, `127.0.0.1:${doorPort}`)
    await box.start('keys')
    await box.start('link')
    return box
  }

  async start(name: keyof typeof PROGRAMS): Promise<void> {
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
    await this.until(`picket-${name} answers`, async () => {
      if (child.exitCode !== null) throw new Error(`it ended: ${this.logs.slice(-800)}`)
      const rpc = await connect(socketPath(this.data, name, 'cli'))
      rpc.close()
      return true
    })
  }

  async kill(name: keyof typeof PROGRAMS, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#programs.get(name)
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise((done) => child.once('exit', done))
    child.kill(signal)
    await gone
  }

  pids(): number[] {
    return [...this.#programs.values()].flatMap(({ pid }) => pid ?? [])
  }

  /** `picket …`; `watch` is called with its process id while it runs. */
  picket(args: readonly string[], stdin = '', watch: (pid: number) => void = () => {}) {
    const child = spawn(process.execPath, [PICKET, ...args, '--data', this.data])
    child.stdin.on('error', () => {})
    child.stdin.end(stdin)
    const said: Said = { code: null, out: '', err: '' }
    child.stdout.on('data', (chunk: Buffer) => {
      said.out += chunk.toString()
    })
    child.stderr.on('data', (chunk: Buffer) => {
      said.err += chunk.toString()
    })
    const timer = setInterval(() => watch(child.pid as number), 5)
    return new Promise<Said>((done) =>
      child.on('close', (code) => {
        clearInterval(timer)
        done({ ...said, code })
      }),
    )
  }

  async link<T>(use: (link: LinkClient) => Promise<T>): Promise<T> {
    const link = await LinkClient.open(this.data, 'cli')
    return use(link).finally(() => link.close())
  }

  /** What this primary shows of a site. */
  async site(tenant_id: string) {
    const { sites } = await this.link((link) => link.fleet({}))
    return sites.find((each) => each.tenant_id === tenant_id)
  }

  async until(what: string, holds: () => Promise<unknown>, ms = READY_MS_MAX): Promise<void> {
    const deadline = performance.now() + ms
    for (let last: unknown; ; ) {
      try {
        if (await holds()) return
      } catch (error) {
        last = error
      }
      if (performance.now() > deadline)
        throw new Error(`not within ${ms} ms: ${what}`, { cause: last })
      await new Promise((done) => setTimeout(done, POLL_MS))
    }
  }

  async close(after: (data: string) => void = () => {}): Promise<void> {
    this.keys.close()
    this.linkKeys.close()
    for (const name of ['link', 'keys'] as const) await this.kill(name)
    after(this.data)
    rmSync(this.data, { recursive: true, force: true })
  }
}
