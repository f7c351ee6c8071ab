/**
 * Writing the audit trail in the words of its callers: who, whose, what. Texts that are tenant data enter
 * as keyed digests; repeated refusals are folded, with their count, so that an attacker cannot fill the disk.
 */
import { createHmac } from 'node:crypto'
import type { Clock } from '../base/clock.ts'
import type { Appended, Chain } from './chain.ts'
import type { Outcome, VerbName } from './verb.ts'

const REFUSALS_PER_MINUTE_MAX = 20
const MINUTE_MS = 60_000

export interface Act {
  actor: string
  tenant?: { tenant_id: string; tenant_uid: string } | undefined
  verb: VerbName
  outcome?: Outcome
  subject?: string | undefined
  /** Tenant data: only its keyed digest enters the chain, which outlives a shred. */
  text?: string | undefined
  count?: number | undefined
  carry?: Readonly<Record<string, string>>
}

export interface TrailOptions {
  chain: Chain
  clock: Clock
  /** Key for digests of a tenant's text, under its DEK: after a shred nobody can match them any more. */
  digestKey: (tenantUid: string | undefined) => Buffer
  /** Keeps the text itself where a shred of its tenant reaches it. */
  keepText?: (tenantUid: string, seq: number, text: string) => void
}

interface Fold {
  untilMs: number
  written: number
  left: number
}

export class Trail {
  readonly #options: TrailOptions
  readonly #folds = new Map<VerbName, Fold>()

  constructor(options: TrailOptions) {
    this.#options = options
  }

  /** On disk when it returns: only then may the act happen. */
  write(act: Act): Appended {
    const { actor, tenant, verb, outcome = 'intent', subject, text, count, carry } = act
    const appended = this.#options.chain.append({
      actor,
      verb,
      outcome,
      ...(tenant && { tenant_id: tenant.tenant_id, tenant_uid: tenant.tenant_uid }),
      ...(subject !== undefined && { subject }),
      ...(count !== undefined && { count }),
      ...(carry && { carry }),
      ...(text !== undefined && { digest: this.digest(text, tenant?.tenant_uid) }),
    })
    if (text !== undefined && tenant)
      this.#options.keepText?.(tenant.tenant_uid, appended.seq, text)
    return appended
  }

  /** A refusal: the first of a minute each have a line, the others are counted in one. */
  refused(act: Omit<Act, 'outcome'>): void {
    const now = this.#options.clock.steadyMs()
    this.#flush(act.verb, now)
    const fold = this.#folds.get(act.verb) ?? { untilMs: now + MINUTE_MS, written: 0, left: 0 }
    this.#folds.set(act.verb, fold)
    if (fold.written >= REFUSALS_PER_MINUTE_MAX) {
      fold.left++
      return
    }
    fold.written++
    this.write({ ...act, outcome: 'refused' })
  }

  /** Writes the counts of minutes that are over; at the end of the process, of all. */
  flush(all = false): void {
    const now = all ? Number.POSITIVE_INFINITY : this.#options.clock.steadyMs()
    for (const verb of [...this.#folds.keys()]) this.#flush(verb, now)
  }

  digest(text: string, tenantUid?: string): string {
    const key = this.#options.digestKey(tenantUid)
    return createHmac('sha256', key).update(text).digest('hex')
  }

  #flush(verb: VerbName, now: number): void {
    const fold = this.#folds.get(verb)
    if (!fold || now < fold.untilMs) return
    this.#folds.delete(verb)
    if (fold.left > 0)
      this.write({
        actor: 'process:keys',
        verb: 'audit.folded',
        outcome: 'done',
        subject: verb,
        count: fold.left,
      })
  }
}
