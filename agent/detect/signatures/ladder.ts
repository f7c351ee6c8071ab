/**
 * A rule as a ladder: its header alone, then with one condition more at each rung, each a rule of its own. Run
 * over traffic, the last rung that matches shows what stopped the rule, and the engine that judges the rungs
 * is the one that judges the rule.
 */

import { RuleSet } from './rule-set.ts'
import type { Option } from './rule-text.ts'
import { parseRule } from './rule-text.ts'
import type { Variables } from './variables.ts'

/** Above every sid that people give to rules. */
export const RUNG_SID = 4_290_000_000
export const RUNGS_MAX = 128

/** Words about a rule, and what it changes or how often it is said: no condition of a match. */
const NO_CONDITION = new Set(
  'msg sid rev gid classtype reference metadata priority target noalert threshold detection_filter fast_pattern tag prefilter requires filestore config logto'.split(
    ' ',
  ),
)
/** Belong to the content before them. */
const MODIFIERS = new Set(
  'nocase rawbytes offset depth distance within startswith endswith http_uri http_raw_uri http_header http_raw_header http_method http_cookie http_client_body http_server_body http_stat_code http_stat_msg http_user_agent http_host http_raw_host'.split(
    ' ',
  ),
)
const CHANGES = /^\s*(set|unset|toggle|noalert|add|sub)\b/
const STATE = new Set(['flowbits', 'xbits', 'hostbits', 'flowint'])

export interface Rung {
  sid: number
  /** What this rung asks beside the one below it, as the rule says it. */
  condition: string
  text: string
}

/** @throws Refused when the rule cannot even be cut in parts */
export function ladderOf(ruleText: string, variables: Variables): Rung[] {
  const rule = parseRule(ruleText)
  const { protocol, source, sourcePorts, direction, destination, destinationPorts } = rule
  const ends = [protocol, source, sourcePorts, direction, destination, destinationPorts].join(' ')
  const asked = rule.options.filter((option) => !isWords(option))
  const rungs: Rung[] = []
  let below = 0
  for (let size = 0; size <= asked.length && rungs.length < RUNGS_MAX; size++) {
    if (size > 0 && isModifier(asked[size])) continue // its content is not whole yet
    const sid = RUNG_SID + rungs.length
    const text = rungText(ends, asked.slice(0, size), sid)
    // A buffer whose content is still to come is no rule: it goes with the next rung.
    if (size < asked.length && RuleSet.load([{ path: 'ladder', text }], variables).loaded === 0)
      continue
    const added = asked.slice(below, size).map(optionText).join(' ')
    rungs.push({ sid, text, condition: size === 0 ? ends : added })
    below = size
  }
  return rungs
}

/** Says nothing of its own but a sid; first in line, so that a bound on candidates does not cut it. */
function rungText(ends: string, options: readonly Option[], sid: number): string {
  const words = options.map(optionText).join(' ')
  return `alert ${ends} (msg:"rung"; ${words} priority:1; sid:${sid}; rev:1;)`
}

function optionText({ name, value }: Option): string {
  return value === undefined ? `${name};` : `${name}:${value};`
}

function isModifier(option: Option | undefined): boolean {
  return option !== undefined && MODIFIERS.has(option.name)
}

function isWords({ name, value = '' }: Option): boolean {
  return NO_CONDITION.has(name) || (STATE.has(name) && isChange(name, value))
}

/** `flowint:n,+,1` changes, `flowint:n,>,1` asks. */
function isChange(name: string, value: string): boolean {
  if (name === 'flowint') return /,\s*[+=-]\s*,/.test(value)
  return CHANGES.test(value)
}
