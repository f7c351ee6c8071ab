import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { Chance } from '../../test/traffic/chance.ts'
import { copyBytes, forgetCopied } from './copy.ts'

const SEED = Number(process.env['PICKET_SEED'] ?? (Math.random() * 2 ** 32) >>> 0)
process.stderr.write(`copy: PICKET_SEED=${SEED}\n`)

test('few bytes or many, from anywhere to anywhere, and none beside them', () => {
  const chance = new Chance(SEED)
  // Words go between those that are large alone.
  const memory = () => {
    const large = chance.int(0, 1) === 1
    const bytes = Buffer.alloc(large ? 66_000 : 700)
    for (let i = 0; i < 700; i++) bytes[i] = chance.int(0, 255)
    return bytes.subarray(chance.int(0, 20))
  }
  const sources = Array.from({ length: 7 }, memory)
  const targets = Array.from({ length: 7 }, memory)
  for (let round = 0; round < 3000; round++) {
    const bytes = chance.pick(sources)
    const target = chance.pick(targets)
    const size = chance.int(0, chance.pick([9, 64, 70, 300]))
    const [start, at] = [chance.int(0, 300), chance.int(0, 300)]
    const expected = Buffer.from(target)
    bytes.copy(expected, at, start, start + size)
    copyBytes(bytes, start, start + size, target, at)
    expect(target.equals(expected), `${size} bytes from ${start} to ${at}`).toBe(true)
  }
})

test('within one array they may overlap', () => {
  for (const [from, to] of [
    [0, 3],
    [3, 0],
    [10, 12],
  ] as const) {
    // biome-ignore format: one list
    const bytes = Buffer.from(Array.from({ length: 100 }, (_, i) => i))
    const expected = Buffer.from(bytes)
    expected.copy(expected, to, from, from + 40)
    copyBytes(bytes, from, from + 40, bytes, to)
    expect(bytes.equals(expected)).toBe(true)
  }
})

test('what was copied is free once that is forgotten', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  // In a function of its own: nothing of it stays on the stack.
  const copied = () => {
    const [bytes, target] = [new Uint8Array(1_048_576), new Uint8Array(1_048_576)]
    copyBytes(bytes, 0, 20, target, 40)
    return [new WeakRef(bytes), new WeakRef(target)]
  }
  const held = copied()
  forgetCopied()
  // A WeakRef keeps what it was made for until the end of the task.
  await new Promise((resolve) => setImmediate(resolve))
  collect()
  expect(held.map((each) => each.deref())).toEqual([undefined, undefined])
})
