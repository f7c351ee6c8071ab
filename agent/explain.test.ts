import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { corpus } from '../test/traffic/corpus.ts'
import { pcapFile, tcpConversation, timed } from '../test/traffic/frames.ts'
import { RULES } from '../test/traffic/rule-traffic.ts'
import { openFile } from './capture/file.ts'
import { type Override, Overrides } from './detect/overrides.ts'
import { ladderOf } from './detect/signatures/ladder.ts'
import { RuleSet } from './detect/signatures/rule-set.ts'
import { ruleLines } from './detect/signatures/rule-text.ts'
import { defaultVariables } from './detect/signatures/variables.ts'
import { explain, explanationWords } from './explain.ts'
import { readRuleFiles, shippedRuleFiles } from './rules-on-disk.ts'

const HOME = ['10.0.0.0/8']
const ENDS = { src: '10.0.0.5', dest: '192.0.2.9', srcPort: 40_000, destPort: 80 }
const request = (uri: string) => `GET ${uri} HTTP/1.1\r\nHost: a.example\r\n\r\n`
const WEB = pcapFile(
  timed([
    ...tcpConversation(ENDS, [
      { from: 'client', data: request('/cart?id=7') },
      { from: 'server', data: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi' },
    ]),
    ...tcpConversation({ ...ENDS, srcPort: 40_001 }, [
      { from: 'client', data: request('/cart?id=8') },
      { from: 'server', data: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi' },
    ]),
  ]),
)

const folder = mkdtempSync(join(tmpdir(), 'picket-explain-'))
afterAll(() => rmSync(folder, { recursive: true }))
const web = join(folder, 'web.pcap')
writeFileSync(web, WEB)

function over(rules: string, more: { home?: string[]; overrides?: Overrides } = {}) {
  return explain({
    rule: 'sid:7',
    ruleFiles: [{ path: 'mine.rules', text: rules }],
    home: HOME,
    ...more,
    capture: async function* () {
      yield openFile(web)
    },
  })
}

const CART =
  'alert http $HOME_NET any -> any any (msg:"cart"; flow:established,to_server; http.uri; content:"/cart"; nocase; startswith; content:"id=9"; distance:1; within:4; sid:7; rev:1;)'

describe('which condition stopped it', () => {
  test('the one that never held, and where those before it did', async () => {
    const found = await over(CART)
    expect(found.rungs.map(({ condition, held }) => [condition, held > 0])).toEqual([
      ['http $HOME_NET any -> any any', true],
      ['flow:established,to_server;', true],
      ['http.uri; content:"/cart"; nocase; startswith;', true],
      ['content:"id=9"; distance:1; within:4;', false],
    ])
    expect(found.stoppedBy?.condition).toBe('content:"id=9"; distance:1; within:4;')
    expect(found.stoppedBy?.after.map(({ packet, src }) => [packet, src])).toEqual([
      [4, '10.0.0.5 port 40000'],
      [expect.any(Number), '10.0.0.5 port 40001'],
    ])
    expect(found.stoppedBy?.after[0]?.said).toContain('/cart?id=7')
    expect(explanationWords(found).join('\n')).toContain(
      '"content:"id=9"; distance:1; within:4;" never held',
    )
  })

  test('the header, when the capture is of another network', async () => {
    const found = await over(CART, { home: ['172.16.0.0/12'] })
    expect(found.stoppedBy).toEqual({ condition: 'http $HOME_NET any -> any any', after: [] })
    expect(explanationWords(found).at(-1)).toContain('--home-net')
  })

  test('a flow bit that no rule has set; with the rule that sets it, it fires', async () => {
    const asks =
      'alert http any any -> any any (msg:"n"; flowbits:isset,seen; http.stat_code; content:"200"; sid:7; rev:1;)'
    const sets =
      'alert http any any -> any any (msg:"s"; http.uri; content:"id=7"; flowbits:set,seen; noalert; sid:8; rev:1;)'
    expect((await over(asks)).stoppedBy?.condition).toBe('flowbits:isset,seen;')
    expect(await over(`${sets}\n${asks}`)).toMatchObject({ matches: 1, told: 1 })
  })

  test('a pass rule that goes first', async () => {
    const pass =
      'pass http any any -> any any (msg:"p"; http.host; content:"a.example"; sid:8; rev:1;)'
    const fires = CART.replace('id=9', 'id=8')
    expect(await over(fires)).toMatchObject({ matches: 1, passed: false })
    expect(await over(`${pass}\n${fires}`)).toMatchObject({ matches: 0, passed: true })
  })
})

test('what fired and was held back says by what', async () => {
  const twice = CART.replace('content:"id=9"; distance:1; within:4; ', '')
  expect(await over(twice)).toMatchObject({ matches: 2, told: 2, belowThreshold: 0 })
  const limited = twice.replace(
    'sid:7',
    'threshold:type limit, track by_src, count 1, seconds 60; sid:7',
  )
  expect(await over(limited)).toMatchObject({ matches: 2, told: 1, belowThreshold: 1 })
  const overrides = new Overrides()
  const known: Override = {
    override_id: '01930000-0000-7000-8000-000000000001',
    ...{ rule_id: 'sid:7', act: 'suppress', comment: 'our own shop', by: 'thandi', at: 1 },
  }
  overrides.add(known)
  const found = await over(twice, { overrides })
  expect(found).toMatchObject({
    matches: 2,
    told: 0,
    heldBack: [{ comment: 'our own shop', held: 2 }],
  })
  expect(explanationWords(found).join('\n')).toContain('"our own shop"')
})

test('a rule that is not there, is none, or does not load', async () => {
  await expect(over(CART.replace('sid:7', 'sid:70'))).rejects.toThrow('No rule of these files')
  await expect(over(CART.replace('http.uri', 'http.nonsense'))).rejects.toThrow('http.nonsense')
})

test.each(globSync(join(RULES, '*/hit.pcap')).sort())('%s: every rung holds', async (path) => {
  const ruleFiles = readRuleFiles(shippedRuleFiles())
  const own = readFileSync(join(path, '../rule.rules'), 'utf8')
  for (const { sid, hit } of RuleSet.load([{ path, text: own }]).ruleSet.signatures.map(
    (signature) => ({ sid: signature.hit.sid, hit: !signature.noalert }),
  )) {
    if (!hit || sid === 1_000_000) continue
    const found = await explain({
      ...{ rule: `${sid}`, ruleFiles, home: HOME },
      capture: async function* () {
        yield openFile(path)
      },
    })
    expect(found.stoppedBy, `sid:${sid}`).toBeUndefined()
    expect(found.matches, `sid:${sid}`).toBeGreaterThan(0)
  }
})

const rules = corpus('rules')
test.skipIf(rules === undefined)(
  'rules of a public set, one in 21, have a ladder that ends in the whole rule',
  () => {
    const variables = defaultVariables(HOME)
    const text = readFileSync(join(rules ?? '', 'et-open-2025-BSD.rules'), 'utf8')
    let rungs = 0
    const wrong: string[] = []
    for (const { text: rule } of [...ruleLines(text)].filter((_, i) => i % 21 === 0)) {
      if (RuleSet.load([{ path: 'one', text: rule }], variables).loaded === 0) continue
      const ladder = ladderOf(rule, variables)
      rungs += ladder.length
      const top = ladder.at(-1)
      if (!top || RuleSet.load([{ path: 'top', text: top.text }], variables).loaded === 0)
        wrong.push(rule)
    }
    expect(wrong).toEqual([])
    expect(rungs).toBeGreaterThan(400)
  },
)
