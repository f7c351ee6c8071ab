/** Rules that take over while flows are under way: what flows remember, and what is given back. */
import { expect, test } from 'vitest'
import { httpExchange, SignatureLab } from '../test/traffic/signature-lab.ts'
import { RuleLoading, RuleSet } from './detect/signatures/rule-set.ts'
import { RuleSwap } from './rule-swap.ts'

const rule = (options: string, sid: number, header = 'alert tcp any any -> any any') =>
  `${header} (msg:"x"; ${options} sid:${sid}; rev:1;)`
const text = (...rules: string[]) => rules.join('\n')

test('a literal that two sets see half of each is found', () => {
  const split = rule('content:"one half"; content:"the other"; distance:0;', 1)
  const lab = new SignatureLab(split)
  expect(lab.segments([['>', 'this is one half and']])).toEqual([])
  lab.replace(text(rule('content:"unseen";', 2), split))
  expect(lab.segments([['>', ' this is the other']])).toEqual([1])
})

test('what fired once in a stream fires no second time, under whichever number', () => {
  const once = rule('pcre:"/seen \\d/"; flow:to_server;', 3)
  const lab = new SignatureLab(once)
  expect(lab.segments([['>', 'seen 1']])).toEqual([3])
  lab.replace(text(...[7, 8, 9].map((sid) => rule('content:"other";', sid)), once))
  expect(lab.segments([['>', ' and more']])).toEqual([])
})

test('a rule that waits for its protocol waits on, and one that is gone does not', () => {
  const [stays, goes] = [
    rule('content:"secret";', 4, 'alert http any any -> any any'),
    rule('content:"a secret";', 5, 'alert http any any -> any any'),
  ] as const
  const lab = new SignatureLab(text(stays, goes))
  expect(lab.segments([['>', 'a secret']])).toEqual([])
  lab.replace(text(rule('content:"new";', 6), stays))
  lab.appProto = 'http'
  expect(lab.segments([['>', 'the end']])).toEqual([4])
})

test('values of sets and bits of flows stay', () => {
  const put = rule(
    'http.uri; content:"/keep"; dataset:set,paths;',
    1,
    'alert http any any -> any any',
  )
  const ask = rule('http.uri; dataset:isset,paths;', 2, 'alert http any any -> any any')
  const bit = rule('content:"first"; flowbits:set,met;', 3)
  const lab = new SignatureLab(text(put, bit))
  const http = httpExchange({ uri: '/keep' })
  expect(lab.transaction({ proto: 'http', stage: 'done', http })).toEqual([1])
  expect(lab.segments([['>', 'first']])).toEqual([3])
  lab.replace(text(ask, put, rule('content:"then"; flowbits:isset,met;', 4)))
  expect(lab.segments([['>', 'then']])).toEqual([4])
  expect(lab.transaction({ proto: 'http', stage: 'done', http: httpExchange({ uri: '/keep' }) })).toEqual([2]) // biome-ignore format: one line
})

test('a transaction that is under way is told no second time', () => {
  const asked = rule('http.uri; content:"/index";', 1, 'alert http any any -> any any')
  const lab = new SignatureLab(asked)
  const http = httpExchange({ responseDone: false })
  expect(lab.transaction({ proto: 'http', stage: 'response', http })).toEqual([1])
  lab.replace(text(rule('content:"other";', 2), asked))
  expect(lab.transaction({ proto: 'http', stage: 'done', http })).toEqual([])
})

test('expressions of rules that stay find on, those of rules that go are given back', () => {
  const [stays, goes] = [rule('pcre:"/abc\\d/";', 1), rule('pcre:"/xyz\\d/";', 2)] as const
  const lab = new SignatureLab(text(stays, goes))
  const of = (sid: number) => lab.rules.signatures.find(({ hit }) => hit.sid === sid)?.payload[0]
  const [kept, gone] = [of(1), of(2)]
  lab.replace(stays)
  const found = (condition: typeof kept, bytes: string) =>
    condition?.type === 'pcre' && condition.regex.search(Buffer.from(bytes), 0)
  expect(of(1)).toBe(kept)
  expect(found(kept, 'abc1')).toBe(1)
  expect(found(gone, 'xyz1')).toBe(0)
})

test('a set loaded in parts is the set loaded whole, and newer rules take the place of what is being loaded', () => {
  const rules = Array.from({ length: 3000 }, (_, i) =>
    rule(`content:"pattern ${i} of many"; priority:${1 + (i % 4)};`, i + 1),
  )
  const before = RuleSet.load([{ path: 'x', text: 'nothing' }]).ruleSet
  let swapped = 0
  const swap = new RuleSwap(before, () => void swapped++)
  swap.begin(new RuleLoading([{ path: 'a', text: rule('content:"let go";', 1) }], { before }))
  swap.begin(new RuleLoading([{ path: 'b', text: text(...rules) }], { before }))
  let parts = 0
  while (swap.busy) {
    swap.step(false)
    parts++
  }
  expect(swapped).toBe(1)
  expect(parts).toBeGreaterThan(10)
  const whole = RuleSet.load([{ path: 'b', text: text(...rules) }]).ruleSet
  const places = (set: RuleSet) =>
    set.signatures.map(({ hit, index, rank }) => [hit.sid, index, rank])
  expect(places(swap.current)).toEqual(places(whole))
})
