/** The cases of suricata-verify: what they hold, which of them count where, and how one is replayed and judged. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../../agent/base/failure.ts'
import { openFile } from '../../agent/capture/file.ts'
import { parseInspection } from '../../agent/inspection.ts'
import { Replay } from '../../agent/replay.ts'
import { matches } from './eve-filter.ts'

export interface Expected {
  count: number
  match: Record<string, unknown>
  requires?: { 'lt-version'?: string | number }
}

export interface Case {
  id: string
  tier: 'core' | 'extended' | 'ips'
  protocol: string
  pcap: string
  rules: string | null
  options: Record<string, unknown>
  keywords: string[]
  expected: Expected[]
}

export interface Judged {
  id: string
  passed: boolean
  /** What went otherwise than expected, and rules that were refused. */
  why: string[]
}

/** The expectations are those of this release. */
const RELEASE = [8, 0, 99]
const HOME = ['192.168.0.0/16', '10.0.0.0/8', '172.16.0.0/12']
const PLAIN = new Set(['checksum', 'eve_types'])

export function readCases(folder: string): Case[] {
  return JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8')).cases
}

/** Names of the groups whose pass rate is told. `known`: the keywords of the rules in wide use. */
export function groupsOf(each: Case, known: ReadonlySet<string>): string[] {
  const groups: string[] = [each.tier]
  if (each.id.startsWith('sv-http-evader')) groups.push('http-evader')
  if (each.tier !== 'core') return groups
  if (Object.keys(each.options).every((key) => PLAIN.has(key))) groups.push('core, plain options')
  const alerts = each.expected.some(({ match }) => match.event_type === 'alert')
  if (alerts && each.keywords.every((word) => known.has(word)))
    groups.push('core alerts, keywords in wide use')
  return groups
}

/** Each option name of each rule. */
export function keywordsIn(rules: string): Set<string> {
  const names = new Set<string>()
  for (const line of rules.split('\n')) {
    if (!/^#?\s*(alert|drop|pass|reject)\b/.test(line)) continue
    const options = line.slice(line.indexOf('(') + 1).replace(/"(\\.|[^"\\])*"/g, '""')
    for (const part of options.split(';')) names.add((part.split(':')[0] ?? '').trim())
  }
  return names
}

/** One case through the path of `picket replay`. */
export async function judge(folder: string, each: Case): Promise<Judged> {
  const vars = JSON.parse(readFileSync(join(folder, 'vars-default.json'), 'utf8'))
  const records: unknown[] = []
  const replay = new Replay({
    ruleFiles: each.rules === null ? [] : [join(folder, each.rules)],
    baselines: false,
    home: HOME,
    // Suricata folds nothing: each alert is a record.
    inspection: parseInspection({ vars, fold_findings: false, ...each.options }, each.id),
    onRow: ({ record }) => void (record && records.push(record)),
  })
  try {
    await replay.read(openFile(join(folder, each.pcap)))
  } catch (error) {
    // A file that is cut off is read up to its last whole frame.
    if (!(error instanceof Failure) || error.kind !== 'invalid') throw error
  }
  replay.end()
  const why = each.expected.filter(applies).flatMap(({ count, match }) => {
    const found = records.filter((record) => matches(record, match)).length
    return found === count ? [] : [`${found} instead of ${count} of ${JSON.stringify(match)}`]
  })
  return { id: each.id, passed: why.length === 0, why: [...why, ...refused(replay)] }
}

function refused(replay: Replay): string[] {
  return replay.refused.map(({ sid, keyword, reason }) => `sid ${sid} ${keyword ?? ''}: ${reason}`)
}

function applies({ requires }: Expected): boolean {
  const below = requires?.['lt-version']
  if (below === undefined) return true
  const numbers = String(below).split('.').map(Number)
  for (const [i, own] of RELEASE.entries()) {
    const bound = numbers[i] ?? 0
    if (own !== bound) return own < bound
  }
  return false
}
