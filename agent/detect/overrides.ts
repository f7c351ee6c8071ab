/**
 * How this site tunes what it is told (D6): suppress, threshold, disable or only comment on a rule, by its stable
 * rule id, so that an update of the rules changes nothing of it. Judged once a finding, after the rule's
 * own threshold; what is held back is counted for each override.
 */
import * as v from 'valibot'
import { inPrefix, type Prefix, parseAddress, parsePrefix } from '../base/address.ts'
import { Failure } from '../base/failure.ts'
import { brief } from '../base/text.ts'
import { Thresholds } from './signatures/thresholds.ts'

export const OVERRIDES_MAX = 1000
/** Of what was asked, quoted in a refusal. */
const NAMED_CHARS_MAX = 200
const COMMENT_MAX = 500
const SECONDS_MAX = 86_400
const COUNT_MAX = 1_000_000

export const ACTS = ['disable', 'suppress', 'threshold', 'comment'] as const
export type Act = (typeof ACTS)[number]

const RuleId = v.pipe(
  v.string(),
  v.regex(/^(sid:\d{1,10}|(sigma|base|ioc|picket):[\w.-]{1,80})$/, 'it is no rule id'),
)
const Address = v.pipe(v.string(), v.maxLength(64), v.check(isPrefix, 'it is no address or prefix'))
const Where = v.strictObject({ side: v.picklist(['src', 'dest', 'either']), address: Address })
const Threshold = v.strictObject({
  kind: v.picklist(['limit', 'threshold', 'both']),
  track: v.picklist(['by_src', 'by_dst', 'by_both', 'by_rule']),
  count: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(COUNT_MAX)),
  seconds: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(SECONDS_MAX)),
})
const TimeUs = v.pipe(v.number(), v.safeInteger(), v.minValue(0))

/** What a person asks for. */
export const OverrideAsked = v.pipe(
  v.strictObject({
    rule_id: RuleId,
    act: v.picklist(ACTS),
    where: v.optional(Where),
    threshold: v.optional(Threshold),
    comment: v.pipe(v.string(), v.trim(), v.minLength(1, 'say why'), v.maxLength(COMMENT_MAX)),
    /** Microseconds since 1970, by the time of the packet. */
    expires: v.optional(TimeUs),
  }),
  v.check(
    ({ act, threshold }) => (act === 'threshold') === (threshold !== undefined),
    'a threshold has its numbers, and nothing else has any',
  ),
  v.check(
    ({ act, where }) => where === undefined || act === 'suppress',
    'only suppressing is for an address',
  ),
)
export type OverrideAsked = v.InferOutput<typeof OverrideAsked>

export interface Override extends OverrideAsked {
  override_id: string
  /** Who did it, as the audit trail names them. */
  by: string
  at: number
}

export interface OverrideView extends Override {
  /** Findings held back since this run began. */
  held: number
}

const Kept = v.looseObject({
  override_id: v.pipe(v.string(), v.maxLength(64)),
  by: v.pipe(v.string(), v.maxLength(128)),
  at: TimeUs,
})

/** `sid:1/disable`: what is done to which rule, as a word of the trail. Of an address only on which side: it is the tenant's. */
export function tunedWord({ rule_id, act, where }: OverrideAsked): string {
  return `${rule_id}/${where?.side ?? act}`
}

/** How much of what its rules say a site does not hear. */
export interface Tuned {
  /** Rules that are not heard at all. */
  silenced: number
  /** Rules that are not heard for some addresses, or not each time. */
  narrowed: number
  /** Findings held back since this run began. */
  held: number
}

/** @throws Failure `invalid` that says which part is wrong */
export function readOverride(asked: unknown): OverrideAsked {
  const result = v.safeParse(OverrideAsked, asked)
  if (result.success) return result.output
  const [issue] = result.issues
  throw new Failure(
    'invalid',
    `This override cannot be used: ${brief(v.getDotPath(issue) ?? 'it', NAMED_CHARS_MAX)}: ${brief(issue.message, NAMED_CHARS_MAX)}.`,
  )
}

interface Rule {
  override: Override
  prefix?: Prefix
  /** Its place in `#thresholds`. */
  number: number
  held: number
}

export class Overrides {
  /** By rule id; several may stand for one rule. */
  readonly #byRule = new Map<string, Rule[]>()
  readonly #thresholds = new Map<number, NonNullable<Override['threshold']>>()
  readonly #counts = new Thresholds({ thresholds: this.#thresholds })
  #numbers = 0

  /** As kept in a file or printed by `picket rules tuned --json`. */
  static read(list: unknown): Overrides {
    const made = new Overrides()
    if (!Array.isArray(list)) throw new Failure('invalid', 'Overrides are a list.')
    for (const each of list) {
      if (!v.is(Kept, each))
        throw new Failure('invalid', 'An override without its id, author or time cannot be used.')
      const { override_id, by, at, held: _, ...asked } = each
      made.add({ ...readOverride(asked), override_id, by, at })
    }
    return made
  }

  get size(): number {
    return [...this.#byRule.values()].reduce((sum, rules) => sum + rules.length, 0)
  }

  add(override: Override): void {
    if (this.size >= OVERRIDES_MAX)
      throw new Failure(
        'invalid',
        `A site holds at most ${OVERRIDES_MAX} overrides. Remove some first.`,
      )
    const number = this.#numbers++
    const { where, threshold, rule_id } = override
    if (threshold) this.#thresholds.set(number, threshold)
    const rule = { override, number, held: 0, ...(where && { prefix: parsePrefix(where.address) }) }
    const others = this.#byRule.get(rule_id)
    if (others) others.push(rule)
    else this.#byRule.set(rule_id, [rule])
  }

  remove(override_id: string): Override | undefined {
    for (const [rule_id, rules] of this.#byRule) {
      const at = rules.findIndex(({ override }) => override.override_id === override_id)
      if (at < 0) continue
      const [gone] = rules.splice(at, 1) as [Rule]
      if (rules.length === 0) this.#byRule.delete(rule_id)
      this.#thresholds.delete(gone.number)
      return gone.override
    }
    return undefined
  }

  /** Newest first. */
  list(): OverrideView[] {
    return [...this.#byRule.values()]
      .flat()
      .map(({ override, held }) => ({ ...override, held }))
      .sort((a, b) => b.at - a.at)
  }

  /** Of those that hold now. */
  tuned(nowUs: number): Tuned {
    const tuned = { silenced: 0, narrowed: 0, held: 0 }
    for (const rules of this.#byRule.values()) {
      for (const { held } of rules) tuned.held += held
      const live = rules.filter(
        ({ override: { act, expires } }) => act !== 'comment' && (expires ?? Infinity) > nowUs,
      )
      if (live.some(({ override }) => silences(override))) tuned.silenced++
      else if (live.length > 0) tuned.narrowed++
    }
    return tuned
  }

  /** The override that holds this finding back, counted; nothing when it is to be shown. `timeUs`: of the packet. */
  holds(rule_id: string, src: string, dest: string, timeUs: number): Override | undefined {
    const rules = this.#byRule.get(rule_id)
    if (!rules) return undefined
    for (const rule of rules) {
      const { override, prefix } = rule
      if (override.expires !== undefined && timeUs >= override.expires) continue
      if (!this.#applies(rule, prefix, src, dest, timeUs)) continue
      rule.held++
      return override
    }
    return undefined
  }

  #applies(
    { override, number }: Rule,
    prefix: Prefix | undefined,
    src: string,
    dest: string,
    timeUs: number,
  ): boolean {
    switch (override.act) {
      case 'comment':
        return false
      case 'disable':
        return true
      case 'threshold':
        return !this.#counts.admit(number, src, dest, timeUs)
      case 'suppress': {
        if (!prefix) return true
        const { side } = override.where as NonNullable<Override['where']>
        return (side !== 'dest' && within(prefix, src)) || (side !== 'src' && within(prefix, dest))
      }
    }
  }
}

/** Of more findings than this before the first is told, none is. */
const UNMET_MIN = 10_000

/** Whether as good as nothing of the rule is told. */
function silences({ where, threshold }: Override): boolean {
  if (threshold) return threshold.kind !== 'limit' && threshold.count >= UNMET_MIN
  return where === undefined || where.address.endsWith('/0')
}

function within(prefix: Prefix, address: string): boolean {
  const words = parseAddress(address)
  return words !== undefined && inPrefix(words, 0, prefix)
}

function isPrefix(text: string): boolean {
  try {
    parsePrefix(text)
    return true
  } catch {
    return false
  }
}
