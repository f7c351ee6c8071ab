/**
 * The guard's mind: which action is in which state, and why. Everything outside is handed in. States only go
 * forward (proposed → active → ended); each is on disk before anybody is told, and each step asks the
 * never-block list again, because the gateway of an hour ago may not be the gateway of now.
 */
import { parsePrefix } from '../base/address.ts'
import type { Clock } from '../base/clock.ts'
import { Failure } from '../base/failure.ts'
import type { Log } from '../base/log.ts'
import type { KnownKey } from '../base/signing.ts'
import type { Action, ActionState, Plan } from './action.ts'
import { Book } from './book.ts'
import { Budget, type Limits } from './budget.ts'
import { update } from './counting.ts'
import { type Decided, type DecisionRequest, type Verb, verifyDecision } from './decision.ts'
import { InForce } from './in-force.ts'
import type { Entry, Ledger } from './ledger.ts'
import type { NeverBlock, Protected } from './never-block.ts'
import type { Firewall } from './nft.ts'
import {
  isComing,
  type Place,
  type PlaceFacts,
  type Placement,
  placementOf,
  reaches,
} from './placement.ts'
import { decide, type Policy } from './policy.ts'
import { isSingle, planHash, readPlan } from './read-plan.ts'
import type { RunClock } from './run-clock.ts'

const LAPSE_MS = 3_600_000
const WAITING_MAX = 512
const BEAT_MS = 10_000
const RECHECK_MS = 5000
const TICK_MS = 1000
const EAGER_TICK_MS = 50 // while a new block has met nothing yet: `firstDropAt` should be close to the truth
const EAGER_FOR_US = 5e6

export interface GuardParts {
  firewall: Firewall
  place: Place
  facts: () => PlaceFacts
  neverBlock: NeverBlock
  keys: () => ReadonlyMap<string, KnownKey>
  ledger: Ledger
  run: RunClock
  clock: Clock
  limits: Limits & { policy: Policy }
  log: Log
}

export interface GuardStatus extends Placement, Limits {
  place: Place
  policy: Policy
  active: number
  waiting: number
  additionsLastMinute: number
  /** Lines of the ledger that were damaged when it was opened. */
  damagedLines: number
  counters: Record<string, number>
}

export class Guard {
  readonly #parts: GuardParts
  readonly #book: Book
  readonly #inForce: InForce
  readonly #budget: Budget
  readonly #counters: Record<string, number> = {}
  /** Why the kernel's table cannot be used, as a sentence. */
  #fault: string | undefined
  #beatAt = 0
  #recheckAt = 0

  /** Goes on from the ledger: what was in force is in force again for the time it has left. */
  constructor(parts: GuardParts) {
    this.#parts = parts
    this.#book = new Book(parts)
    this.#inForce = new InForce(parts.firewall, parts.log)
    this.#budget = new Budget(parts.limits)
    if (parts.place === 'tap') parts.firewall.discard()
    else this.#fault = parts.firewall.prepare()
    const placement = this.placement()
    if (!placement.enforces && !isComing(parts.place, this.#fault))
      for (const entry of this.#book.active())
        this.#end(entry, 'undone', `Ended by the guard. ${placement.sentence}`)
    else this.#inForce.match(this.#book.held())
    this.#endDue()
    this.#recheck()
    this.#beat()
    for (const { dueRunMs = 0, action } of this.#book.active())
      this.#budget.added(dueRunMs - action.durationMs) // when it began: a restart gives no new budget
  }

  onChange(listener: (action: Action) => void): () => void {
    return this.#book.onChange(listener)
  }

  /** A plan becomes a proposal, a block, or a refusal with its reason. The same wish twice is one action. */
  propose(input: unknown): Action {
    const { plan, target } = readPlan(input)
    this.#endDue()
    this.#budget.plan(this.#parts.run.nowMs())
    const hash = planHash(plan)
    const known = this.#book.get(plan.action_id)?.action
    if (known?.hash === hash) return { ...known }
    if (known && known.state !== 'proposed')
      throw new Failure('conflict', `This action is ${known.state} already.`)

    const at = this.#parts.clock.nowUs()
    const lapsesAt = at + LAPSE_MS * 1000
    const action: Action = { ...plan, hash, state: 'proposed', proposedAt: at, lapsesAt }
    const never = this.#parts.neverBlock.why(target, plan.tenant_uid)
    if (never !== undefined) return this.#refuse(action, never)
    if (!isSingle(target))
      return this.#refuse(action, `${plan.target} is a prefix; only single hosts are blocked.`)
    const verdict = decide(plan, this.#parts.limits.policy, this.placement(plan.target))
    if (verdict.act === 'none') return this.#refuse(action, verdict.because)

    const twin = known ? undefined : this.#book.twin(plan)
    if (twin && (twin.action.state === 'active' || verdict.act === 'propose'))
      return { ...twin.action }
    if (twin) this.#end(twin, 'lapsed', 'A plan with proven evidence took its place.')
    else if (!known) this.#makeRoom(plan)
    const obstacle = verdict.act === 'automatic' ? this.#obstacle() : undefined
    action.because = obstacle ? `${obstacle} It waits for a person.` : verdict.because
    const entry = { action, dueRunMs: this.#parts.run.nowMs() + LAPSE_MS }
    if (verdict.act === 'propose' || obstacle) return this.#book.save(entry)
    try {
      return this.#activate(action, 'policy', () => {
        return Math.max(0, (this.#parts.clock.nowUs() - plan.plannedAt) / 1000)
      })
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      action.because = `${error.message} It waits for a person.`
      return this.#book.save(entry)
    }
  }

  /** Carries out a proposal that a person approved; `refused` with its reason if it must not be. */
  approve(request: DecisionRequest): Action {
    const began = this.#parts.clock.steadyMs()
    const { entry, decided } = this.#decided('approve', 'proposed', request)
    const { target, tenant_uid } = entry.action
    const placement = this.placement(target)
    const never = this.#parts.neverBlock.why(parsePrefix(target), tenant_uid)
    if (never !== undefined || !placement.enforces)
      return this.#end(entry, 'refused', never ?? placement.sentence, decided)
    const obstacle = this.#obstacle()
    if (obstacle) throw new Failure('too-many', obstacle)
    return this.#activate(entry.action, decided.by, () => this.#parts.clock.steadyMs() - began)
  }

  reject(request: DecisionRequest): Action {
    const { entry, decided } = this.#decided('reject', 'proposed', request)
    return this.#end(entry, 'rejected', `${decided.by} said no.`, decided)
  }

  undo(request: DecisionRequest): Action {
    const { entry, decided } = this.#decided('undo', 'active', request)
    this.#poll()
    return this.#end(entry, 'undone', `${decided.by} took it back.`)
  }

  list(): Action[] {
    return this.#book.list()
  }

  neverBlock(tenant_uid?: string): Protected[] {
    return this.#parts.neverBlock.list(tenant_uid)
  }

  status(): GuardStatus {
    const { limits, place, run } = this.#parts
    return {
      ...this.placement(),
      place,
      ...limits,
      active: this.#book.active().length,
      waiting: this.#book.waiting().length,
      additionsLastMinute: this.#budget.additionsLastMinute(run.nowMs()),
      damagedLines: this.#book.damagedLines,
      counters: { ...this.#counters },
    }
  }

  /** What can be enforced from here, and for this address if one is given. */
  placement(target?: string): Placement {
    const { place, facts, firewall } = this.#parts
    const now = facts()
    if (this.#fault !== undefined) this.#fault = firewall.prepare()
    const placement = placementOf(place, now, this.#fault)
    if (!placement.enforces || target === undefined) return placement
    const reach = reaches(place, now, target)
    return reach.enforces ? placement : reach
  }

  /** Time passes: ends what is due, reads the counters, mends the table. Returns when to call again, in ms. */
  tick(): number {
    const { run, clock } = this.#parts
    this.#poll()
    this.#endDue()
    const now = run.nowMs()
    if (now >= this.#recheckAt) this.#recheck()
    if (now >= this.#beatAt) this.#beat()
    let next = TICK_MS
    for (const entry of this.#book.live()) {
      const { state, firstDropAt, activeAt = 0 } = entry.action
      const fresh = state === 'active' && clock.nowUs() - activeAt < EAGER_FOR_US
      next = Math.min(next, this.#book.leftMs(entry), fresh && !firstDropAt ? EAGER_TICK_MS : next)
    }
    return Math.max(1, next)
  }

  /** First the kernel, then the disk: a crash between the two leaves an element that the next start removes. */
  #activate(action: Action, by: string, elapsedMs: () => number): Action {
    const { run, clock } = this.#parts
    const leftMs = action.durationMs
    this.#inForce.add({ action, leftMs })
    const decideToDropMs = Math.round(elapsedMs() * 1000) / 1000
    const now = clock.nowUs()
    const active: Action = {
      ...action,
      state: 'active',
      decidedAt: now,
      decidedBy: by,
      activeAt: now,
      endsAt: now + leftMs * 1000,
      decideToDropMs,
      packets: 0,
      bytes: 0,
    }
    this.#budget.added(run.nowMs())
    try {
      return this.#book.save({ action: active, dueRunMs: run.nowMs() + leftMs })
    } catch (error) {
      this.#inForce.remove([action], this.#book.held()) // what cannot be remembered must not stand
      throw error
    }
  }

  /** The entry that a signed decision is about; its nonce counts as used from here on. */
  #decided(verb: Verb, state: ActionState, request: DecisionRequest) {
    const { keys, clock } = this.#parts
    this.#endDue()
    const nowUs = clock.nowUs()
    const { nonces } = this.#book
    const decided = verifyDecision(request, { verb, known: keys(), nowUs, nonces })
    const entry = this.#book.get(request.action_id)
    if (!entry) throw new Failure('not-found', 'The guard knows no such action.')
    if (entry.action.hash !== request.hash)
      throw new Failure('conflict', 'The plan has changed since it was shown; look at it again.')
    if (entry.action.state !== state)
      throw new Failure('conflict', `This action is ${entry.action.state}; ${verb} came too late.`)
    this.#book.use(decided.nonce)
    return { entry, decided }
  }

  #obstacle(): string | undefined {
    return this.#budget.obstacle(this.#book.active().length, this.#parts.run.nowMs())
  }

  /** Spoofed traffic can raise plans: a proven one pushes out the oldest that is not. */
  #makeRoom(plan: Plan): void {
    const waiting = this.#book.waiting()
    if (waiting.length < WAITING_MAX) return
    this.#count('waitingFull')
    const weakest = waiting.find(({ action }) => action.evidence === 'spoofable')
    if (plan.evidence !== 'proven' || !weakest)
      throw new Failure('too-many', `${WAITING_MAX} proposals wait already.`)
    this.#end(weakest, 'lapsed', 'Pushed out by a plan with proven evidence: too many waited.')
  }

  #refuse(action: Action, because: string): Action {
    this.#count('refused')
    const before = this.#book.refusedBefore(action, because)
    if (before) return { ...before }
    const endedAt = this.#parts.clock.nowUs()
    return this.#book.save({ action: { ...action, state: 'refused', because, endedAt } })
  }

  /** First the kernel, then the disk: a crash between the two puts the block back at the next start. */
  #end(entry: Entry, state: ActionState, because: string, decided?: Decided): Action {
    const { action } = entry
    const endedAt = this.#parts.clock.nowUs()
    if (action.state === 'active' && this.#touches()) {
      const rest = this.#book.held().filter((held) => held.action.action_id !== action.action_id)
      this.#inForce.remove([action], rest)
    }
    const by = decided && { decidedAt: endedAt, decidedBy: decided.by }
    return this.#book.save({ action: { ...action, ...by, state, because, endedAt } })
  }

  #endDue(): void {
    for (const entry of this.#book.due())
      if (entry.action.state === 'active') this.#end(entry, 'expired', 'It ran its time.')
      else this.#end(entry, 'lapsed', 'Nobody decided within an hour.')
  }

  /** The gateway may have changed since: whoever must not be blocked now is let go. */
  #recheck(): void {
    this.#recheckAt = this.#parts.run.nowMs() + RECHECK_MS
    for (const entry of this.#book.active()) {
      const { target, tenant_uid } = entry.action
      const never = this.#why(target, tenant_uid)
      if (never !== undefined) this.#end(entry, 'undone', `Ended by the guard: ${never}`)
    }
  }

  /** What is in force stays so while the kernel cannot be asked; nothing new is blocked then. */
  #why(target: string, tenant_uid: string): string | undefined {
    try {
      return this.#parts.neverBlock.why(parsePrefix(target), tenant_uid)
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      this.#count('neverBlockUnread')
      this.#parts.log.error({ because: error.message }, 'guard.never-block-unread')
      return undefined
    }
  }

  #poll(): void {
    const active = this.#book.active()
    if (!this.#touches() || active.length === 0) return
    const counts = this.#inForce.poll(this.#book.held())
    const nowUs = this.#parts.clock.nowUs()
    for (const entry of active) {
      const endsAt = nowUs + this.#book.leftMs(entry) * 1000
      const news = update(entry, { now: counts.get(entry.action.action_id), nowUs, endsAt })
      if (news === 'first-drop') this.#book.save(entry)
      else if (news === 'moved') this.#book.note(entry)
    }
  }

  #beat(): void {
    this.#beatAt = this.#parts.run.nowMs() + BEAT_MS
    this.#book.beat()
  }

  /** Whether the kernel's table is ours to change. */
  #touches(): boolean {
    return this.#parts.place !== 'tap' && this.#fault === undefined
  }

  #count(name: string): void {
    this.#counters[name] = (this.#counters[name] ?? 0) + 1
  }
}
