/**
 * The agent's side of containment: a finding becomes a plan and is proposed; what the guard says of its actions
 * becomes rows. The agent proposes only: it cannot decide.
 */
import { inPrefix, type Prefix, parseAddress } from './base/address.ts'
import type { EventDraft } from './base/event.ts'
import { uuidV7 } from './base/ids.ts'
import type { Log } from './base/log.ts'
import type { Action } from './contain/action.ts'
import { describe, type FindingFacts, planFor, planKey } from './contain/plan.ts'
import type { GuardClient } from './control/guard-client.ts'
import type { Finding } from './detect/findings.ts'

const KNOWN_MAX = 4096

export interface ContainmentOptions {
  guard: Pick<GuardClient, 'propose' | 'controllers' | 'watch'>
  tenant_uid: string
  home: readonly Prefix[]
  durationMinutes: number
  record(drafts: readonly EventDraft[]): void
  log: Log
}

export class Containment {
  readonly #options: ContainmentOptions
  readonly #actions = new Map<string, Action>()
  readonly #controllers = new Set<string>()
  readonly counters = { plans: 0, proposalsFailed: 0, controllersDropped: 0 }
  #stop: () => void = () => {}

  constructor(options: ContainmentOptions) {
    this.#options = options
  }

  start(): void {
    this.#stop = this.#options.guard.watch((action) => this.#changed(action))
  }

  stop(): void {
    this.#stop()
  }

  get waiting(): number {
    return this.#count('proposed')
  }

  get active(): number {
    return this.#count('active')
  }

  /** Where a finding asks for a block, the guard is told; it decides what may become of it. */
  found({ draft, evidence }: Finding): void {
    const { guard, tenant_uid, durationMinutes, log } = this.#options
    if (draft.src_ip === undefined) return
    const { plans } = planFor(this.#facts(draft, evidence, tenant_uid), {
      durationMinutes,
      nowUs: Date.now() * 1000,
      newId: uuidV7,
      live: this.#live(),
    })
    for (const plan of plans) {
      this.counters.plans++
      guard.propose(plan).then(
        (action) => this.#changed(action),
        (error: Error) => {
          this.counters.proposalsFailed++
          log.warn({ rule_id: plan.rule_id, because: error.message }, 'contain.not-proposed')
        },
      )
    }
  }

  /** A device that serves an industrial protocol: never to be blocked. Told again after a restart of the guard. */
  controller(address: string): void {
    if (this.#controllers.size >= KNOWN_MAX && !this.#controllers.has(address)) {
      this.counters.controllersDropped++
      return
    }
    this.#controllers.add(address)
    const { guard, tenant_uid, log } = this.#options
    guard.controllers(tenant_uid, [address]).catch((error: Error) => {
      log.warn({ because: error.message }, 'contain.controller-not-told')
    })
  }

  #facts(draft: Finding['draft'], evidence: Finding['evidence'], tenant_uid: string): FindingFacts {
    const {
      event_id,
      rule_id,
      severity,
      message,
      event_time,
      src_ip = '',
      dest_ip,
      dest_port,
      proto,
      record,
    } = draft
    const { category } = (record?.alert ?? {}) as { category?: string }
    const lower = proto?.toLowerCase()
    return {
      event_id,
      tenant_uid,
      rule_id,
      severity,
      evidence,
      title: message,
      timeUs: event_time,
      src: src_ip,
      ...(dest_ip !== undefined && { dest: dest_ip }),
      ...(dest_port !== undefined && { port: dest_port }),
      ...((lower === 'tcp' || lower === 'udp') && { proto: lower }),
      srcHome: this.#isHome(src_ip),
      destHome: dest_ip !== undefined && this.#isHome(dest_ip),
      ...(category !== undefined && { category }),
    }
  }

  #isHome(text: string): boolean {
    const words = parseAddress(text)
    return words !== undefined && this.#options.home.some((prefix) => inPrefix(words, 0, prefix))
  }

  #live(): Set<string> {
    const keys = new Set<string>()
    for (const action of this.#actions.values())
      if (action.state === 'proposed' || action.state === 'active') keys.add(planKey(action))
    return keys
  }

  #count(state: Action['state']): number {
    let count = 0
    for (const action of this.#actions.values()) if (action.state === state) count++
    return count
  }

  /** A change of state is a row; counters that tick are not. */
  #changed(action: Action): void {
    const before = this.#actions.get(action.action_id)
    this.#actions.set(action.action_id, action)
    if (this.#actions.size > KNOWN_MAX) this.#forgetOldest()
    const fresh =
      Date.now() * 1000 - (action.endedAt ?? action.decidedAt ?? action.proposedAt) < 60e6
    if (before?.state !== action.state && (before !== undefined || fresh))
      this.#options.record([rowOf(action)])
  }

  #forgetOldest(): void {
    for (const [id, { state }] of this.#actions) {
      if (state === 'proposed' || state === 'active') continue
      this.#actions.delete(id)
      return
    }
  }
}

function rowOf(action: Action): EventDraft {
  const { state, target, dest, port, proto, rule_id, because, decidedBy } = action
  const at = action.endedAt ?? action.activeAt ?? action.decidedAt ?? action.proposedAt
  const by = decidedBy === undefined ? '' : ` by ${decidedBy}`
  return {
    kind: 'action',
    event_time: at,
    rule_id,
    src_ip: target,
    dest_ip: dest,
    dest_port: port,
    proto: proto?.toUpperCase(),
    user: decidedBy,
    action: state,
    message: `${state}${by}: ${because ?? describe(action)}`,
    record: { event_type: 'action', action: { ...action } },
  }
}
