import { deflateRawSync, inflateRawSync, constants as zlib } from 'node:zlib'
import { expect, test } from 'vitest'
import { RawInflate } from './raw-inflate.ts'

const OUTPUT_MAX = 4096
const text = Buffer.from(Array.from({ length: 300 }, (_, i) => `line ${i}\n`).join(''))
const packed = deflateRawSync(text)

/** What Node's own way to do it gives. */
function usual(input: Buffer): { output: Buffer; read: number } | undefined {
  try {
    const options = { finishFlush: zlib.Z_SYNC_FLUSH, maxOutputLength: OUTPUT_MAX, info: true }
    const { buffer, engine } = inflateRawSync(input, options) as unknown as { buffer: Buffer; engine: { bytesWritten: number } } // biome-ignore format: one call
    return { output: buffer, read: engine.bytesWritten }
  } catch {
    return undefined
  }
}

test('gives what inflateRawSync gives, one after another: whole, cut anywhere, damaged, followed by others', () => {
  const raw = new RawInflate(OUTPUT_MAX)
  const damaged = Array.from({ length: packed.length }, (_, at) => {
    const copy = Buffer.from(packed)
    copy[at] = (copy[at] as number) ^ 0xff
    return copy
  })
  const cut = Array.from(packed, (_, size) => packed.subarray(0, size + 1))
  const inputs = [packed, Buffer.concat([packed, Buffer.from('more')]), ...cut, ...damaged, packed]
  for (const input of inputs) {
    const expected = usual(input)
    const output = raw.run(Buffer.concat([Buffer.from('head'), input]), 4)
    expect(output && Buffer.from(output)).toEqual(expected?.output)
    if (expected) expect(raw.read).toBe(expected.read)
  }
  expect(damaged.some((input) => usual(input) === undefined)).toBe(true)
})

test('of more than the bound its beginning', () => {
  const raw = new RawInflate(OUTPUT_MAX)
  const of = (bytes: number) => [raw.run(deflateRawSync(Buffer.alloc(bytes, 'x')), 0)?.length, raw.over] // biome-ignore format: one call
  expect(of(OUTPUT_MAX - 1)).toEqual([OUTPUT_MAX - 1, false])
  expect(of(OUTPUT_MAX)).toEqual([OUTPUT_MAX, false])
  expect(of(OUTPUT_MAX + 1)).toEqual([OUTPUT_MAX, true])
  expect(of(1_000_000)).toEqual([OUTPUT_MAX, true])
  expect(of(10)).toEqual([10, false])
  const long = deflateRawSync(Buffer.from(text.toString().repeat(100)))
  expect(raw.run(long, 0, 100)).toEqual(text.subarray(0, 100))
  expect([raw.over, raw.read < long.length]).toEqual([true, true])
  expect(raw.run(long.fill(0, raw.read), 0, 100)).toEqual(text.subarray(0, 100))
})
