/**
 * A whole box, as `picket up` starts it, at the gateway between two networks with real traffic; and a
 * subscriber that keeps the id of every row the agent acknowledged. Works as root and without.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Failure } from '../../agent/base/failure.ts'
import { AgentClient, type SiteStatus } from '../../agent/control/agent-client.ts'
import { type Action, GuardClient } from '../../agent/control/guard-client.ts'
import { initTenant } from '../../agent/control/init-tenant.ts'
import { keysForCli } from '../../agent/control/keys-client.ts'
import type { LakeClient } from '../../agent/control/lake-client.ts'
import type { UnitName } from '../../agent/control/units.ts'
import type { Tenant } from '../../agent/tenancy/tenant.ts'
import { aPlan } from '../traffic/guarded-site.ts'
import { ThreeNetworks } from '../traffic/three-networks.ts'
import { askLake, siteStatus } from './box-sockets.ts'
import { PicketUp } from './picket-up.ts'

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
  readonly #up: PicketUp
  #closed = false

  private constructor(networks: ThreeNetworks, data: string, tenant: Tenant) {
    this.networks = networks
    this.data = data
    this.tenant = tenant
    this.keys = keysForCli(data)
    this.guard = new GuardClient(data, 'cli')
    this.#up = new PicketUp(data, networks.start('gateway', PicketUp.command(data)))
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
      await box.#up.ready()
    } catch (error) {
      process.stderr.write(box.#up.complaint())
      await box.close()
      throw error
    }
    box.#subscribe()
    return box
  }

  /** Frames that the capture port has received since it was made. */
  async received(): Promise<number> {
    const text = await this.networks.run('gateway', ['cat', '/proc/self/net/dev'])
    return Number(/^\s*hosts:\s*\d+\s+(\d+)/m.exec(text)?.[1])
  }

  /** The process of that program now. */
  pid(name: UnitName): number {
    return this.#up.unit(name).pid as number
  }

  /** As power loss would. Resolves when the supervisor has it ready again. */
  async kill(name: UnitName): Promise<Killed> {
    await this.#up.isReady(name) // it may have ended by itself with the one that was killed before
    const back = this.#up.kill(name)
    const at = performance.now()
    const receivedBefore = await this.received()
    await back()
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

  async close(): Promise<void> {
    this.#closed = true
    this.keys.close()
    this.guard.close()
    await this.#up.stop()
    this.networks.close()
    rmSync(this.data, { recursive: true, force: true })
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
