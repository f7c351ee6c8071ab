import { expect, test } from 'vitest'
import { Chance } from '../../../test/traffic/chance.ts'
import { type Condition, type Content, decide, follow } from './condition.ts'
import { Inspector } from './inspect.ts'
import { skipTable } from './search.ts'

const SEED = Number(process.env.PICKET_SEED ?? Math.floor(Math.random() * 2 ** 31))
const CHAINS = 30_000

const number = (value: number) => ({ value, slot: -1 as const })

/** A content over three letters, so that chains match often and fail often. */
function content(chance: Chance, first: boolean): Content {
  const bytes = Buffer.from(Array.from({ length: chance.int(1, 3) }, () => chance.int(97, 99)))
  const relative = !first && chance.int(0, 3) > 0
  const one = (share: number, value: number) =>
    chance.int(0, 99) < share ? number(value) : undefined
  const distance = relative ? number(chance.int(-2, 4)) : undefined
  const within = relative ? one(40, bytes.length + chance.int(0, 6)) : undefined
  const offset = relative ? undefined : one(30, chance.int(0, 6))
  return {
    type: 'content',
    bytes,
    nocase: false,
    negated: chance.int(0, 9) === 0,
    skip: skipTable(bytes, false),
    offset,
    depth: relative ? undefined : one(30, (offset?.value ?? 0) + bytes.length + chance.int(0, 20)),
    distance,
    within,
    startsWith: false,
    endsWith: chance.int(0, 19) === 0,
    followed: false,
    decides: false,
  }
}

function chain(chance: Chance): Condition[] {
  const list: Condition[] = []
  for (let i = 0, count = chance.int(2, 6); i < count; i++) {
    const next: Condition =
      i > 0 && chance.int(0, 9) === 0
        ? { type: 'isdataat', at: number(chance.int(0, 9)), negated: chance.int(0, 1) === 0, relative: true } // biome-ignore format: one line
        : content(chance, i === 0)
    list.push(next)
    const relative = next.type === 'isdataat' || (next.type === 'content' && next.distance)
    if (relative) follow(list, next)
  }
  return list
}

test(`an absence that decides changes no answer (seed ${SEED})`, () => {
  const chance = new Chance(SEED)
  const inspector = new Inspector()
  let matched = 0
  let decided = 0
  for (let i = 0; i < CHAINS; i++) {
    const list = chain(chance)
    const bytes = Buffer.from(Array.from({ length: chance.int(0, 40) }, () => chance.int(97, 99)))
    inspector.refill()
    const before = inspector.matches(list, bytes, 0, bytes.length)
    if (inspector.limit) continue
    decide(list)
    const after = inspector.matches(list, bytes, 0, bytes.length)
    if (after !== before) expect.fail(`${i}: ${bytes} ${JSON.stringify(list)}`)
    if (before) matched++
    if (list.some((each) => each.type === 'content' && each.decides)) decided++
  }
  expect(matched).toBeGreaterThan(CHAINS / 50)
  expect(decided).toBeGreaterThan(CHAINS / 2)
})

test('what all rules of one packet may search is bounded, and the next packet begins anew', () => {
  const first = content(new Chance(1), true)
  const a = { ...first, bytes: Buffer.from('a'), skip: skipTable(Buffer.from('a'), false), followed: true, negated: false, endsWith: false, offset: undefined, depth: undefined } // biome-ignore format: one line
  // Never there, asked for behind every `a`: what may stand in a window decides nothing.
  const z = { ...a, bytes: Buffer.from('z'), skip: skipTable(Buffer.from('z'), false), distance: number(0), within: number(60_000), followed: false } // biome-ignore format: one line
  const list = [a, z]
  decide(list)
  const bytes = Buffer.alloc(60_000, 'a')
  const inspector = new Inspector()
  const limits = Array.from({ length: 8 }, () => {
    expect(inspector.matches(list, bytes, 0, bytes.length)).toBe(false)
    return inspector.limit
  })
  expect(limits).toEqual(Array<string>(8).fill('steps'))
  const small = [{ ...a, followed: false }]
  expect(inspector.matches(small, bytes, 0, 10)).toBe(false)
  expect(inspector.limit).toBe('steps')
  inspector.refill()
  expect(inspector.matches(small, bytes, 0, 10)).toBe(true)
  expect(inspector.limit).toBeUndefined()
})
