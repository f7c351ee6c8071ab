/** The shape of an expression is in whatever it matches; PCRE2 is asked what matches. */
import { expect, test } from 'vitest'
import { Chance } from '../../../test/traffic/chance.ts'
import { SignatureLab } from '../../../test/traffic/signature-lab.ts'
import { Candidates } from '../prefilter/prefilter.ts'
import { PIECE_BYTES_MAX, ScanRoom } from '../prefilter/scan-room.ts'
import { ShapeFilter } from '../prefilter/shapes.ts'
import { FLAG_BITS, Regex } from './regex.ts'
import { type Shape, shapeOf } from './regex-shape.ts'

const SEED = Number(process.env['PICKET_SEED'] ?? (Math.random() * 2 ** 32) >>> 0)
process.stderr.write(`regex-shape: PICKET_SEED=${SEED}\n`)

const of = (pattern: string, flags = '') => {
  const options = [...flags].reduce((bits, flag) => bits | (FLAG_BITS[flag] ?? 0), 0)
  return shapeOf(new Regex(pattern, options))
}

/** As a class is written; `.` for any byte. */
function words(shape: Shape | undefined): string[] | undefined {
  return shape?.places.map((bytes) => {
    const all = [...bytes.keys()].filter((c) => bytes[c] === 1)
    return all.length === 256 ? '.' : String.fromCharCode(...all)
  })
}

const DIGITS = '0123456789'

test.each([
  ['an end of one alternative', '-[34]x|-9y_', ['-', '349', 'xy']],
  ['alternatives as one', '=(3[47]b|20b)', ['=', '23', '047', 'b']],
  [
    'the rarest of those that must be there',
    'the ~%\\x02\\d{2} an',
    [' ', '~', '%', '\x02', DIGITS, DIGITS, ' ', 'a', 'n'],
  ],
  ['what may follow, whichever it is', 'q(?:\\s*z)j', ['q', '\t\n\v\f\r z', '\t\n\v\f\r jz']],
  ['an end at the third', '~[!]^[xy]', ['~', '!', 'xy']],
  ['bytes by number, ranges, and not', '\\x01[^\\x00-\\xfd][\\x80-\\x82]', ['\x01', '\xfe\xff', '\x80\x81\x82']], // biome-ignore format: one row
  ['every digit of a number', '-\\d{9}\\.', ['-', ...Array(9).fill(DIGITS), '.']],
  ['sixteen at the most', '~!%\\d{30}', ['~', '!', '%', ...Array(13).fill(DIGITS)]],
  ['what comes more than once', '(?:!~){2,3}', ['!', '~', '!', '~']],
  ['a group by its name is anything', '(?P<a>!)~(?P=a)%%%', ['%', '%', '%']],
  ['what is looked at is no part of it', '(?=abc)!(?!x)~(?<=~)%', ['!', '~', '%']],
  ['nothing of two bytes', '!~', undefined],
  ['nothing of what may not be there', '(?:!~%)?a', undefined],
  ['nothing where something is not known', '!~%(?i)x', undefined],
  ['nothing of a count with spaces', '!~{ 2 }%a', undefined],
  ['nothing of a quotation', '\\Q!~%\\E', undefined],
  ['nothing of named classes', '![[:digit:]]~', undefined],
])('%s', (_, pattern, places) => {
  expect(words(of(pattern))).toEqual(places)
})

test('either case where the expression says so', () => {
  expect(words(of('!a[b-c]~', 'i'))).toEqual(['!', 'Aa', 'BCbc', '~'])
  expect(words(of('!a[b-c]~'))).toEqual(['!', 'a', 'bc', '~'])
  expect(of('!a ~', 'x')).toBeUndefined()
})

function expression(chance: Chance, depth: number): string {
  const atom = () => {
    const kind = chance.int(0, depth > 0 ? 9 : 6)
    if (kind < 4) return chance.pick(['a', 'b', '1', '=', '\\x61', '\\d', '\\D'])
    if (kind < 6)
      return chance.pick(['[ab]', '[^a]', '[1-4=]', '[^\\d=]', '[a\\d-]', '[]a]', '.', '\\w'])
    if (kind === 6) return chance.pick(['\\b', '^', '(?=a)', '(?<!b)', '$'])
    return `(${chance.pick(['', '?:', '?<x>'])}${expression(chance, depth - 1)})`.replace('?<x>', depth === 2 ? '?<x>' : '?:') // biome-ignore format: one line
  }
  const count = () => chance.pick(['', '', '', '', '?', '*', '+', '{2}', '{0,2}', '{1}', '{3,}', '{5}', '+?']) // biome-ignore format: one list
  const one = () => Array.from({ length: chance.int(1, 5) }, () => atom() + (chance.int(0, 2) === 0 ? count() : '')).join('') // biome-ignore format: one line
  return Array.from({ length: chance.int(1, 2) }, one).join('|')
}

test('PCRE2 matches nothing that has not the shape', () => {
  const chance = new Chance(SEED)
  let matched = 0
  let shaped = 0
  for (let round = 0; round < 1500; round++) {
    const pattern = expression(chance, 2)
    let regex: Regex
    try {
      regex = new Regex(pattern, chance.pick([0, FLAG_BITS['i'] as number, FLAG_BITS['s'] as number])) // biome-ignore format: one line
    } catch {
      continue // two groups of one name
    }
    const shape = shapeOf(regex)
    if (!shape) continue
    shaped++
    const room = new ScanRoom()
    const filter = new ShapeFilter(room)
    filter.add(shape.places, 0)
    filter.build()
    const found = new Candidates(1)
    for (let text = 0; text < 10; text++) {
      const subject = Buffer.from(Array.from({ length: chance.int(3, 24) }, () => chance.pick([...'ab1=A4]-\n'])).join('')) // biome-ignore format: one line
      if (regex.search(subject, 0) !== 1) continue
      matched++
      const bytes = subject.subarray(regex.matchStart, regex.matchEnd)
      found.clear()
      const at = room.put(bytes, 0, bytes.length)
      filter.look(at, at + bytes.length, found, at)
      if (found.count !== 1) expect({ pattern, bytes: bytes.toString() }).toBeUndefined()
    }
  }
  expect(shaped).toBeGreaterThan(200)
  expect(matched).toBeGreaterThan(200)
})

test('shapes are found wherever they lie, and in pieces', () => {
  const chance = new Chance(SEED)
  for (let round = 0; round < 60; round++) {
    const room = new ScanRoom()
    const filter = new ShapeFilter(room)
    const density = chance.pick([1, 1, 2])
    const some = () =>
      Uint8Array.from({ length: 256 }, (_, c) => +(c < 8 && chance.int(0, 2) < density))
    const shapes = Array.from({ length: chance.int(1, 19) }, () =>
      Array.from({ length: chance.pick([3, 4, 4, 5, 9, 16]) }, some),
    )
    for (const [rule, places] of shapes.entries()) filter.add(places, rule)
    filter.build()
    const text = Buffer.from(Array.from({ length: chance.pick([4, 19, 90, 400]) }, () => chance.int(0, 9))) // biome-ignore format: one line
    const lies = (places: readonly Uint8Array[], at: number) =>
      places.every((set, i) => at + i < text.length && set[text[at + i] as number] === 1)
    const cut = chance.int(0, text.length)
    const found = new Candidates(shapes.length)
    const all = new Set<number>()
    for (const [start, end] of [
      [0, cut],
      [Math.max(0, cut - filter.longest + 1), text.length],
    ] as const) {
      found.clear()
      const at = room.put(text, start, end)
      filter.look(at, at + end - start, found, at + (start === 0 ? 0 : cut - start))
      for (const rule of found.list.subarray(0, found.count)) all.add(rule)
    }
    const expected = [...shapes.keys()].filter((rule) =>
      [...text.keys()].some((at) => lies(shapes[rule] ?? [], at)),
    )
    expect([...all].sort((a, b) => a - b)).toEqual(expected)
  }
})

test('of a buffer longer than a piece too, and not in what the one before has left behind', () => {
  const room = new ScanRoom()
  const filter = new ShapeFilter(room)
  const digit = Uint8Array.from({ length: 256 }, (_, c) => +(c >= 0x30 && c <= 0x39))
  filter.add(Array.from({ length: 12 }, () => digit), 0) // biome-ignore format: one line
  filter.build()
  const found = new Candidates(1)
  const says = (bytes: Uint8Array) => {
    found.clear()
    filter.scan(bytes, 0, bytes.length, found)
    return found.count === 1
  }
  for (const at of [0, PIECE_BYTES_MAX - 12, PIECE_BYTES_MAX - 7, PIECE_BYTES_MAX + 50]) {
    const text = Buffer.alloc(PIECE_BYTES_MAX + 100, '.')
    text.write('123456789012', at)
    expect(says(text)).toBe(true)
  }
  expect(says(Buffer.from('.12345678901'))).toBe(false)
  expect(says(Buffer.from('.1234567'))).toBe(false)
})

const CARD = 'pcre:"/ (3[47]\\d{2}|2014|1800)\\d{11} /"; sid:1;'

test('a rule without a literal is judged where its shape is whole, in datagrams and in streams', () => {
  const datagrams = new SignatureLab(`alert udp any any -> any any (${CARD})`)
  expect(datagrams.datagram(' 3412 345678 2014123456789 ')).toEqual([])
  expect(datagrams.engine.counters.judged).toBe(0)
  expect(datagrams.datagram('a 341234567890123 b')).toEqual([1])
  expect(datagrams.datagram(`${'.'.repeat(PIECE_BYTES_MAX - 9)} 201412345678901 `)).toEqual([1])
  const text = 'a 180012345678901 b'
  for (let cut = 1; cut < text.length; cut++) {
    const streams = new SignatureLab(`alert tcp any any -> any any (${CARD})`)
    const parts = [' 2014 3456', text.slice(0, cut), text.slice(cut)]
    expect(streams.segments(parts.map((part) => ['>', part] as const))).toEqual([1])
    expect(streams.engine.counters.judged).toBeLessThan(3)
  }
})
