/** What is kept of streams, held against every byte they had; and that where it lies makes nothing of what others had. */
import { expect, test } from 'vitest'
import { Chance } from '../../../test/traffic/chance.ts'
import { CLIENT, SignatureLab } from '../../../test/traffic/signature-lab.ts'
import { ScanRoom, STREAM_BYTES_MAX } from '../prefilter/scan-room.ts'
import { TAIL_BYTES_MAX } from './rule-set.ts'
import { PIECE_BYTES_MAX, Tails } from './stream-tail.ts'

const SEED = Number(process.env['PICKET_SEED'] ?? (Math.random() * 2 ** 32) >>> 0)
process.stderr.write(`stream-tail: PICKET_SEED=${SEED}\n`)

const STREAMS = 6
const SIZES = [1, 7, 31, 64, 300, 1460, 2559, 4095, 4096, 4097, 9000, PIECE_BYTES_MAX]

test('what is kept, and what came, are the last bytes of their own stream', () => {
  const chance = new Chance(SEED)
  let room = new ScanRoom()
  const tails = new Tails(room, STREAMS / 2)
  const had = Array.from({ length: STREAMS }, () => Buffer.alloc(0))
  const kept = (key: number, keep: number) => (had[key] as Buffer).subarray(-keep)
  for (let round = 0; round < 2000; round++) {
    if (chance.int(0, 99) === 0) {
      room = new ScanRoom()
      room.take(chance.int(1, 500_000))
      tails.moveTo(room)
    }
    const key = chance.int(0, STREAMS - 1)
    const before = had[key] as Buffer
    do {
      const size = Math.min(PIECE_BYTES_MAX, chance.pick(SIZES) + chance.int(0, 40))
      const bytes = Buffer.from(Array.from({ length: size + 5 }, () => chance.int(0, 255)))
      tails.append(key, bytes, 5, size + 5, TAIL_BYTES_MAX)
      had[key] = Buffer.concat([had[key] as Buffer, bytes.subarray(5)])
      const keep = chance.int(1, TAIL_BYTES_MAX)
      expect(same(tails.tail(key, keep), kept(key, keep))).toBe(true)
    } while (tails.hasRoom && chance.int(0, 1) === 0)
    const again = chance.int(0, 31)
    const keep = chance.pick([0, 40, TAIL_BYTES_MAX])
    tails.take(key, keep, again)
    const { at, stop, start } = tails
    expect(stop - at).toBe((had[key] as Buffer).length - before.length)
    expect(stop - at).toBeLessThan(STREAM_BYTES_MAX)
    expect(tails.kept).toBe(Math.min(keep, before.length))
    expect(at - start).toBe(Math.min(again, tails.kept))
    expect(same(room.bytes.subarray(start, stop), kept(key, stop - start))).toBe(true)
    if (chance.int(0, 1) === 0) {
      const from = tails.all()
      expect(at - from).toBe(tails.kept)
      expect(same(room.bytes.subarray(from, stop), kept(key, stop - from))).toBe(true)
    }
    tails.keep(key)
    const other = chance.int(0, STREAMS - 1)
    expect(same(tails.tail(other, keep), keep === 0 ? [] : kept(other, keep))).toBe(true)
  }
})

const same = (a: Uint8Array, b: Uint8Array | number[]) => Buffer.compare(a, Uint8Array.from(b)) === 0 // biome-ignore format: one line

const rule = (options: string, sid = 1) =>
  `alert tcp-stream any any -> any any (flow:established,to_server; ${options} sid:${sid};)`
const from = (srcPort: number) => ({ ...CLIENT, srcPort })

test('what another stream has left there is in no stream', () => {
  for (const text of ['ne', 'nee', 'need', 'needles', 'needles in hay, and more of them than that'])
    for (const options of [`content:"${text}";`, `pcre:"/[n]${text.slice(1)}/";`]) {
      const lab = new SignatureLab(rule(options))
      for (let cut = 1; cut < text.length; cut++) {
        expect(lab.segments([['>', text]], from(1000 + cut))).toEqual([1])
        // The rest of it lies behind what this one sends.
        expect(lab.segments([['>', text.slice(0, cut)]], from(2000))).toEqual([])
        // What that has sent lies in front of what comes of it, and then of what this one sends.
        expect(lab.segments([['>', '.']], from(2000))).toEqual([])
        expect(lab.segments([['>', text.slice(cut)]], from(3000))).toEqual([])
        lab.segments([['>', '.']], from(3000))
      }
    }
})

test('other rules take over in the middle of a stream, in tables of another size, and see what was kept', () => {
  const small = `${rule('content:"need"; content:"les"; distance:0;')}
    ${rule('content:"needles";', 2)}`
  const more = Array.from({ length: 1000 }, (_, i) => rule(`content:"filler ${i} of it";`, i + 10))
  const large = [small, ...more].join('\n')
  for (const [first, second] of [
    [small, large],
    [large, small],
  ] as const)
    for (const before of ['', '.'.repeat(4090), '.'.repeat(20_000)]) {
      const lab = new SignatureLab(first)
      expect(lab.segments([['>', `${before} need`]])).toEqual([])
      // Acknowledged with what follows, so that it waits: it is looked through by the rules it came under.
      expect(lab.segments([['>', ' filler 17 of it need', true]])).toEqual([])
      lab.replace(second)
      expect(lab.take()).toEqual(first === large ? [27] : [])
      expect(lab.segments([['>', 'les']]).sort()).toEqual([1, 2])
      expect(lab.segments([['>', ' filler 18 of it']])).toEqual(second === large ? [28] : [])
    }
})
