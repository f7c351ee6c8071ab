/**
 * Picket beside Suricata 7: the same captures and rules, one worker each, EVE alerts alone, by turns. First what each found is held
 * against the other, alert for alert; then packets a CPU-second, by the kernel's account of the whole process without its start.
 *
 * Of each one is made that is longer: what it has more is the price of packets once a process is warm.
 *
 * PICKET_ENGINE_PACKETS (1000000), _TURNS (5), _RULES (0,1000,10000), _CAPTURES (mix,corpus,small), _DIR (.state/bench-engine), _SEED (1), _WARM (1). A short
 * run: PICKET_ENGINE_PACKETS=100000 PICKET_ENGINE_TURNS=1 PICKET_ENGINE_RULES=1000 PICKET_ENGINE_CAPTURES=mix. Needs root and mmdebstrap.
 */
import { mkdirSync, rmSync } from 'node:fs'
import { loadavg } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { corpus } from '../traffic/corpus.ts'
import { capture } from '../traffic/mix/main.ts'
import { type Agreement, agreement, readAlerts, seenIn } from './engine/agreement.ts'
import { joinCaptures } from './engine/corpus-capture.ts'
import { runPicket } from './engine/picket.ts'
import {
  makeAnyRules,
  makeNoRules,
  makeRuleSets,
  type RuleSetMade,
  sidsOf,
} from './engine/rule-sets.ts'
import { makePeer, type Peer, type PeerTaken, peerLacks, runSuricata } from './engine/suricata.ts'
import { agreementInWords, type Compared, compare, inWords } from './engine/table.ts'
import { keepResults } from './lake/results.ts'

const asked = (name: string, usual: string) => process.env[`PICKET_ENGINE_${name}`] ?? usual
const PACKETS = Number(asked('PACKETS', '1000000'))
const TURNS = Number(asked('TURNS', '5'))
const SIZES = asked('RULES', '0,1000,10000').split(',').map(Number)
const CAPTURES = asked('CAPTURES', 'mix,corpus,small').split(',')
const SEED = Number(asked('SEED', '1'))
const FOLDER = asked('DIR', fileURLToPath(new URL('../../.state/bench-engine', import.meta.url)))
const RULE_TALKS = 0.7
/** Of each capture one so many times as long. */
const LONGER = { mix: 2, small: 4, corpus: 4 } as const
const HOME = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7']
const ET_RULES = ['et-open-2025-BSD.rules', 'et-open-2020-BSD.rules']
const ALL_RULES = [...ET_RULES, 'hunting-GPL3.rules', 'quadrant-GPL2.rules', 'suricata-events-GPL2.rules', 'quickdraw-MIT/dnp3.rules'] // biome-ignore format: one list
const ENGINES = { suricata: runSuricata, picket: runPicket } as const
type Engine = keyof typeof ENGINES

interface Case {
  name: string
  /** Below FOLDER. */
  file: string
  packets: number
  bytes: number
  checksums: boolean
  long?: { file: string; packets: number }
}

const lacks = peerLacks() ?? (corpus('rules') ? undefined : 'the ET rules of the corpus')
if (lacks !== undefined) say(`skipped: the bench against Suricata needs ${lacks}`)

test.skipIf(lacks !== undefined)('Picket beside Suricata', { timeout: 7_200_000 }, async () => {
  mkdirSync(FOLDER, { recursive: true })
  const peer = makePeer(FOLDER, say)
  onTestFinished(() =>
    rmSync(join(FOLDER, `work-${process.pid}`), { recursive: true, force: true }),
  )
  const sets = makeRuleSets(rulesOf(peer, ET_RULES), SIZES, SEED)
  for (const { rules, variants } of sets)
    say(`${rules} rules, of them ${variants} variants of others, load on both sides`)
  const cases = await captures()
  const lines = []
  const seen: Record<string, object> = {}
  for (const each of cases) {
    seen[each.name] = whatIsSeen(peer, each)
    say(`${each.name}: seen ${JSON.stringify(seen[each.name])}`)
    for (const set of sets) {
      const line = turns(peer, each, set)
      lines.push(line)
      say(inWords(line))
    }
  }
  const talks = CAPTURES.includes('mix') ? ruleTalks(peer, sets.at(-1) as RuleSetMade) : undefined
  if (talks) say(agreementInWords(talks))
  const all = CAPTURES.includes('corpus') ? await allCaptures(peer) : undefined
  if (all) say(agreementInWords(all))
  const load = loadavg()[0]
  keepResults('engine', { suricata: peer.version, turns: TURNS, load, rules: sets.map(nameless), captures: cases, seen, found: lines, ...(talks && { talks }), ...(all && { all }) }) // biome-ignore format: one line
})

function rulesOf(peer: Peer, names: readonly string[]) {
  const folder = corpus('rules') as string
  const one = oneFrame()
  const loads = (file: string) => {
    const { log } = run('suricata', { peer, capture: one, rules: basename(file) })
    const wrong = new Set([...log.matchAll(/error parsing signature ".*?sid:\s*(\d+)/g)].map(([, sid]) => Number(sid))) // biome-ignore format: one set
    return new Set(sidsOf(file).filter((sid) => !wrong.has(sid)))
  }
  return { files: names.map((name) => join(folder, name)), folder: FOLDER, loads }
}

/** A capture of which most talks hold the literals of a rule, with all rules: untimed. */
function ruleTalks(peer: Peer, set: RuleSetMade): Agreement {
  const made = capture({ folder: FOLDER, kind: 'mix', seed: SEED, packets: Math.floor(PACKETS / 5), ruleFiles: rulesOf(peer, ET_RULES).files, ruleShare: RULE_TALKS }) // biome-ignore format: one call
  say(`${made.ruled} of ${made.talks} talks made of rules, ${made.packets} packets, ${set.rules} rules`) // biome-ignore format: one line
  return found(peer, { ...made, name: 'rules', file: basename(made.path), checksums: true }, basename(set.file)) // biome-ignore format: one line
}

/** Every capture of the corpus once, with every rule of it for any address: untimed. */
async function allCaptures(peer: Peer): Promise<Agreement> {
  const rules = makeAnyRules(rulesOf(peer, ALL_RULES))
  const made = await joinCaptures({ corpus: corpus('.') as string, folder: FOLDER, captures: 10_000, packets: 1, seed: SEED }) // biome-ignore format: one call
  const file = basename(made.path)
  say(
    `${made.captures} captures once, ${made.packets} packets, ${rules.rules} rules for any address`,
  )
  return found(peer, { ...made, name: 'all', file, checksums: false }, basename(rules.file))
}

/** What both find when both call malformed what says a length of 0: ours reads it else, as it does in the timed runs. */
function found(peer: Peer, each: Case, rules: string): Agreement {
  const of = (engine: Engine) => {
    run(engine, { peer, capture: each, rules, offloadMalformed: true })
    return alertsOf(engine)
  }
  return agreement(of('suricata'), of('picket'))
}

async function captures(): Promise<Case[]> {
  const cases: Case[] = []
  const rules = corpus('rules') as string
  const ruleFiles = ET_RULES.map((name) => join(rules, name))
  for (const kind of ['mix', 'small'] as const) {
    if (!CAPTURES.includes(kind)) continue
    const of = (packets: number) => {
      const { path, ...made } = capture({ folder: FOLDER, kind, seed: SEED, packets, ruleFiles: kind === 'mix' ? ruleFiles : [] }) // biome-ignore format: one capture
      return { file: basename(path), packets: made.packets, bytes: made.bytes }
    }
    cases.push({ name: kind, ...of(PACKETS), checksums: true, long: of(LONGER[kind] * PACKETS) })
  }
  const folder = CAPTURES.includes('corpus') ? corpus('.') : undefined
  if (folder !== undefined) {
    const of = async (packets: number) => {
      const { path, ...made } = await joinCaptures({ corpus: folder, folder: FOLDER, captures: 100, packets, seed: SEED }) // biome-ignore format: one call
      say(`corpus: ${made.captures} captures, ${made.rounds} times`)
      return { file: basename(path), packets: made.packets, bytes: made.bytes }
    }
    const packets = Math.floor(PACKETS / 2)
    cases.push({ name: 'corpus', ...(await of(packets)), checksums: false, long: await of(LONGER.corpus * packets) }) // biome-ignore format: one case
  }
  return cases
}

/** Start, rules, one frame, end: what a run costs before it has inspected anything. */
function oneFrame(): Case {
  const { path, packets, bytes } = capture({ folder: FOLDER, kind: 'small', seed: SEED, packets: 1, ruleFiles: [] }) // biome-ignore format: one capture
  return { name: 'one', file: basename(path), packets, bytes, checksums: true }
}

function turns(peer: Peer, each: Case, set: RuleSetMade): Compared {
  const rules = basename(set.file)
  const one = oneFrame()
  const none = () => ({ whole: [] as PeerTaken[], start: [] as PeerTaken[], long: [] as PeerTaken[] }) // biome-ignore format: one line
  const taken = { suricata: none(), picket: none() }
  const agreed = found(peer, each, rules)
  for (let turn = 0; turn < TURNS; turn++) {
    for (const engine of ['suricata', 'picket'] as const) {
      taken[engine].start.push(run(engine, { peer, capture: one, rules }))
      const whole = run(engine, { peer, capture: each, rules })
      expect(whole.packets, engine).toBe(each.packets)
      taken[engine].whole.push(whole)
      if (each.long) {
        const long = run(engine, { peer, capture: { ...each, ...each.long }, rules })
        expect(long.packets, engine).toBe(each.long.packets)
        taken[engine].long.push(long)
      }
    }
  }
  return compare({ capture: each.name, rules: set.rules, packets: each.packets, bytes: each.bytes }, taken, agreed) // biome-ignore format: one line
}

/** Records of all types, of both: a byte that one passed by would be missing there. */
function whatIsSeen(peer: Peer, each: Case): Record<Engine, Record<string, number>> {
  const rules = basename(makeNoRules(FOLDER).file)
  const of = (engine: Engine) => {
    run(engine, { peer, capture: each, rules, everything: true })
    return seenIn(join(workOf(engine), 'eve.json'))
  }
  return { suricata: of('suricata'), picket: of('picket') }
}

function run(
  engine: Engine,
  { peer, capture: { file, checksums }, rules, everything = false, offloadMalformed = false }: { peer: Peer; capture: Case; rules: string; everything?: boolean; offloadMalformed?: boolean }, // biome-ignore format: one line
): PeerTaken {
  const work = workOf(engine)
  rmSync(work, { recursive: true, force: true })
  mkdirSync(work, { recursive: true })
  const settings = { work, files: FOLDER, capture: file, rules, checksums, everything, offloadMalformed, home: HOME } // biome-ignore format: one line
  return engine === 'suricata' ? runSuricata(peer, settings) : runPicket(settings)
}

function alertsOf(engine: Engine) {
  return readAlerts(join(workOf(engine), 'eve.json'))
}

function workOf(engine: Engine): string {
  // Of this process: another bench may run over the same captures.
  return join(FOLDER, `work-${process.pid}`, engine)
}

function nameless({ rules, variants }: RuleSetMade) {
  return { rules, variants }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
