/** Where rules are looked for: never short of where they match. */
import { expect, test } from 'vitest'
import { Chance } from '../../../test/traffic/chance.ts'
import { SignatureLab } from '../../../test/traffic/signature-lab.ts'
import { Inspector } from './inspect.ts'
import { mustBeWithin, nearStart } from './near-start.ts'
import { RuleSet } from './rule-set.ts'

const SEED = Number(process.env['PICKET_SEED'] ?? (Math.random() * 2 ** 32) >>> 0)
process.stderr.write(`near-start: PICKET_SEED=${SEED}\n`)

const LETTERS = ['a', 'b', 'B', 'c']
const text = (chance: Chance, least: number, most: number) =>
  Array.from({ length: chance.int(least, most) }, () => chance.pick(LETTERS)).join('')

/** A content as rules have them, over three letters, so that it is there often and not often. */
function content(chance: Chance, first: boolean): string {
  const bytes = text(chance, 1, 3)
  const maybe = (share: number, word: string) => (chance.int(0, 99) < share ? word : '')
  const relative = !first && chance.int(0, 2) > 0
  const offset = chance.int(0, 5)
  const place = relative
    ? `distance:${chance.int(-2, 4)}; ${maybe(60, `within:${bytes.length + chance.int(0, 6)};`)}`
    : maybe(60, `offset:${offset}; depth:${bytes.length + chance.int(0, 9)};`) || maybe(20, 'startswith;') // biome-ignore format: one line
  const not = maybe(10, '!')
  return `content:${not}"${bytes}"; ${maybe(30, 'nocase;')} ${place}`
}

function options(chance: Chance): string {
  return Array.from({ length: chance.int(1, 4) }, (_, i) => content(chance, i === 0)).join(' ')
}

const lower = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1').toLowerCase()

test('what must be near the beginning is there in whatever matches', () => {
  const chance = new Chance(SEED)
  const rules = Array.from({ length: 600 }, (_, i) => `alert tcp any any -> any any (msg:"x"; ${options(chance)} sid:${i + 1};)`) // biome-ignore format: one list
  const { ruleSet } = RuleSet.load([{ path: 'x', text: rules.join('\n') }])
  const inspector = new Inspector()
  let matched = 0
  for (const { payload, fast, hit } of ruleSet.signatures)
    for (let i = 0; i < 60; i++) {
      const bytes = Buffer.from(text(chance, 0, 30))
      inspector.refill()
      if (!inspector.matches(payload, bytes, 0, bytes.length)) continue
      const near = nearStart({ payload, fast }, 20)
      const within = mustBeWithin({ payload })
      if (!near || within === undefined) continue
      matched++
      const { pattern, end } = near
      const there = pattern.nocase ? lower(bytes) : bytes.toString('latin1')
      const wanted = Buffer.from(pattern.bytes).toString('latin1')
      if (!there.slice(0, end).includes(wanted))
        expect.fail(`${rules[hit.sid - 1]} has ${wanted} not before ${end} of ${bytes}`)
      expect(within).toBeLessThanOrEqual(end)
    }
  expect(matched).toBeGreaterThan(500)
})

const ONE = 'alert tcp any any -> any'

test.each([
  ['far behind its beginning', `${ONE} any (content:"head"; depth:4; content:"tail"; sid:1;)`, `head${'-'.repeat(1300)}tail`, 80, true], // biome-ignore format: a table
  ['a beginning, a byte too late', `${ONE} any (content:"head"; depth:4; flow:no_stream; sid:1;)`, '-head', 80, false], // biome-ignore format: a table
  ['the last place of a beginning', `${ONE} any (content:"head"; offset:508; depth:4; sid:1;)`, `${'-'.repeat(508)}head`, 80, true], // biome-ignore format: a table
  ['behind any beginning', `${ONE} any (content:"head"; offset:900; depth:4; sid:1;)`, `${'-'.repeat(900)}head`, 80, true], // biome-ignore format: a table
  ['at its port', `${ONE} 8080 (content:"tail"; offset:600; sid:1;)`, `${'-'.repeat(700)}tail`, 8080, true], // biome-ignore format: a table
  ['at another port', `${ONE} 8080 (content:"tail"; offset:600; sid:1;)`, `${'-'.repeat(700)}tail`, 8081, false], // biome-ignore format: a table
  ['at its port, for either end', 'alert tcp any 8080 <> any any (content:"tail"; offset:600; sid:1;)', `${'-'.repeat(700)}tail`, 8080, true], // biome-ignore format: a table
  ['in few bytes', `${ONE} any (dsize:<9; content:"x"; sid:1;)`, '-------x', 80, true], // biome-ignore format: a table
  ['in one byte more', `${ONE} any (dsize:<9; content:"x"; sid:1;)`, '-------x-', 80, false], // biome-ignore format: a table
])('a segment is looked through %s', (_, rule, data, destPort, fires) => {
  const lab = new SignatureLab(rule.replace('(', '(msg:"x"; '))
  expect(lab.refused).toEqual([])
  const ends = { src: '10.0.0.5', dest: '203.0.113.9', srcPort: 40_000, destPort }
  expect(lab.segments([['>', data]], ends).length > 0).toBe(fires)
})

test('twenty rules with one beginning are told apart by what else they ask for', () => {
  const rules = Array.from({ length: 20 }, (_, i) => `${ONE} 445 (msg:"x"; content:"|FF|SMB"; depth:8; content:"word${i}."; sid:${i + 1};)`) // biome-ignore format: one list
  const lab = new SignatureLab(rules.join('\n'))
  const ends = { src: '10.0.0.5', dest: '203.0.113.9', srcPort: 40_000, destPort: 445 }
  const frame = Buffer.concat([Buffer.from('0000002cff534d42', 'hex'), Buffer.from('..word7.')])
  expect([...new Set(lab.segments([['>', frame]], ends))]).toEqual([8])
})
