/** A real picket-guard on the gateway of three networks, with a key that stands in for picket-keys. */
import type { ChildProcess } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../agent/base/clock.ts'
import { newUid, uuidV7 } from '../../agent/base/ids.ts'
import { type Envelope, keyId, type SignedType, signJson } from '../../agent/base/signing.ts'
import { type Action, GuardClient, type Plan } from '../../agent/control/guard-client.ts'
import { AT, ThreeNetworks, until } from './three-networks.ts'

const RUN_GUARD = new URL('../../agent/control/run-guard.ts', import.meta.url).pathname
export const TENANT = newUid()

export type Verb = 'approve' | 'reject' | 'undo'

/** A key pair as picket-keys would hold it, and its line in public.json. */
export function operatorKey(types: readonly SignedType[] = ['decision']) {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const spki = publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
  return { privateKey, line: { key_id: keyId(publicKey), spki, owner: 'picket-keys', types } }
}
export type OperatorKey = ReturnType<typeof operatorKey>

export function signed(
  key: OperatorKey,
  action: Pick<Action, 'action_id' | 'hash'>,
  verb: Verb,
  change: Record<string, string | number> = {},
): { action_id: string; hash: string; decision: Envelope } {
  const { action_id, hash } = action
  const at = Math.round(systemClock.nowUs())
  const nonce = randomBytes(16).toString('hex')
  const body = { action_id, hash, verb, by: 'thabo', at, nonce, ...change }
  return { action_id, hash, decision: signJson(key.privateKey, 'decision', body) }
}

export function aPlan(change: Partial<Plan> = {}): Plan {
  return {
    action_id: uuidV7(),
    kind: 'block',
    tenant_uid: TENANT,
    target: AT.attacker,
    durationMs: 3_600_000,
    reason: 'SSH guessing: 41 tries in 60 s',
    rule_id: 'base:ssh-guessing',
    finding_id: uuidV7(),
    evidence: 'proven',
    severity: 'high',
    plannedAt: Math.round(systemClock.nowUs()),
    ...change,
  }
}

export class GuardedSite {
  readonly networks: ThreeNetworks
  readonly data: string
  readonly key = operatorKey()
  readonly agent: GuardClient
  readonly web: GuardClient
  guard: ChildProcess | undefined
  /** What the guard wrote to its log. */
  said = ''

  private constructor(networks: ThreeNetworks, data: string) {
    this.networks = networks
    this.data = data
    this.agent = new GuardClient(data, 'agent')
    this.web = new GuardClient(data, 'web')
  }

  static async open(contain: object = {}, placement = 'gateway'): Promise<GuardedSite> {
    const data = mkdtempSync(join(tmpdir(), 'picket-guard-'))
    const site = new GuardedSite(await ThreeNetworks.open(), data)
    mkdirSync(join(data, 'keys'))
    site.publish([site.key.line])
    if (placement === 'bridge') await site.networks.bridge()
    site.configure(contain, placement)
    await site.startGuard()
    return site
  }

  /** Beside a real picket-keys, in its folder. */
  static async beside(data: string): Promise<GuardedSite> {
    const site = new GuardedSite(await ThreeNetworks.open(), data)
    site.configure({})
    await site.startGuard()
    return site
  }

  publish(lines: readonly object[]): void {
    writeFileSync(join(this.data, 'keys', 'public.json'), JSON.stringify(lines))
  }

  configure(contain: object, placement = 'gateway'): void {
    writeFileSync(
      join(this.data, 'config.json'),
      JSON.stringify({ network: { placement }, contain: { additionsPerMinute: 100, ...contain } }),
    )
  }

  async startGuard(prefix: readonly string[] = []): Promise<void> {
    const command = [...prefix, process.execPath, RUN_GUARD, '--data', this.data]
    const child = this.networks.start('gateway', command)
    this.guard = child
    child.stderr?.on('data', (chunk) => {
      this.said += chunk
    })
    await until(async () => {
      if (child.exitCode !== null) throw new Error(`the guard ended: ${this.said}`)
      return this.web.status().then(
        () => true,
        () => false,
      )
    }, 'the guard answers')
  }

  /** As power loss would: no warning. Returns when it is gone. */
  async killGuard(): Promise<void> {
    const child = this.guard as ChildProcess
    child.kill('SIGKILL')
    await until(() => child.exitCode !== null || child.signalCode !== null, 'the guard is gone')
  }

  approve(action: Action): Promise<Action> {
    return this.web.approve(signed(this.key, action, 'approve'))
  }

  undo(action: Action): Promise<Action> {
    return this.web.undo(signed(this.key, action, 'undo'))
  }

  /** As the guard lists it now. */
  async find(action_id: string): Promise<Action> {
    const found = (await this.web.list()).find((action) => action.action_id === action_id)
    if (!found) throw new Error('the action is not listed')
    return found
  }

  /** The kernel's own word, asked by another program than ours. */
  ruleset(): Promise<string> {
    return this.networks.run('gateway', ['nft', 'list', 'ruleset'])
  }

  close(): void {
    if (this.guard?.exitCode) process.stderr.write(this.said) // it died: show why
    this.agent.close()
    this.web.close()
    this.networks.close()
    rmSync(this.data, { recursive: true, force: true })
  }
}
