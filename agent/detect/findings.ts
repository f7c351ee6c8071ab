/**
 * From matches to findings: thresholds by address pair, the rate breaker, an id, a host. One object a box, so that
 * a threshold counts what the fan-out spread over all shards. Live and replay use the same.
 */

import { isoFromUs } from '../base/clock.ts'
import type { EventDraft, Severity } from '../base/event.ts'
import { uuidV7 } from '../base/ids.ts'
import type { BaselineFinding } from './baselines/finding.ts'
import type { Overrides } from './overrides.ts'
import { type Folded, RateBreaker } from './rate-breaker.ts'

/** Suricata's `threshold` and `detection_filter`, by rule. */
export interface Admission {
  admit(sid: number, src: string, dest: string, timeUs: number, flow?: string): boolean
}

/** What the plan stage is told of a finding. */
export interface Finding {
  draft: EventDraft & { event_id: string; rule_id: string; severity: Severity; message: string }
  evidence: 'spoofable' | 'proven'
}

export interface AlertSeen {
  draft: EventDraft
  sid: number
  proven: boolean
}

export interface FindingsOptions {
  thresholds: Admission
  /** How the site tunes it, asked at each finding: it changes while we run. */
  overrides?: () => Overrides
  /** More than some of a rule in a minute are one; false: each is told. */
  fold?: boolean
  /** The name or address of the local asset among these two, if either is local. */
  hostOf(src: string, dest: string): string | undefined
}

export class Findings {
  readonly #options: FindingsOptions
  readonly #breaker = new RateBreaker()
  readonly counters = { belowThreshold: 0, folded: 0, updates: 0, heldByOverride: 0 }

  constructor(options: FindingsOptions) {
    this.#options = options
  }

  /** A signature's match; nothing when its threshold is not met or the rate breaker folds it. */
  alert({ draft, sid, proven }: AlertSeen): Finding | undefined {
    const { src_ip = '', dest_ip = '', event_time, flow_id } = draft
    if (!this.#options.thresholds.admit(sid, src_ip, dest_ip, event_time, flow_id)) {
      this.counters.belowThreshold++
      return undefined
    }
    const message = `${draft.message}: ${src_ip} to ${dest_ip}${draft.dest_port === undefined ? '' : ` port ${draft.dest_port}`}`
    return this.#admit({ ...draft, message }, proven ? 'proven' : 'spoofable')
  }

  /** A baseline's finding; an update of one that was shown is counted, not shown again. */
  baseline(found: BaselineFinding): Finding | undefined {
    if (found.update) {
      this.counters.updates++
      return undefined
    }
    const { src, dest, port, proto, title, rule_id, severity, attack_ids, timeUs, firstUs, count } =
      found
    const draft: EventDraft = {
      kind: 'finding',
      event_time: timeUs,
      host: this.#options.hostOf(src, dest ?? ''),
      rule_id,
      severity,
      attack_ids,
      src_ip: src,
      dest_ip: dest,
      dest_port: port,
      proto,
      message: title,
      record: {
        timestamp: isoFromUs(timeUs),
        event_type: 'baseline',
        src_ip: src,
        ...(dest !== undefined && { dest_ip: dest }),
        ...(port !== undefined && { dest_port: port }),
        ...(proto !== undefined && { proto }),
        baseline: {
          rule_id,
          title,
          count,
          first: isoFromUs(firstUs),
          last: isoFromUs(timeUs),
          evidence: found.evidence,
        },
      },
    }
    return this.#admit(draft, found.evidence)
  }

  /** Findings about what was folded in windows that ended by `timeUs`. */
  tick(timeUs: number): Finding[] {
    return this.#breaker.ended(timeUs).map((fold) => this.#tellFold(fold, timeUs))
  }

  #admit(draft: EventDraft, evidence: Finding['evidence']): Finding | undefined {
    const { rule_id, severity, message, event_time } = draft
    if (rule_id === undefined || severity === undefined || message === undefined) return undefined
    const { src_ip = '', dest_ip = '' } = draft
    if (this.#options.overrides?.().holds(rule_id, src_ip, dest_ip, event_time)) {
      this.counters.heldByOverride++
      return undefined
    }
    const { fold = true } = this.#options
    if (
      fold &&
      !this.#breaker.admit(rule_id, severity, draft.host ?? draft.src_ip ?? '', event_time)
    ) {
      this.counters.folded++
      return undefined
    }
    return {
      draft: { ...draft, event_id: draft.event_id ?? uuidV7(), rule_id, severity, message },
      evidence,
    }
  }

  #tellFold({ rule_id, severity, count, firstUs, lastUs }: Folded, timeUs: number): Finding {
    const message = `${count.toLocaleString('en')} more findings of ${rule_id} in the same minute, folded into this one`
    const event_time = Number.isFinite(timeUs) ? timeUs : lastUs
    const record = {
      event_type: 'fold',
      rule_id,
      count,
      first: isoFromUs(firstUs),
      last: isoFromUs(lastUs),
    }
    const draft = {
      kind: 'finding' as const,
      event_time,
      event_id: uuidV7(),
      rule_id,
      severity,
      message,
      record,
    }
    return { draft, evidence: 'spoofable' }
  }
}
