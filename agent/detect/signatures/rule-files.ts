/** Rule files → compiled rules, one of each sid, and why the others are not among them. */
import { compileRule, type Shared } from './compile.ts'
import type { Signature } from './rule.ts'
import { Refused, type RuleLine, ruleLines } from './rule-text.ts'

/** Signatures of one set; more are refused, with a line each. */
export const SIGNATURES_MAX = 100_000

export interface RuleFile {
  path: string
  text: string
  /** Its rules keep their sid and are judged first when there are too many: no other file takes them away. */
  shipped?: boolean
}

export interface Refusal {
  file: string
  /** From 1: the line the rule starts on. */
  line: number
  sid: number | undefined
  keyword: string | undefined
  reason: string
}

export interface CompiledRule {
  rev: number
  file: string
  shipped: boolean
  line: number
  text: string
  signatures: Signature[]
}

export interface Compiled {
  /** By gid and sid. */
  rules: Map<string, CompiledRule>
  refused: Refusal[]
  total: number
}

/** Of a rule that names none, and of all that Picket ships. */
const GID = 1

/** Each step is one rule. `known`: rules by their text that were compiled with the same `shared`. */
export function* compileFiles(
  files: readonly RuleFile[],
  shared: Shared,
  known: ReadonlyMap<string, CompiledRule>,
): Generator<void, Compiled> {
  const rules = new Map<string, CompiledRule>()
  const refused: Refusal[] = []
  let total = 0
  let count = 0
  for (const { path, text, shipped = false } of files)
    for (const rule of ruleLines(text)) {
      total++
      try {
        if (count >= SIGNATURES_MAX)
          throw new Refused(undefined, `a set holds at most ${SIGNATURES_MAX} signatures`)
        const signatures = again(known.get(rule.text)) ?? compileRule(rule.text, shared)
        count += signatures.length
        const old = keepNewest(rules, {
          file: path,
          shipped,
          line: rule.line,
          text: rule.text,
          signatures,
        })
        if (old) refused.push(old)
      } catch (error) {
        refused.push(refusal(path, rule, error))
      }
      yield
    }
  return { rules, refused, total }
}

/** Objects of their own for what differs between sets; all else is read only. */
function again(rule: CompiledRule | undefined): Signature[] | undefined {
  return rule?.signatures.map((signature) => ({ ...signature }))
}

/** Of two rules with one sid the one that is shipped stays, else the higher revision; what goes is told. */
function keepNewest(
  rules: Map<string, CompiledRule>,
  found: Omit<CompiledRule, 'rev'>,
): Refusal | undefined {
  const hit = found.signatures[0]?.hit
  if (!hit) return undefined
  const key = `${hit.gid}:${hit.sid}`
  const known = rules.get(key)
  const { shipped = false } = rules.get(`${GID}:${hit.sid}`) ?? {}
  const taken = shipped && !found.shipped // under another gid too: a threshold counts by sid
  const newer = !taken && (known === undefined || hit.rev > known.rev)
  if (newer) rules.set(key, { ...found, rev: hit.rev })
  if (!known && !taken) return undefined
  const goes = newer && known ? known : found
  return {
    file: goes.file,
    line: goes.line,
    sid: hit.sid,
    keyword: 'sid',
    reason: taken
      ? 'its sid belongs to a rule that Picket ships'
      : newer
        ? 'a rule with the same sid and a higher rev replaces it'
        : 'a rule with the same sid is loaded already',
  }
}

/** Anything but a Refused is our own mistake and stops the load. */
function refusal(file: string, { line, text }: RuleLine, error: unknown): Refusal {
  if (!(error instanceof Refused)) throw error
  const sid = /[(;]\s*sid\s*:\s*(\d{1,10})\s*;/.exec(text)?.[1]
  return {
    file,
    line,
    sid: sid === undefined ? undefined : Number(sid),
    keyword: error.keyword,
    reason: error.message,
  }
}
