/**
 * A whole box, as `picket up` starts it, at the gateway between two networks with real traffic; and a
 * subscriber that keeps the id of every row the agent acknowledged. Works as root and without.
 */
import type { ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Failure } from '../../agent/base/failure.ts'
import { AgentClient, type SiteStatus } from '../../agent/control/agent-client.ts'
import { type Action, GuardClient } from '../../agent/control/guard-client.ts'
import { initTenant } from '../../agent/control/init-tenant.ts'
import { keysForCli } from '../../agent/control/keys-client.ts'
import type { LakeClient } from '../../agent/control/lake-client.ts'
import type { UnitStatus } from '../../agent/control/supervisor.ts'
import type { UnitName } from '../../agent/control/units.ts'
import type { Tenant } from '../../agent/tenancy/tenant.ts'
import { aPlan } from '../traffic/guarded-site.ts'
import { ThreeNetworks, until } from '../traffic/three-networks.ts'
import { askLake, siteStatus } from './box-sockets.ts'

const PICKET = fileURLToPath(new URL('../../agent/cli.ts', import.meta.url))
const READY_MS_MAX = 60_000
const RESUBSCRIBE_MS = 20

export interface Killed {
  name: UnitName
  /** Frames that the capture port had received when it was dead. */
  receivedBefore: number
  backMs: number
}

export class WholeBox {
  readonly networks: ThreeNetworks
  readonly data: string
  readonly tenant: Tenant
  readonly keys: ReturnType<typeof keysForCli>
  readonly guard: GuardClient
  /** event_id of every row that a subscriber was told is on disk. */
  readonly acknowledged = new Set<string>()
  /** Told twice: must stay 0. */
  toldTwice = 0
  readonly #up: ChildProcess
  #said = ''
  #closed = false

  private constructor(networks: ThreeNetworks, data: string, tenant: Tenant) {
    this.networks = networks
    this.data = data
    this.tenant = tenant
    this.keys = keysForCli(data)
    this.guard = new GuardClient(data, 'cli')
    const command = [process.execPath, PICKET, 'up', '--data', data, '--log', join(data, 'log')]
    this.#up = networks.start('gateway', command)
    for (const stream of [this.#up.stdout, this.#up.stderr])
      stream?.on('data', (chunk: Buffer) => {
        this.#said = (this.#said + chunk.toString()).slice(-4000)
      })
  }

  static async open(lake: object): Promise<WholeBox> {
    const data = mkdtempSync(join(tmpdir(), 'whole-box-'))
    const tenant = await initTenant(data, { tenant_id: 'alfa' })
    mkdirSync(join(data, 'log'))
    const config = {
      capture: { interfaces: ['hosts'], shards: 1, ringMiB: 8 },
      network: { home: ['10.10.0.0/16'], placement: 'gateway' },
      lake,
    }
    writeFileSync(join(data, 'config.json'), JSON.stringify(config))
    const box = new WholeBox(await ThreeNetworks.open(), data, tenant)
    try {
      await until(() => box.#allReady(), 'all processes are ready', READY_MS_MAX)
    } catch (error) {
      process.stderr.write(box.complaint())
      await box.close()
      throw error
    }
    box.#subscribe()
    return box
  }

  unit(name: UnitName): UnitStatus {
    const units = this.#units()
    const found = units.find((unit) => unit.name === name)
    if (!found) throw new Error(`picket up knows no ${name}`)
    return found
  }

  /** Frames that the capture port has received since it was made. */
  async received(): Promise<number> {
    const text = await this.networks.run('gateway', ['cat', '/proc/self/net/dev'])
    return Number(/^\s*hosts:\s*\d+\s+(\d+)/m.exec(text)?.[1])
  }

  /** As power loss would. Resolves when the supervisor has it ready again. */
  async kill(name: UnitName): Promise<Killed> {
    const { pid, restarts } = this.unit(name)
    process.kill(pid as number, 'SIGKILL')
    const at = performance.now()
    const receivedBefore = await this.received()
    const isBack = () => {
      const now = this.unit(name)
      return now.restarts > restarts && now.state === 'ready'
    }
    await until(isBack, `${name} is ready again`, READY_MS_MAX)
    return { name, receivedBefore, backMs: performance.now() - at }
  }

  /** A block, proposed as the agent does and approved by the operator at the box. */
  async block(target: string): Promise<Action> {
    const agent = new GuardClient(this.data, 'agent')
    try {
      const { tenant_uid } = this.tenant
      const { action_id, hash } = await agent.propose(aPlan({ tenant_uid, target }))
      const decision = await this.keys.decide({ action_id, hash, verb: 'approve' })
      return await this.guard.approve({ action_id, hash, decision })
    } finally {
      agent.close()
    }
  }

  status(): Promise<SiteStatus> {
    return siteStatus(this.data)
  }

  lake<T>(use: (lake: LakeClient) => Promise<T>): Promise<T> {
    return askLake(this.data, use)
  }

  async ask(sql: string): Promise<unknown[][]> {
    return (await this.keys.query({ scope: [this.tenant.tenant_id], sql })).rows
  }

  /** The kernel's own word, asked by another program than ours. */
  ruleset(): Promise<string> {
    return this.networks.run('gateway', ['nft', 'list', 'ruleset'])
  }

  /** The end of each log, for a failure that needs a reason. */
  complaint(): string {
    const last = (name: string) => {
      try {
        const lines = readFileSync(join(this.data, 'log', `${name}.log`), 'utf8')
          .trim()
          .split('\n')
        return `--- ${name}\n${lines.slice(-6).join('\n')}\n`
      } catch {
        return ''
      }
    }
    return `${this.#said}\n${['keys', 'guard', 'lake', 'agent', 'web'].map(last).join('')}`
  }

  async close(): Promise<void> {
    this.#closed = true
    this.keys.close()
    this.guard.close()
    if (this.#up.exitCode === null && this.#up.signalCode === null) {
      const gone = new Promise((done) => this.#up.once('exit', done))
      this.#up.kill('SIGTERM')
      await gone
    }
    this.networks.close()
    rmSync(this.data, { recursive: true, force: true })
  }

  #units(): UnitStatus[] {
    const text = readFileSync(join(this.data, 'run', 'up.json'), 'utf8')
    return (JSON.parse(text) as { units: UnitStatus[] }).units
  }

  #allReady(): boolean {
    if (this.#up.exitCode !== null) throw new Error(`picket up ended: ${this.complaint()}`)
    try {
      return this.#units().every(({ state }) => state === 'ready')
    } catch {
      return false // not written yet
    }
  }

  /** Again and again, as often as the agent is killed. */
  #subscribe(): void {
    if (this.#closed) return
    const again = () => void setTimeout(() => this.#subscribe(), RESUBSCRIBE_MS)
    AgentClient.open(this.data, 'cli').then(async (agent) => {
      agent.onClose(again)
      await agent
        .subscribe({
          event: ({ event_id }) => {
            if (this.acknowledged.has(event_id)) this.toldTwice++
            this.acknowledged.add(event_id)
          },
        })
        .catch((error: unknown) => {
          if (Failure.kindOf(error) !== 'unavailable') throw error
        })
      if (this.#closed) agent.close()
    }, again)
  }
}
