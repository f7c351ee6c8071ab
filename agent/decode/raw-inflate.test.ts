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

test('more than the bound is nothing, and what fits it exactly is all', () => {
  const raw = new RawInflate(OUTPUT_MAX)
  const of = (bytes: number) => raw.run(deflateRawSync(Buffer.alloc(bytes, 'x')), 0)?.length
  expect([OUTPUT_MAX - 1, OUTPUT_MAX, OUTPUT_MAX + 1, 1_000_000, 10].map(of)).toEqual([
    OUTPUT_MAX - 1,
    OUTPUT_MAX,
    undefined,
    undefined,
    10,
  ])
})
