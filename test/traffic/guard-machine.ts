/** A guard in this process over a kernel's table that forgets by time, a disk, and clocks that a test sets. */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Failure } from '../../agent/base/failure.ts'
import { uuidV7 } from '../../agent/base/ids.ts'
import { silentLog } from '../../agent/base/log.ts'
import { keyId, signJson } from '../../agent/base/signing.ts'
import type { Action, Plan } from '../../agent/contain/action.ts'
import { elementKey } from '../../agent/contain/elements.ts'
import { Guard, type GuardParts } from '../../agent/contain/guard.ts'
import { Ledger } from '../../agent/contain/ledger.ts'
import { NeverBlock } from '../../agent/contain/never-block.ts'
import type { Counted, Firewall } from '../../agent/contain/nft.ts'
import { type BootClock, RunClock } from '../../agent/contain/run-clock.ts'

export const START_US = 1_800_000_000_000_000
const HOUR_MS = 3_600_000
const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const known = new Map([
  [keyId(publicKey), { key: publicKey, owner: 'keys', types: ['decision'] as const }],
])

/** A machine: clocks that a test sets, a kernel table that forgets by time, a disk. */
export class Machine {
  readonly folder = mkdtempSync(join(tmpdir(), 'picket-guard-'))
  wallUs = START_US
  upMs = 1000
  bootId = 'b1'
  table = new Map<string, Counted & { endsUpMs: number }>()
  broken: string | undefined
  guard: Guard
  #ledger: Ledger | undefined

  constructor() {
    this.guard = this.start()
  }

  boot: BootClock = { bootId: () => this.bootId, upMs: () => this.upMs }

  readonly firewall: Firewall = {
    prepare: () => this.broken,
    discard: () => this.table.clear(),
    change: ({ add = [], remove = [] }) => {
      this.#expire()
      if (this.broken) throw new Failure('unavailable', this.broken)
      for (const each of remove)
        if (!this.table.delete(elementKey(each))) throw new Failure('unavailable', 'No such file')
      for (const { leftMs, ...each } of add)
        this.table.set(elementKey(each), {
          ...{ ...each, packets: 0, bytes: 0, expiresSeconds: 0 },
          endsUpMs: this.upMs + leftMs + 2000,
        })
    },
    list: () => {
      this.#expire()
      return [...this.table.values()].map((each) => ({
        ...each,
        expiresSeconds: Math.floor((each.endsUpMs - this.upMs) / 1000),
      }))
    },
  }

  #expire(): void {
    for (const [key, { endsUpMs }] of this.table) if (endsUpMs <= this.upMs) this.table.delete(key)
  }

  /** A new process over the same disk and kernel. */
  start(change: Partial<GuardParts['limits']> = {}, parts: Partial<GuardParts> = {}): Guard {
    this.#ledger?.close()
    const ledger = new Ledger(join(this.folder, 'actions.jsonl'))
    this.#ledger = ledger
    this.guard = new Guard({
      firewall: this.firewall,
      place: 'gateway',
      facts: () => ({ forwards4: true, forwards6: true, bridges: false }),
      neverBlock: new NeverBlock({
        own: () => [],
        resolverFiles: () => [],
        configured: [],
        controllers: () => [],
      }),
      keys: () => known,
      ledger,
      run: new RunClock(this.boot, ledger.lastMark),
      clock: { nowUs: () => this.wallUs, steadyMs: () => this.upMs },
      limits: { policy: 'propose', liveMax: 256, additionsPerMinute: 100, ...change },
      log: silentLog,
      ...parts,
    })
    return this.guard
  }

  /** Time passes for all clocks alike; the guard looks each second. */
  pass(ms: number): void {
    for (let left = ms; left > 0; left -= 1000) {
      const step = Math.min(1000, left)
      this.upMs += step
      this.wallUs += step * 1000
      this.guard.tick()
    }
  }

  /** Power is lost and comes back; the kernel's table is gone with it. */
  reboot(downMs: number, wallOffMs = 0): void {
    this.table.clear()
    this.bootId = `b${Math.random()}`
    this.upMs = 20_000
    this.wallUs += (downMs + wallOffMs) * 1000
    this.start()
  }

  /** What a person decided, signed now. */
  decision({ action_id, hash }: Action, verb: 'approve' | 'reject' | 'undo') {
    const nonce = randomBytes(16).toString('hex')
    const body = { action_id, hash, verb, by: 'thabo', at: this.wallUs, nonce }
    return { action_id, hash, decision: signJson(privateKey, 'decision', body) }
  }

  decide(action: Action, verb: 'approve' | 'reject' | 'undo'): Action {
    return this.guard[verb](this.decision(action, verb))
  }

  block(change: Partial<Plan> = {}): Action {
    return this.decide(this.guard.propose(planOf(change)), 'approve')
  }

  find({ action_id }: Action): Action {
    return this.guard.list().find((each) => each.action_id === action_id) as Action
  }
}

export const planOf = (change: Partial<Plan> = {}): Plan => ({
  action_id: uuidV7(),
  kind: 'block',
  tenant_uid: 'a'.repeat(32),
  target: '10.0.0.66',
  durationMs: HOUR_MS,
  reason: 'SSH guessing',
  rule_id: 'base:ssh-guessing',
  finding_id: uuidV7(),
  evidence: 'proven',
  severity: 'high',
  plannedAt: START_US,
  ...change,
})
