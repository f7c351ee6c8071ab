/** The parts of the bench whose faults would flatter: what counts as the same, and what rules are made. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { agreement, readAlerts, seenIn } from './agreement.ts'
import { makeAnyRules, makeNoRules, makeRuleSets, sidsOf } from './rule-sets.ts'
import { compare } from './table.ts'

const folder = mkdtempSync(join(tmpdir(), 'picket-bench-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function eve(name: string, rows: object[]): string {
  const path = join(folder, name)
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  return path
}

const ENDS = { src_ip: '10.0.0.1', src_port: 1, dest_ip: '10.0.0.2', dest_port: 80, proto: 'TCP' }
const alert = (sid: number, ends = {}) => ({ event_type: 'alert', ...ENDS, ...ends, alert: { signature_id: sid } }) // biome-ignore format: one row

test('alerts are the same one for one: by ends, rule and count', () => {
  const theirs = readAlerts(eve('a', [alert(1), alert(1), alert(2), alert(3), alert(2_610_328)]))
  const ours = readAlerts(eve('b', [alert(1), alert(2), alert(3, { src_port: 2 })]))
  const { differences, ...rest } = agreement(theirs, ours)
  expect(rest).toEqual({ theirs: 5, ours: 3, both: 2, share: 2 / 6, explained: 1 - 3 / 6 })
  expect(differences.map(({ sid, onlyTheirs, onlyOurs }) => [sid, onlyTheirs, onlyOurs])).toEqual([
    [3, 1, 1],
    [1, 1, 0],
    [2_610_328, 1, 0],
  ])
  expect(agreement(theirs, theirs).share).toBe(1)
})

test('what is seen here alone is explained by what the other says of the same frame, and no further', () => {
  const at = (sid: number, frame: number, more = {}) => ({
    ...alert(sid),
    pcap_cnt: frame,
    ...more,
  })
  const inTunnel = { pcap_cnt: undefined, tunnel: { pcap_cnt: 8 } }
  const theirs = [at(5, 9), at(6, 8, { ...inTunnel, tunnel: { pcap_cnt: 9 } })]
  const ours = [at(5, 9), at(5, 10), at(6, 8, inTunnel), at(6, 9, { ...inTunnel, tunnel: { pcap_cnt: 9 } })] // biome-ignore format: one line
  const { differences, explained } = agreement(readAlerts(eve('d', theirs)), readAlerts(eve('e', ours))) // biome-ignore format: one line
  const told = differences.map(({ sid, onlyTheirs, onlyOurs, why }) => [sid, onlyTheirs, onlyOurs, why?.slice(0, 11)]) // biome-ignore format: one line
  expect(told).toEqual([
    [5, 0, 1, undefined],
    [6, 0, 1, 'In a tunnel'],
  ])
  expect(explained).toBe(1 - 1 / 4)
})

test('where the other tells no ports of a frame, those that are told here make no difference', () => {
  const at = (sid: number, frame: number, ports: object) => ({ ...alert(sid, { proto: 'UDP', ...ports }), pcap_cnt: frame }) // biome-ignore format: one row
  const none = { src_port: 0, dest_port: 0 }
  const theirs = readAlerts(eve('f', [at(5, 7, none), at(5, 8, none), at(6, 9, {})]))
  const ours = readAlerts(eve('g', [at(5, 7, {}), at(5, 9, {}), at(6, 9, none)]))
  expect(agreement(theirs, ours)).toMatchObject({ theirs: 3, ours: 3, both: 1 })
})

test('what was seen is counted by type, in bytes too', () => {
  const flow = { bytes_toserver: 10, bytes_toclient: 5 }
  const path = eve('c', [{ event_type: 'flow', flow }, { event_type: 'flow', flow }, { event_type: 'fileinfo', fileinfo: { size: 7 } }]) // biome-ignore format: three rows
  expect(seenIn(path)).toEqual({ flow: 2, 'bytes of flows': 30, fileinfo: 1, 'bytes of files': 7 })
})

const RULES = join(folder, 'in.rules')
writeFileSync(
  RULES,
  `alert http $HOME_NET any -> [$EXTERNAL_NET,$HTTP_SERVERS] any (msg:"a"; content:"needle.example"; sid:1;)
#alert tcp any any -> $HOME_NET [80,81] (msg:"b"; pcre:"/x/"; content:"abcdefghij"; sid:2;)
alert tcp any any -> any any (msg:"c"; lua:x; sid:3;)
alert tcp any any -> any any (msg:"d"; content:"refused by the peer"; sid:4;)
alert tcp any any -> any any (msg:"e"; content:"twice"; sid:1;)
`,
)
const of = {
  files: [RULES],
  folder,
  loads: (file: string) => new Set(sidsOf(file).filter((sid) => sid !== 4)),
}

test('rules that both load, enabled ones first, and variants with other letters in the same places', () => {
  const [few, many] = makeRuleSets(of, [1, 5], 7)
  expect([few, many]).toMatchObject([{ rules: 1, variants: 0 }, { rules: 5, variants: 3 }]) // biome-ignore format: two sets
  expect(sidsOf(few?.file as string)).toEqual([1])
  const lines = readFileSync(many?.file as string, 'utf8')
    .trim()
    .split('\n')
  expect(lines.slice(0, 2).map((line) => line.includes('sid:1;') || line.includes('sid:2;'))).toEqual([true, true]) // biome-ignore format: one line
  for (const line of lines.slice(2)) {
    const [, literal = ''] = /content:"([^"]+)"/.exec(line) ?? []
    expect(literal).toMatch(/^[a-z]{6}\.[a-z]{7}$/)
    expect(literal).not.toBe('needle.example')
    expect(line).toMatch(/sid:90000\d\d;/)
  }
})

test('rules for anybody lose the names of networks, not the ports', () => {
  const made = readFileSync(makeAnyRules(of).file, 'utf8')
  expect(made).toContain('alert http any any -> any any (')
  expect(made).toContain('alert tcp any any -> any [80,81] (')
})

test('a set of no rules is there whatever sizes are asked for', () => {
  const fresh = mkdtempSync(join(folder, 'fresh-'))
  makeRuleSets({ ...of, folder: fresh }, [1], 7)
  const { file, rules } = makeNoRules(fresh)
  expect([readFileSync(file, 'utf8'), rules]).toEqual(['', 0])
})

test('a start is no inspection: its processor time is taken off', () => {
  const taken = (cpuSeconds: number) => ({ status: 0, log: '', wallSeconds: 9, cpuSeconds, peakMb: 10, engineSeconds: 2, packets: 1000, bytes: 1e6 }) // biome-ignore format: one run
  const runs = (cpu: number) => ({ whole: [taken(cpu + 1), taken(cpu + 1.5), taken(cpu + 3)], long: [], start: [taken(1), taken(0.5), taken(2)] }) // biome-ignore format: one side
  const same = agreement(new Map(), new Map())
  const found = compare({ capture: 'x', rules: 0, packets: 1_000_000, bytes: 1e9 }, { suricata: runs(4), picket: runs(2) }, same) // biome-ignore format: one call
  expect(found.suricata.kppsPerCpuSecond).toEqual({ median: 222, low: 167, high: 250 })
  expect(found.times).toBe(1.8)
})
