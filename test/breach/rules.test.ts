/** Attempts on the layer `rules`: what somebody who writes rules for a site can do to its files, its shipped rules, its neighbours and its engine. */
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
import { openFile } from '../../agent/capture/file.ts'
import { Findings } from '../../agent/detect/findings.ts'
import { Overrides, readOverride } from '../../agent/detect/overrides.ts'
import { RuleSet } from '../../agent/detect/signatures/rule-set.ts'
import { Replay, type ReplayResult } from '../../agent/replay.ts'
import { shippedRuleFiles } from '../../agent/rules-on-disk.ts'
import { pcapFile, timed, udp } from '../traffic/frames.ts'
import { RULES } from '../traffic/rule-traffic.ts'
import { CLIENT, httpExchange, SignatureLab } from '../traffic/signature-lab.ts'
import { attempt, type Layer, type Run } from './attempt.ts'

const KEYWORDS: Layer = {
  name: 'a word is honoured, or refuses its rule',
  shows: /the keyword is not supported|is not honoured/,
}
const SHIPPED_FIRST: Layer = { name: 'shipped rules are judged first', shows: /"rule_id":"sid:1000002"/ } // biome-ignore format: one line
const BREAKER: Layer = { name: 'the rate breaker', shows: /shown: 10\d\b/ }
const SHIPPED_SID: Layer = {
  name: 'a shipped rule keeps its sid',
  shows: /belongs to a rule that Picket ships/,
}
const RULE_ID: Layer = { name: 'an override names one rule', shows: /it is no rule id/ }
const EXACT: Layer = { name: 'by exactly its id', shows: /shown: 1\b/ }
const OWN_ENGINE: Layer = { name: 'an engine for each tenant', shows: /fired: none/ }
const BOUNDED: Layer = { name: 'reads within their bytes', shows: /packets: 65/ }

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rules-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function written(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

/** The shipped rules; as anybody's when the test takes from them that they are shipped. */
const shipped = (known: boolean) =>
  shippedRuleFiles().map((path) => {
    if (known) return path
    const copy = join(folder, basename(path))
    copyFileSync(path, copy)
    return copy
  })

/** What the box finds in the traffic that the shipped rule 1000002 is for. */
async function found(run: Run, files: string[]): Promise<ReplayResult> {
  const replay = new Replay({ ruleFiles: files, baselines: false, home: ['10.0.0.0/8'] })
  await replay.read(openFile(join(RULES, 'path-traversal-passwd', 'hit.pcap')))
  const result = replay.end()
  run.saw('what was found', result.findings.slice(0, 100))
  run.saw('what was refused', replay.refused.slice(0, 3))
  if (!result.findings.some(({ rule_id }) => rule_id === 'sid:1000002'))
    run.harm('the shipped rule found nothing any more')
  return result
}

for (const keyword of [
  'dataset:isset,x,type string,load /etc/passwd',
  'dataset:set,x,type string,save ../../x',
  'filestore:both,/etc/x',
  'filemd5:../../keys/root.key',
  'lua:/etc/x.lua',
  'luajit:x.lua',
  'logto:/etc/x',
])
  attempt('rules-01', {
    by: keyword,
    layers: [KEYWORDS],
    try: async (run) => {
      const said = run.without(KEYWORDS) ? '' : `${keyword};`
      const text = `\nalert http any any -> any any (msg:"m"; http.host; content:"x"; ${said} sid:7; rev:1;)`
      const { loaded, refused } = RuleSet.load([{ path: 'own.rules', text }])
      run.saw('loading', { loaded, refused })
      if (loaded > 0) run.harm('a rule that names a file was loaded')
      else expect(refused).toMatchObject([{ file: 'own.rules', line: 2, sid: 7, keyword: keyword.split(':')[0] }]) // biome-ignore format: one line
    },
  })

attempt('rules-02', {
  by: '2,000 critical rules that match everything, beside a shipped one',
  layers: [SHIPPED_FIRST],
  try: async (run) => {
    const flood = Array.from({ length: 2000 }, (_, i) => `alert http any any -> any any (msg:"m"; http.uri; content:!"zzz"; priority:1; metadata:signature_severity Critical; sid:${i + 1}; rev:1;)`) // biome-ignore format: one line
    const file = written('flood.rules', flood.join('\n'))
    await found(run, [...shipped(!run.without(SHIPPED_FIRST)), file])
  },
})

const PACKETS = 1000

attempt('rules-02', {
  by: 'one rule that matches every packet',
  layers: [BREAKER],
  try: async (run) => {
    const text = 'alert udp any any -> any any (msg:"m"; content:!"zzz"; sid:7; rev:1;)'
    const frames = Array.from({ length: PACKETS }, (_, i) => udp(CLIENT, `datagram ${i}`))
    let shown: number
    if (run.without(BREAKER)) {
      const lab = new SignatureLab(text)
      for (const frame of frames) lab.frame(frame)
      shown = lab.take().length
    } else {
      const file = written('every.rules', text)
      const replay = new Replay({ ruleFiles: [file], baselines: false, home: ['10.0.0.0/8'] })
      writeFileSync(join(folder, 'every.pcap'), pcapFile(timed(frames)))
      await replay.read(openFile(join(folder, 'every.pcap')))
      shown = replay.end().findings.reduce((sum, { count }) => sum + count, 0)
    }
    run.saw('findings', `shown: ${shown}`)
    if (shown > PACKETS / 2) run.harm(`${shown} findings of one rule in a second`)
  },
})

const HEAD = 'http any any -> any any'
for (const [by, rule] of [
  ['as pass', `pass ${HEAD} (msg:"m"; http.uri; content:"etc"; sid:1000002; rev:999;)`],
  ['with noalert', `alert ${HEAD} (msg:"m"; http.uri; content:"etc"; noalert; sid:1000002; rev:999;)`],
  ['that never matches', `alert ${HEAD} (msg:"m"; http.uri; content:"nothing like it"; sid:1000002; rev:999;)`],
  ['by another gid, with a threshold', `alert ${HEAD} (msg:"m"; http.uri; content:"nothing like it"; threshold:type threshold, track by_src, count 100000, seconds 60; gid:2; sid:1000002; rev:1;)`],
] as const) // biome-ignore format: a table
  attempt('rules-03', {
    by,
    layers: [SHIPPED_SID],
    try: async (run) => {
      await found(run, [...shipped(!run.without(SHIPPED_SID)), written('hijack.rules', rule)])
    },
  })

/** One finding of the shipped rule, past what the site tuned. */
function tuned(run: Run, overrides: Pick<Overrides, 'holds'>): void {
  const findings = new Findings({
    thresholds: { admit: () => true },
    overrides: () => overrides as Overrides,
    hostOf: () => undefined,
  })
  const draft = { kind: 'finding', event_time: 1, rule_id: 'sid:1000002', severity: 'high', src_ip: '10.0.0.5', dest_ip: '10.0.0.9', message: 'm' } as const // biome-ignore format: one line
  const finding = findings.alert({ draft, sid: 1_000_002, proven: true })
  run.saw('findings', `shown: ${finding ? 1 : 0}`)
  if (!finding) run.harm('a finding was held back by an override that does not name its rule')
}

for (const [rule_id, layers] of [
  ['any', [RULE_ID, EXACT]],
  ['*', [RULE_ID, EXACT]],
  ['sid:*', [RULE_ID, EXACT]],
  ['sid:', [RULE_ID, EXACT]],
  ['sid:0', [EXACT]],
  ['sid:100000', [EXACT]],
] as const)
  attempt('rules-04', {
    by: rule_id,
    layers,
    try: async (run) => {
      const asked = { rule_id, act: 'suppress', comment: 'quiet' } as const
      const overrides = new Overrides()
      const read = run.without(RULE_ID) ? asked : await run.does('tuning', () => readOverride(asked)) // biome-ignore format: one line
      if (read) overrides.add({ ...read, override_id: 'o', by: 'somebody', at: 0 })
      const { holds } = overrides
      tuned(run, run.without(EXACT) ? { holds: (_, ...rest) => holds.call(overrides, rule_id, ...rest) } : overrides) // biome-ignore format: one line
    },
  })

for (const [by, set, isset] of [
  ['flowbits', 'flowbits:set,seen', 'flowbits:isset,seen'],
  ['xbits', 'xbits:set,seen,track ip_src', 'xbits:isset,seen,track ip_src'],
  ['hostbits', 'hostbits:set,seen,src', 'hostbits:isset,seen,src'],
] as const)
  attempt('rules-05', {
    by,
    layers: [OWN_ENGINE],
    try: async (run) => {
      const setter = `alert udp any any -> any any (msg:"set"; content:"one"; ${set}; sid:1; rev:1;)`
      const tester = `alert udp any any -> any any (msg:"test"; content:"two"; ${isset}; sid:2; rev:1;)`
      const theirs = new SignatureLab(`${setter}\n${tester}`)
      const ours = run.without(OWN_ENGINE) ? theirs : new SignatureLab(tester)
      expect(theirs.refused).toEqual([])
      expect(theirs.datagram('one')).toEqual([1])
      const fired = ours.datagram('two')
      run.saw('the other tenant', `fired: ${fired.join() || 'none'}`)
      if (fired.length > 0) run.harm('what one tenant saw was known to the rules of another')
    },
  })

attempt('rules-05', {
  by: 'dataset',
  layers: [OWN_ENGINE],
  try: async (run) => {
    const rule = (words: string, sid: number) => `alert http any any -> any any (msg:"m"; http.uri; ${words}; sid:${sid}; rev:1;)` // biome-ignore format: one line
    const [setter, tester] = [rule('content:"one"; dataset:set,seen,type string', 1), rule('dataset:isset,seen,type string', 2)] // biome-ignore format: one line
    const theirs = new SignatureLab(`${setter}\n${tester}`)
    const ours = run.without(OWN_ENGINE) ? theirs : new SignatureLab(tester)
    expect(theirs.refused).toEqual([])
    const ask = (lab: SignatureLab) => lab.transaction({ proto: 'http', stage: 'done', http: httpExchange({ method: 'GET', uri: '/one' }) }) // biome-ignore format: one line
    ask(theirs)
    const fired = ask(ours)
    run.saw('the other tenant', `fired: ${fired.join() || 'none'}`)
    if (fired.includes(2)) run.harm('what one tenant saw was known to the rules of another')
  },
})

/** What asks for bytes that are not there: number of bytes, and from where. */
const FAR: readonly (readonly [keyword: string, bytes: number, at: number])[] = [
  ['byte_jump:4,4294967295', 4, 4_294_967_295],
  ['byte_jump:4,-1', 4, -1],
  ['byte_jump:4,0,post_offset -99999', 4, -99_999],
  ['byte_jump:4,0,multiplier 65535', 4, 2 ** 32 * 65_535],
  ['byte_test:4,>,1,-65535', 4, -65_535],
  ['byte_test:4,>,1,65535', 4, 65_535],
  ['byte_test:4,>,1,0', 4, 64],
  ['byte_extract:4,65000,v; content:"a"; offset:v', 4, 65_000],
  ['byte_extract:4,0,v; content:"a"; offset:v', 4, 0xffff_ffff],
  ['content:"a"; content:"b"; distance:-4294967295; within:4294967295', 1, -4_294_967_295],
  ['content:"a"; byte_jump:1,-4096,relative', 1, -4096],
  ['isdataat:65535', 1, 65_535],
]

attempt('rules-06', {
  by: `${FAR.length} rules over datagrams of 0 to 64 bytes`,
  layers: [BOUNDED],
  try: async (run) => {
    const rules = FAR.map(([keyword], i) => `alert udp any any -> any any (msg:"m"; ${keyword}; sid:${i + 1}; rev:1;)`) // biome-ignore format: one line
    const lab = new SignatureLab(rules.join('\n'))
    expect(lab.refused).toEqual([])
    let packets = 0
    for (let length = 0; length <= 64; length++) {
      const payload = Buffer.alloc(length, 0xff)
      payload.write('ab', 0)
      try {
        if (run.without(BOUNDED)) for (const [, bytes, at] of FAR) payload.readUIntBE(at, bytes)
        else lab.datagram(payload)
        packets++
      } catch (error) {
        run.harm(`a packet of ${length} bytes threw ${error}`)
      }
    }
    run.saw('the engine', `packets: ${packets}`)
  },
})
