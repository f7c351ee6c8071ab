/** The rules of the bench: those of the ET files that both engines load, and variants of them up to the number asked for. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkRules } from '../../../agent/detect/signatures/rule-set.ts'
import { Chance } from '../../traffic/chance.ts'

const RULE = /^(?:#\s*)?((?:alert|drop) .*\bsid:\s*(\d+)\s*;.*\))\s*$/
const FIRST_VARIANT_SID = 9_000_000
/** What ties a rule to others, or to more than its literals. */
const TIED = /\b(?:pcre|flowbits|xbits|dataset|byte_\w+|hash|isnotset|sha256|md5)\b/
const LITERAL = /\bcontent:"([^"|\\]{8,})"/g
const VOWELS = 'aeiou'
const CONSONANTS = 'bcdfghjklmnpqrstvwxyz'

export interface Rule {
  sid: number
  text: string
  enabled: boolean
}

export interface RuleSetMade {
  file: string
  rules: number
  /** Of them, made from others. */
  variants: number
}

/** Of each rule the first that is named, so name the newest file first. */
export function readRules(files: readonly string[]): Rule[] {
  const rules = new Map<number, Rule>()
  for (const file of files)
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      const [, text = '', sid] = RULE.exec(line) ?? []
      if (sid !== undefined && !rules.has(Number(sid)))
        rules.set(Number(sid), { sid: Number(sid), text, enabled: !line.startsWith('#') })
    }
  return [...rules.values()]
}

/** A rule for the same place in the traffic with other letters in its literals; undefined where one cannot be made. */
function variant({ text, sid }: Rule, to: number, chance: Chance): Rule | undefined {
  if (TIED.test(text)) return undefined
  const turn = (letters: string, by: number) => (letter: string) => letters[(letters.indexOf(letter) + by) % letters.length] as string // biome-ignore format: one step
  const vowel = turn(VOWELS, chance.int(1, VOWELS.length - 1))
  const consonant = turn(CONSONANTS, chance.int(1, CONSONANTS.length - 1))
  let changed = false
  const other = text.replaceAll(LITERAL, (whole, literal: string) => {
    if (/^(?:HTTP\/|Mozilla|Content-|User-Agent)/.test(literal)) return whole
    changed = true
    return `content:"${literal.replaceAll(/[aeiou]/g, vowel).replaceAll(/[b-df-hj-np-tv-z]/g, consonant)}"`
  })
  if (!changed) return undefined
  return { sid: to, text: other.replace(/\bsid:\s*\d+/, `sid:${to}`).replace(/msg:"/, `msg:"variant of ${sid}: `), enabled: true } // biome-ignore format: one rule
}

interface Making {
  files: readonly string[]
  folder: string
  /** Which rules of a file the peer takes. */
  loads: (file: string) => Set<number>
}

/** Files `rules-N.rules` in `folder`, the smaller within the larger. */
export function makeRuleSets(of: Making, sizes: readonly number[], seed: number): RuleSetMade[] {
  const chance = new Chance(seed)
  const real = both(of, readRules(of.files))
  const order = [...chance.shuffled(real.filter(({ enabled }) => enabled)), ...chance.shuffled(real.filter(({ enabled }) => !enabled))] // biome-ignore format: one list
  const most = Math.max(...sizes)
  const made: Rule[] = []
  for (let tries = 0; order.length + made.length < most * 1.02 && tries < most * 10; tries++) {
    const other = variant(chance.pick(real), FIRST_VARIANT_SID + made.length, chance)
    if (other) made.push(other)
  }
  const variants = made.length > 0 ? both(of, made) : []
  return sizes.map((size) => {
    const chosen = [...order, ...variants].slice(0, size)
    const file = write(of.folder, `${size}`, chosen)
    return { file, rules: chosen.length, variants: Math.max(0, chosen.length - order.length) }
  })
}

/** No rule at all, for what is looked at without: made whatever sizes are asked for. */
export function makeNoRules(folder: string): RuleSetMade {
  return { file: write(folder, 'none', []), rules: 0, variants: 0 }
}

/** All rules of these files for addresses of anybody: what real captures hold is met by more of them. */
export function makeAnyRules(of: Making): RuleSetMade {
  const chosen = both(of, readRules(of.files).map((rule) => ({ ...rule, text: forAnybody(rule.text) }))) // biome-ignore format: one list
  return { file: write(of.folder, 'any', chosen), rules: chosen.length, variants: 0 }
}

function forAnybody(text: string): string {
  const options = text.indexOf('(')
  const header = text
    .slice(0, options)
    .replaceAll(/!?\$[A-Z0-9_]*(?:NET|SERVERS?|CLIENT)\b/g, 'any')
  return `${header.replaceAll(/\[(?:any,?)+\]/g, 'any')}${text.slice(options)}`
}

/** Those that both engines load. */
function both({ folder, loads }: Making, rules: Rule[]): Rule[] {
  const file = write(folder, 'candidates', rules)
  const taken = loads(file)
  const { refused } = checkRules([{ path: file, text: readFileSync(file, 'utf8') }])
  const wrong = new Set(refused.map(({ sid }) => sid))
  return rules.filter(({ sid }) => taken.has(sid) && !wrong.has(sid))
}

function write(folder: string, name: string, rules: readonly Rule[]): string {
  const file = join(folder, `rules-${name}.rules`)
  writeFileSync(file, rules.map(({ text }) => `${text}\n`).join(''))
  return file
}

export function sidsOf(file: string): number[] {
  return [...readFileSync(file, 'utf8').matchAll(/\bsid:\s*(\d+)/g)].map(([, sid]) => Number(sid))
}
