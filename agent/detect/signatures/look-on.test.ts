/** Rules over streams find the same however a stream is cut, though they look at nothing twice. */
import { expect, test } from 'vitest'
import { Chance } from '../../../test/traffic/chance.ts'
import { tcp } from '../../../test/traffic/frames.ts'
import { SignatureLab } from '../../../test/traffic/signature-lab.ts'
import { leadOf } from './lead.ts'
import { RuleSet } from './rule-set.ts'

const SEED = Number(process.env['PICKET_SEED'] ?? (Math.random() * 2 ** 32) >>> 0)
process.stderr.write(`look-on: PICKET_SEED=${SEED}\n`)

/** None asks for an end, or for what is nowhere: answers that more bytes could change from yes to no. */
const ASKED = [
  'pcre:"/ab{2,4}1/";',
  'pcre:"/[ab]1[=b]a/";',
  'pcre:"/=[b1]+a{2,}[b=]1/"; content:"=";',
  'pcre:"/a+b*1=/i";',
  'pcre:"/(?<=1)b(?=a)/";',
  'pcre:"/\\bab(?=1)/";',
  'pcre:"/(a|b)\\1=1\\n?1/m";',
  'pcre:"/^ab/";',
  'pcre:"/a[b1]{3}=/"; content:"b1b";',
  'pcre:"/1=a[b1]*=b/";',
  'pcre:"/(ab1|1=b)+=?a/i";',
  'pcre:"/(?<=b)(ab1|aab|b1=)a?(?=[b1])/"; content:"=";',
  'pcre:"/=.{0,9}=/"; content:"aa"; content:"11"; within:4;',
  'content:"a"; content:"1"; distance:1; within:2; content:"="; distance:0; within:3;',
  'content:"ab"; content:"ab"; distance:2; within:3; pcre:"/1=1/";',
  'content:"b1"; offset:3; content:"=a"; distance:-1; within:6;',
  'content:"1"; isdataat:5,relative; content:"a"; within:2; content:"bb"; distance:0;',
  'content:"=="; content:"a1"; distance:5;',
  'content:"1"; nocase; content:"B"; nocase; within:1; byte_test:1,>,96,0,relative;',
  'content:"1"; content:!"a"; within:3; content:!"b"; within:2;',
  'content:"b"; offset:2; content:!"="; distance:1; within:4; content:"1"; within:5;',
  'content:"b1"; isdataat:!4,relative;',
  // Of the beginning as long as that is kept.
  'content:!"ab"; depth:4; content:"b1"; depth:80;',
  'content:!"a"; offset:3; depth:6; content:"b="; depth:80;',
]
const RULES = ASKED.map(
  (options, i) =>
    `alert ${options.includes(':!') ? 'tcp-stream' : 'tcp'} any any -> any any (msg:"x"; flow:to_server; ${options} sid:${i + 1};)`,
).join('\n')

const ends = (port: number) => ({
  src: '10.0.0.5',
  dest: '203.0.113.9',
  srcPort: port,
  destPort: 80,
})

const STREAMS_MAX = 50
let lab = new SignatureLab(RULES)
let streams = 0

/** What has fired in a stream of these pieces, each rule once. `together`: whether one is looked through with the next. */
function fired(pieces: readonly string[], together = (_: number) => false): number[] {
  if (++streams % STREAMS_MAX === 0) lab = new SignatureLab(RULES) // its table is small
  const last = pieces.length - 1
  const parts = pieces.map((piece, i) => ['>', piece, i < last && together(i)] as const)
  const all = lab.segments(parts, ends(40_000 + streams))
  lab.engine.ended(lab.table.find(lab.frame(tcp(ends(40_000 + streams), { seq: 99, flags: 16 }))))
  all.push(...lab.take())
  return [...new Set(all)].sort((a, b) => a - b)
}

test('a stream in pieces and in one', () => {
  expect(lab.refused).toEqual([])
  const chance = new Chance(SEED)
  const seen = new Set<number>()
  for (let round = 0; round < 150; round++) {
    const letters = chance.pick(['ab1=', 'aabb11= \n', 'ab'])
    const text = Array.from({ length: chance.int(1, 90) }, () =>
      chance.pick(letters.split('')),
    ).join('')
    const pieces: string[] = []
    for (let at = 0; at < text.length; ) {
      const size = chance.int(1, chance.pick([1, 3, 20]))
      pieces.push(text.slice(at, at + size))
      at += size
    }
    const whole = fired([text])
    for (const sid of whole) seen.add(sid)
    expect(fired(pieces), JSON.stringify(pieces)).toEqual(whole)
    const held = pieces.map(() => chance.int(0, 1) === 1)
    expect(
      fired(pieces, (i) => held[i] === true),
      JSON.stringify([pieces, held]),
    ).toEqual(whole)
  }
  expect(seen.size).toBeGreaterThan(ASKED.length / 2)
})

test('long pieces, looked through alone or together, lose nothing between them', () => {
  const chance = new Chance(SEED)
  for (let round = 0; round < 40; round++) {
    const at = chance.int(0, 30_000)
    const text = `${'.'.repeat(at)}.ab1=a1${'.'.repeat(20_000)}`
    const pieces: string[] = []
    for (let from = 0; from < text.length; ) {
      const size = chance.int(1, chance.pick([100, 1460, 1460, 17_000]))
      pieces.push(text.slice(from, Math.min(text.length, from + size, from + 1460)))
      from += (pieces.at(-1) as string).length
    }
    const held = pieces.map(() => chance.int(0, 3) > 0)
    const alone = fired(pieces)
    expect(alone.length).toBeGreaterThan(0)
    const together = fired(pieces, (i) => held[i] === true)
    expect(together, `${at} ${JSON.stringify(held)}`).toEqual(alone)
  }
})

test('what must be at the beginning of a stream is not found where what is kept of it begins', () => {
  const rule = (options: string, sid: number) =>
    `alert tcp any any -> any any (flow:to_server; ${options} sid:${sid};)`
  const rules = ['pcre:"/^ab/";', 'pcre:"/\\Aab/";', 'pcre:"/ab/A";', 'pcre:"/^ab/m";', 'pcre:"/\\\\A/";', 'content:"|00|"; pcre:"/^ab/R";', 'pcre:"/(\\Aab|\\n\\.?a)/";'] // biome-ignore format: one list
  const found = (at: number, before = '.') => {
    const lab = new SignatureLab(rules.map((options, i) => rule(options, i + 1)).join('\n'))
    const text = `${'.'.repeat(at).slice(0, -1)}${at > 0 ? before : ''}ab.\\A..`.padEnd(
      at + 6000,
      '.',
    )
    const parts = Array.from({ length: text.length / 1000 }, (_, i) => ['>', text.slice(i * 1000, (i + 1) * 1000)] as const) // biome-ignore format: one list
    return [...new Set(lab.segments(parts))].sort()
  }
  expect(found(0)).toEqual([1, 2, 3, 4, 5, 7])
  // Of the last either half may be met: it is asked as ever, rather than missed.
  const bound = (at: number) => found(at).filter((sid) => sid !== 7)
  for (let at = 1; at < 1000; at++) expect(bound(at), `${at}`).toEqual([5])
  expect(found(7500, '\n')).toEqual([4, 5, 7])
  expect(found(7500, '\0')).toEqual([5, 6])
})

test('what a lead is: as far as a bounded stretch of bytes answers', () => {
  const lead = (options: string) => {
    const text = `alert tcp any any -> any any (${options} sid:1;)`
    const [signature] = RuleSet.load([{ path: 'x', text }]).ruleSet.signatures
    return leadOf(signature?.payload ?? [])
  }
  expect(lead('content:"ab"; content:"cd"; distance:1; within:4; content:"e";')).toEqual({ count: 2, reach: 7 }) // biome-ignore format: one line
  expect(lead('content:"ab"; content:"cd"; distance:1;')).toEqual({ count: 1, reach: 2 })
  expect(lead('content:"ab"; isdataat:9,relative;')).toEqual({ count: 2, reach: 12 })
  expect(lead('pcre:"/ab/"; content:"c";')).toEqual({ count: 1, reach: undefined })
  expect(lead('pcre:"/ab/"; content:"c"; distance:1;')).toBeUndefined()
  expect(lead('pcre:"/^ab/";')).toBeUndefined()
  expect(lead('content:!"ab";')).toBeUndefined()
})

test('an expression that has failed on a long stream costs no more with each piece', () => {
  const lab = new SignatureLab('alert tcp any any -> any any (pcre:"/x[ab]+y/"; sid:1;)')
  const piece = 'ab'.repeat(512)
  const cost = (count: number) => {
    const start = process.threadCpuUsage().user
    const parts = Array.from({ length: count }, () => ['>', piece] as const)
    expect(lab.segments(parts)).toEqual([])
    return process.threadCpuUsage().user - start
  }
  cost(200)
  expect(cost(400) / 400).toBeLessThan(500)
})
