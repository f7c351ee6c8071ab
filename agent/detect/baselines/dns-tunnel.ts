/**
 * DNS tunnels: data leave as names. One client asks for many different names under one registered domain, and what stands
 * before that domain is long and close to random. CDN names are short or few; reverse zones and reputation services are
 * long by design and known by name.
 */
import { BoundedMap } from './bounded-map.ts'
import type { BaselineFinding } from './finding.ts'
import { Fold } from './fold.ts'
import type { DnsQuery, Observation } from './observation.ts'
import { span } from './words.ts'

export const NAMES = 30
/** A name is long by one label, or by all that stands before the registered domain. Host names of clouds stay below. */
export const LABEL_MIN = 20
export const BEFORE_MIN = 52
/** Bits a character, over all of the names together; words are near 3.9 of a larger alphabet, base32 is near 4.8. */
export const ENTROPY_MIN = 3.5
/** Of all names asked under the domain, how many are long. */
const LONG_SHARE = 0.5
const WINDOW_US = 300_000_000

const PAIRS_MAX = 4096
const NAMES_MAX = 256
const SYMBOLS = 40

/** Long and random by design: reverse lookups, the local link, and reputation services that ask by hash. */
const QUIET = new Set(
  'arpa local mcafee.com sophosxl.net spamhaus.org spamhaus.net senderbase.org e5.sk avast.com avcdn.net surbl.org uribl.com barracudacentral.org'.split(
    ' ',
  ),
)
/** Second levels that registries sell under: `co.uk`. */
const REGISTRY = new Set('ac co com edu gob gov ltd mil net nom or org sch'.split(' '))

interface Pair {
  /** Hash of a name → when it was asked last. */
  long: Map<number, number>
  short: number
  firstUs: number
  lastUs: number
  chars: number
  symbols: Uint32Array
}

export class DnsTunnelBaseline {
  readonly fold = new Fold()
  readonly #pairs = new BoundedMap<Pair>(PAIRS_MAX)

  get evicted(): number {
    return this.#pairs.evicted
  }

  observe(seen: Observation, found: BaselineFinding[]): void {
    if (seen.what !== 'dns-query') return
    const split = splitName(seen.name.toLowerCase())
    if (!split) return
    const pair = this.#pair(seen, split.domain)
    if (split.longest < LABEL_MIN && split.before.length < BEFORE_MIN) {
      pair.short++
      return
    }
    const hash = hashOf(split.before)
    if (pair.long.has(hash) || pair.long.size >= NAMES_MAX) return
    pair.long.set(hash, seen.timeUs)
    pair.lastUs = seen.timeUs
    pair.chars += split.before.length
    for (let i = 0; i < split.before.length; i++)
      (pair.symbols[symbolOf(split.before.charCodeAt(i))] as number)++
    if (pair.long.size >= NAMES) this.#judge(seen, split.domain, pair, found)
  }

  #pair(seen: DnsQuery, domain: string): Pair {
    const key = `${seen.client}|${domain}`
    const pair = this.#pairs.touch(key, () => newPair(seen.timeUs))
    if (seen.timeUs - pair.firstUs <= WINDOW_US) return pair
    const next = newPair(seen.timeUs)
    this.#pairs.set(key, next)
    return next
  }

  #judge(seen: DnsQuery, domain: string, pair: Pair, found: BaselineFinding[]): void {
    const names = pair.long.size
    const bits = entropy(pair.symbols, pair.chars)
    if (bits < ENTROPY_MIN || names < (names + pair.short) * LONG_SHARE) return
    const mean = Math.round(pair.chars / names)
    const title = `${seen.client} asked for ${names} different long names under ${domain} in ${span(pair.firstUs, pair.lastUs)} (${mean} characters each, ${bits.toFixed(1)} bits a character): data hidden in DNS.`
    const said = this.fold.admit(`${seen.client}|${domain}`, {
      rule_id: 'base:dns-tunnel',
      severity: 'high',
      attack_ids: ['T1071.004', 'T1048.003'],
      title,
      src: seen.client,
      dest: seen.server,
      port: 53,
      evidence: 'spoofable',
      timeUs: seen.timeUs,
      firstUs: pair.firstUs,
      count: names,
    })
    if (said) found.push(said)
  }
}

function newPair(timeUs: number): Pair {
  return {
    long: new Map(),
    short: 0,
    firstUs: timeUs,
    lastUs: timeUs,
    chars: 0,
    symbols: new Uint32Array(SYMBOLS),
  }
}

/** What was registered, and what stands before it without dots; undefined where no tunnel can be. */
export function splitName(
  name: string,
): { domain: string; before: string; longest: number } | undefined {
  const labels = name.split('.')
  const last = labels.at(-1) as string
  const size = last.length === 2 && REGISTRY.has(labels.at(-2) ?? '') ? 3 : 2
  if (labels.length <= size || QUIET.has(last)) return undefined
  const domain = labels.slice(-size).join('.')
  if (QUIET.has(domain)) return undefined
  const before = labels.slice(0, -size)
  const longest = Math.max(...before.map((label) => label.length))
  const shown = /^[\w.-]{1,80}$/.test(domain) ? domain : '(odd name)'
  return { domain: shown, before: before.join(''), longest }
}

/** a–z, 0–9, hyphen, underscore, and one for all others. */
function symbolOf(code: number): number {
  if (code >= 97 && code <= 122) return code - 97
  if (code >= 48 && code <= 57) return code - 48 + 26
  return code === 45 ? 36 : code === 95 ? 37 : 38
}

function entropy(symbols: Uint32Array, total: number): number {
  let bits = 0
  for (const count of symbols) if (count > 0) bits -= (count / total) * Math.log2(count / total)
  return bits
}

/** FNV-1a: two names that meet cost one name of the count. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}
