/**
 * One target: every prefix of its seeds, then mutations for PICKET_FUZZ_SECONDS (2 by default), or as many as
 * PICKET_FUZZ_INPUTS says within them. An input may neither
 * throw, nor take long, nor leave memory behind. The same PICKET_SEED gives the same inputs in the same order.
 */
import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { FAULTS } from '../../agent/base/fault.ts'
import { Chance } from '../traffic/chance.ts'
import { mutated } from './mutation.ts'
import { Watchdog } from './watchdog.ts'

export const SEED = Number(process.env.PICKET_SEED ?? Date.now() % 1e9)
const SECONDS = Number(process.env.PICKET_FUZZ_SECONDS ?? 2)
const INPUTS_MAX = Number(process.env.PICKET_FUZZ_INPUTS ?? Number.POSITIVE_INFINITY)
/** The slowest honest input takes a few milliseconds. */
const INPUT_MS_MAX = 400
const TRIES = 3
const GROWTH_BYTES_MAX = 48 * 1_048_576
const BATCH_INPUTS = 256
const SHOWN_BYTES_MAX = 4096

export interface Target<T> {
  name: string
  /** Inputs that must all be tried, such as every prefix; as many as the time allows. */
  all?: Iterable<T>
  /** The next random input. */
  next(chance: Chance): T
  /** Throws when the input shows something wrong. */
  judge(input: T): void | Promise<void>
  show(input: T): string
}

/** For readers of files: in memory where there is room for that, as a disk is slower than what is tried. */
export function scratchFolder(): string {
  const parent = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
  const folder = join(parent, `picket-fuzz-${randomUUID()}`)
  // Not when it is asked for: where every test is left out nothing takes it away.
  beforeAll(() => void mkdirSync(folder))
  afterAll(() => rmSync(folder, { recursive: true }))
  return folder
}

const watchdog = new Watchdog()
const WORDS: ReadonlySet<unknown> = new Set(FAULTS)

/** A decoder's answer: one of the words, or a record that `check` looks into. */
export function recordOrFault<R extends object>(
  answer: R | string | undefined,
  check: (record: R) => void = () => {},
): void {
  if (typeof answer === 'object') check(answer)
  else if (answer !== undefined && !WORDS.has(answer))
    throw new Error(`${answer} is no word for a fault`)
}

/** The same bytes in two surroundings must give the same answer. */
export function twice(
  bytes: Buffer,
  judge: (bytes: Buffer, start: number, end: number) => unknown,
): void {
  const [a, b] = [0x00, 0xff].map((fill) => {
    const memory = Buffer.alloc(bytes.length + 64, fill)
    bytes.copy(memory, 32)
    return JSON.stringify(judge(memory, 32, 32 + bytes.length))
  })
  if (a !== b) throw new Error(`bytes outside were read: ${a} but ${b}`)
}

export function fuzz<T>(target: Target<T>): void {
  const { name, all } = target
  describe(name, () => {
    if (all) test('each given input', () => run(target, 'given', all))
    test('mutations', async () => {
      const chance = new Chance(SEED)
      const before = await settledBytes()
      const count = await run(
        target,
        'mutations',
        endless(() => target.next(chance)),
      )
      expect(count).toBeGreaterThan(0)
      const left = (await settledBytes()) - before
      process.stdout.write(`${name}: ${(left / 1_048_576).toFixed(1)} MB are left of them\n`)
      expect(left).toBeLessThan(GROWTH_BYTES_MAX)
    })
  })
}

/** The usual target: bytes, every prefix of each seed, and their mutations. */
export function fuzzBytes(
  name: string,
  seeds: readonly Uint8Array[],
  judge: (bytes: Buffer) => void | Promise<void>,
): void {
  fuzz<Buffer>({
    name,
    all: prefixes(seeds),
    next: (chance) => mutated(chance, seeds),
    judge,
    show: (bytes) => bytes.subarray(0, SHOWN_BYTES_MAX).toString('hex'),
  })
}

export function* prefixes(seeds: readonly Uint8Array[]): Generator<Buffer> {
  for (const seed of seeds)
    for (let size = 0; size <= seed.length; size++) yield Buffer.from(seed.subarray(0, size))
}

function* endless<T>(make: () => T): Generator<T> {
  for (;;) yield make()
}

async function run<T>(target: Target<T>, part: string, inputs: Iterable<T>): Promise<number> {
  const { name, show } = target
  const start = performance.now()
  let [count, slowest] = [0, 0]
  watchdog.begin(`${name}, ${part}, PICKET_SEED=${SEED}`)
  for (const input of inputs) {
    if (count >= INPUTS_MAX || performance.now() - start > SECONDS * 1000) break
    watchdog.input(++count)
    try {
      const ms = await took(target, input)
      if (ms > slowest) slowest = ms
      if (ms > INPUT_MS_MAX) throw new Error(`it took ${ms.toFixed(0)} ms`)
    } catch (error) {
      const about = `${name}, ${part}, PICKET_SEED=${SEED}, input ${count}`
      throw new Error(`${about}: ${(error as Error).message}\n${show(input)}`, { cause: error })
    } finally {
      watchdog.input(0)
    }
    // As the capture loop does between batches: node:zlib gives memory back only then.
    if (count % BATCH_INPUTS === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  process.stdout.write(
    `${name}, ${part}: ${count} inputs, slowest ${slowest.toFixed(1)} ms (PICKET_SEED=${SEED})\n`,
  )
  return count
}

/** Wall time; where that is too long, this thread's processor time in further tries: a busy machine is not the decoder's fault. */
async function took<T>({ judge }: Target<T>, input: T): Promise<number> {
  const start = performance.now()
  const pending = judge(input)
  if (pending instanceof Promise) await pending
  let best = performance.now() - start
  for (let i = 1; i < TRIES && best > INPUT_MS_MAX; i++) {
    const before = process.threadCpuUsage()
    await judge(input)
    const { user, system } = process.threadCpuUsage(before)
    best = Math.min(best, (user + system) / 1000)
  }
  return best
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Bytes that stay after a collection. */
async function settledBytes(): Promise<number> {
  for (let i = 0; i < 2; i++) {
    collect()
    await new Promise((resolve) => setImmediate(resolve))
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
