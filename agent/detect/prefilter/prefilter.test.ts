/** Both prefilters against a search that is right by looking: every place of every pattern. */
import { expect, test } from 'vitest'
import { Chance } from '../../../test/traffic/chance.ts'
import { GramPrefilter } from './grams.ts'
import { Candidates, type Prefilter } from './prefilter.ts'
import { PIECE_BYTES_MAX, ScanRoom } from './scan-room.ts'
import { classTables } from './triple-classes.ts'
import { WasmPrefilter } from './wasm-grams.ts'

const SEED = Number(process.env['PICKET_SEED'] ?? (Math.random() * 2 ** 32) >>> 0)
process.stderr.write(`prefilter: PICKET_SEED=${SEED}\n`)

interface Pattern {
  bytes: Uint8Array
  nocase: boolean
}

const MADE: Record<string, () => Prefilter> = {
  javascript: () => new GramPrefilter(),
  webassembly: () => new WasmPrefilter(new ScanRoom()),
}

function filled(prefilter: Prefilter, patterns: readonly Pattern[]): Prefilter {
  for (const [rule, { bytes, nocase }] of patterns.entries()) prefilter.add(bytes, nocase, rule)
  prefilter.build()
  return prefilter
}

const low = (c: number) => (c >= 0x41 && c <= 0x5a ? c | 0x20 : c)

function liesAt({ bytes, nocase }: Pattern, text: Uint8Array, at: number): boolean {
  return bytes.every((c, i) =>
    nocase ? low(c) === low(text[at + i] as number) : c === text[at + i],
  )
}

/** Those that lie in [start, end) and end after `fresh`. */
function naive(
  patterns: readonly Pattern[],
  text: Uint8Array,
  [start, end, fresh]: readonly [number, number, number],
): number[] {
  return [...patterns.entries()].flatMap(([rule, pattern]) => {
    const { length } = pattern.bytes
    for (let at = Math.max(start, fresh - length + 1); at + length <= end; at++)
      if (liesAt(pattern, text, at)) return [rule]
    return []
  })
}

function scanned(
  prefilter: Prefilter,
  found: Candidates,
  text: Uint8Array,
  [start, end, fresh]: readonly [number, number, number],
): number[] {
  found.clear()
  prefilter.scan(text, start, end, found, fresh)
  return [...found.list.subarray(0, found.count)].sort((a, b) => a - b)
}

/** Few different bytes, so that patterns begin alike, overlap and occur; all of them now and then. */
function randomBytes(chance: Chance, length: number): Uint8Array {
  const letters = chance.pick(['aAbB', 'aA\0\x20', 'abcdefghABCDEFGH01', '\xff\xdf[{'])
  const any = chance.next() < 0.2
  return Uint8Array.from({ length }, () =>
    any ? chance.int(0, 255) : letters.charCodeAt(chance.int(0, letters.length - 1)),
  )
}

const lengthOf = (chance: Chance) =>
  chance.next() < 0.8 ? chance.int(1, 12) : chance.int(13, chance.pick([40, 60, 300]))

test.each(Object.keys(MADE))('%s finds what lies there and nothing else', (name) => {
  const chance = new Chance(SEED)
  for (let round = 0; round < 120; round++) {
    const patterns = Array.from({ length: chance.int(1, chance.pick([3, 40, 400])) }, () => ({
      bytes: randomBytes(chance, lengthOf(chance)),
      nocase: chance.next() < 0.5,
    }))
    const prefilter = filled((MADE[name] as () => Prefilter)(), patterns)
    const found = new Candidates(patterns.length)
    for (let i = 0; i < 8; i++) {
      const text = randomBytes(chance, chance.int(1, 500))
      for (const { bytes } of chance.sample(patterns, 5))
        if (bytes.length < text.length)
          text.set(bytes, chance.int(0, text.length - bytes.length - 1))
      const start = chance.int(0, Math.min(9, text.length - 1))
      const end = chance.int(start + 1, text.length)
      const at = [start, end, chance.next() < 0.5 ? start : chance.int(start, end)] as const
      expect(scanned(prefilter, found, text, at), `round ${round} ${at}`).toEqual(
        naive(patterns, text, at),
      )
    }
  }
})

test.each(Object.keys(MADE))('%s finds what pieces cut, once each piece', (name) => {
  const chance = new Chance(SEED)
  for (let round = 0; round < 30; round++) {
    const patterns = Array.from({ length: 60 }, () => ({
      bytes: randomBytes(chance, lengthOf(chance)),
      nocase: chance.next() < 0.5,
    }))
    const prefilter = filled((MADE[name] as () => Prefilter)(), patterns)
    const found = new Candidates(patterns.length)
    const text = randomBytes(chance, 2000)
    for (const { bytes } of patterns) text.set(bytes, chance.int(0, 2000 - bytes.length))
    const all = new Set<number>()
    for (let fresh = 0; fresh < text.length; ) {
      const end = Math.min(text.length, fresh + chance.int(1, 90))
      const at = [Math.max(0, fresh - prefilter.longest + 1), end, fresh] as const
      const rules = scanned(prefilter, found, text, at)
      expect(rules).toEqual(naive(patterns, text, at))
      for (const rule of rules) all.add(rule)
      fresh = end
    }
    expect([...all].sort((a, b) => a - b)).toEqual(naive(patterns, text, [0, 2000, 0]))
  }
})

/** Few are found by three bytes each; among so many others each way has its own sweep. */
test.each([0, 100])(
  'found wherever it begins and ends, among %i others of each length',
  (others) => {
    const chance = new Chance(SEED)
    const made = (bytes: string, nocase: boolean) => ({
      bytes: Buffer.from(bytes, 'latin1'),
      nocase,
    })
    const marks = ['x', 'xY', 'x\0Y', '-Yz-', 'five!', 'Sixth.', '7-bytes', 'EIGHTH=8', 'nine-Long', 'a\0\0\0\0\0\0\0z', 'a longer Mark than most'].flatMap((text) => [made(text, false), made(text.toLowerCase(), true)]) // biome-ignore format: one list
    const filling = Array.from({ length: 2 * others }, (_, i) => ({
      bytes: randomBytes(chance, i % 2 === 0 ? chance.int(4, 6) : chance.int(7, 20)),
      nocase: chance.next() < 0.5,
    }))
    const patterns = [...marks, ...filling]
    const prefilter = filled(new WasmPrefilter(new ScanRoom()), patterns)
    const found = new Candidates(patterns.length)
    for (const { bytes, nocase } of marks)
      for (let at = 0; at < 70; at++) {
        const text = randomBytes(chance, at + bytes.length + chance.int(0, 40))
        text.set(nocase ? Buffer.from(bytes.toString('latin1').toUpperCase(), 'latin1') : bytes, at)
        const start = chance.int(0, at)
        for (const fresh of [start, at + bytes.length - 1, at + bytes.length])
          for (const end of [text.length, at + bytes.length, at + bytes.length - 1])
            expect(
              scanned(prefilter, found, text, [start, Math.max(start, end), Math.min(fresh, end)]),
              `${bytes.toString('latin1')} at ${at}`,
            ).toEqual(naive(patterns, text, [start, end, Math.min(fresh, end)]))
      }
  },
)

test('every triple falls into a class that has its halves', () => {
  const chance = new Chance(SEED)
  const triples = Array.from({ length: 80 }, () =>
    [...randomBytes(chance, chance.int(2, 3))].map((c) => [c]),
  )
  const table = classTables(triples)
  const classes = (triple: readonly number[]) =>
    [0, 1, 2].reduce((left, place) => {
      const c = triple[place] ?? chance.int(0, 255)
      const at = place * 32
      return left & (table[at + (c & 15)] as number) & (table[at + 16 + (c >> 4)] as number)
    }, 0xff)
  for (const triple of triples) expect(classes(triple.map(([c]) => c as number))).not.toBe(0)
  expect(classTables([[[0x61], [0x62], [0x63]]]).reduce((all, each) => all + each, 0)).toBe(6)
})

test('a buffer longer than a piece is one buffer', () => {
  const marks = ['x', 'yz', 'four', 'a-longer-mark', 'l'.repeat(8192)].map((text) => ({
    bytes: Buffer.from(text),
    nocase: false,
  }))
  const prefilter = filled(new WasmPrefilter(new ScanRoom()), marks)
  const found = new Candidates(marks.length)
  for (const [rule, { bytes }] of marks.entries())
    for (const border of [PIECE_BYTES_MAX, 2 * PIECE_BYTES_MAX - 8191])
      for (const before of [0, 1, bytes.length - 1, bytes.length]) {
        const text = Buffer.alloc(3 * PIECE_BYTES_MAX, '.')
        text.set(bytes, border - before)
        const at = [0, text.length, 0] as const
        expect(scanned(prefilter, found, text, at)).toEqual([rule])
      }
})

test('bytes of the buffer before are not found in this one', () => {
  const prefilter = filled(
    new WasmPrefilter(new ScanRoom()),
    ['b', 'bc', 'bcd', 'bcde', 'bcdefgh'].map((text) => ({
      bytes: Buffer.from(text),
      nocase: false,
    })),
  )
  const found = new Candidates(5)
  expect(scanned(prefilter, found, Buffer.from('abcdefgh'), [0, 8, 0])).toEqual([0, 1, 2, 3, 4])
  expect(scanned(prefilter, found, Buffer.from('a'), [0, 1, 0])).toEqual([])
})

test('tables grow while a set is made, and each prefilter keeps its own', () => {
  const room = new ScanRoom()
  const chance = new Chance(SEED)
  const sets = Array.from({ length: 12 }, () =>
    Array.from({ length: 3000 }, () => ({ bytes: randomBytes(chance, 20), nocase: false })),
  )
  const made = sets.map((patterns) => filled(new WasmPrefilter(room), patterns))
  const found = new Candidates(3000)
  for (const [i, prefilter] of made.entries()) {
    const text = Buffer.concat((sets[(i + 1) % 12] ?? []).slice(0, 20).map(({ bytes }) => bytes))
    const at = [0, text.length, 0] as const
    expect(scanned(prefilter, found, text, at)).toEqual(naive(sets[i] ?? [], text, at))
  }
})

test('text made to look like many patterns is done in bounded time', () => {
  const patterns = Array.from({ length: 5000 }, (_, i) => ({
    bytes: Buffer.from(`GET /index.php?page=${String(i).padStart(5, '0')}`),
    nocase: true,
  }))
  const prefilter = filled(new WasmPrefilter(new ScanRoom()), patterns)
  const found = new Candidates(patterns.length)
  const text = Buffer.from('get /INDEX.php?page=0000x'.repeat(700))
  scanned(prefilter, found, text, [0, text.length, 0])
  const start = process.threadCpuUsage()
  expect(scanned(prefilter, found, text, [0, text.length, 0])).toEqual([])
  expect(process.threadCpuUsage(start).user / 1000).toBeLessThan(50)
})
