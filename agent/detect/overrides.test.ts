import { describe, expect, test } from 'vitest'
import { OVERRIDES_MAX, type Override, Overrides, readOverride } from './overrides.ts'

const S = 1_000_000
const [A, B] = ['10.1.2.3', '2001:db8::9']
let made = 0

function override(more: Partial<Override>): Override {
  made++
  const id = `01930000-0000-7000-8000-${String(made).padStart(12, '0')}`
  const asked = readOverride({ rule_id: 'sid:7', act: 'suppress', comment: 'known', ...more })
  return { ...asked, override_id: id, by: 'thandi', at: made }
}

function holding(...list: Override[]): Overrides {
  const overrides = new Overrides()
  for (const each of list) overrides.add(each)
  return overrides
}

describe('what is held back', () => {
  test('a suppressed rule, and no other', () => {
    const overrides = holding(override({}))
    expect(overrides.holds('sid:7', A, B, 0)?.comment).toBe('known')
    expect(overrides.holds('sid:70', A, B, 0)).toBeUndefined()
    expect(overrides.list()[0]?.held).toBe(1)
  })

  test.for([
    ['src', '10.1.0.0/16', true],
    ['dest', '10.1.0.0/16', false],
    ['dest', '2001:db8::/32', true],
    ['either', '2001:db8::9', true],
    ['src', '10.2.0.0/16', false],
    ['either', '10.1.2.4', false],
  ] as const)('%s %s: %s', ([side, address, held]) => {
    const overrides = holding(override({ where: { side, address } }))
    expect(overrides.holds('sid:7', A, B, 0) !== undefined).toBe(held)
  })

  test('a limit shows so many of each source in its time, and then again', () => {
    const threshold = { kind: 'limit', track: 'by_src', count: 2, seconds: 60 } as const
    const overrides = holding(override({ act: 'threshold', threshold }))
    const shown = (src: string, at: number) =>
      overrides.holds('sid:7', src, B, at * S) === undefined
    expect([0, 1, 2, 59].map((at) => shown(A, at))).toEqual([true, true, false, false])
    expect(shown('10.1.2.4', 3)).toBe(true)
    expect(shown(A, 61)).toBe(true)
  })

  test('it ends at its time, by the time of the packet', () => {
    const overrides = holding(override({ act: 'disable', expires: 100 * S }))
    expect(overrides.holds('sid:7', A, B, 100 * S - 1)).toBeDefined()
    expect(overrides.holds('sid:7', A, B, 100 * S)).toBeUndefined()
  })

  test('a comment holds nothing back; two overrides of one rule are both asked', () => {
    const words = override({ act: 'comment', comment: 'watch this one' })
    const overrides = holding(words, override({ where: { side: 'src', address: A } }))
    expect(overrides.holds('sid:7', '10.9.9.9', B, 0)).toBeUndefined()
    expect(overrides.holds('sid:7', A, B, 0)).toBeDefined()
    expect(overrides.remove(words.override_id)?.comment).toBe('watch this one')
    expect(overrides.size).toBe(1)
  })
})

test('what is printed is read again; counts of a kept list start anew', () => {
  const overrides = holding(
    override({}),
    override({ rule_id: 'base:ssh-brute-force', act: 'disable' }),
  )
  overrides.holds('sid:7', A, B, 0)
  const again = Overrides.read(JSON.parse(JSON.stringify(overrides.list())))
  expect(again.list().map(({ rule_id, held }) => [rule_id, held])).toEqual([
    ['base:ssh-brute-force', 0],
    ['sid:7', 0],
  ])
})

test.for([
  [{ rule_id: 'nonsense' }, 'rule_id: it is no rule id'],
  [{ comment: '  ' }, 'comment: say why'],
  [{ where: { side: 'src', address: '10.0.0.0/99' } }, 'where.address: it is no address'],
  [{ act: 'threshold' }, 'a threshold has its numbers'],
  [{ act: 'disable', where: { side: 'src', address: A } }, 'only suppressing is for an address'],
  [{ surprise: 1 }, 'surprise'],
  [
    { threshold: { kind: 'limit', track: 'by_src', count: 0, seconds: 1 }, act: 'threshold' },
    'threshold.count',
  ],
] as const)('%j is refused and says why', ([more, words]) => {
  expect(() => readOverride({ rule_id: 'sid:7', act: 'suppress', comment: 'x', ...more })).toThrow(
    words,
  )
})

test('a site holds so many and no more', () => {
  const overrides = new Overrides()
  for (let i = 0; i < OVERRIDES_MAX; i++) overrides.add(override({ rule_id: `sid:${i}` }))
  expect(() => overrides.add(override({}))).toThrow('at most 1000')
})

test('how many rules are silenced and how many heard in part: of what holds now, each rule once', () => {
  const where = { side: 'src', address: '10.1.0.0/16' } as const
  const threshold = { kind: 'limit', track: 'by_src', count: 1, seconds: 3600 } as const
  const overrides = holding(
    override({ rule_id: 'sid:1', act: 'disable' }),
    override({ rule_id: 'sid:1', where }),
    override({ rule_id: 'sid:2' }),
    override({ rule_id: 'sid:3', where: { side: 'either', address: '0.0.0.0/0' } }),
    override({ rule_id: 'sid:4', act: 'threshold', threshold: { ...threshold, kind: 'both', count: 1_000_000 } }), // biome-ignore format: one line
    override({ rule_id: 'sid:5', where }),
    override({ rule_id: 'sid:6', act: 'threshold', threshold }),
    override({ rule_id: 'sid:7', act: 'comment' }),
    override({ rule_id: 'sid:8', act: 'disable', expires: 5 * S }),
  )
  overrides.holds('sid:2', A, B, 0)
  expect(overrides.tuned(0)).toEqual({ silenced: 5, narrowed: 2, held: 1 })
  expect(overrides.tuned(5 * S)).toEqual({ silenced: 4, narrowed: 2, held: 1 })
})
