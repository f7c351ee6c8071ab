/**
 * Before the first frame: traffic of our own through the whole path, so that V8 has met what comes and compiled what is hot. A shard that
 * begins on a busy wire would look at its first half million frames at two thirds of its speed, and drop what it cannot.
 * What is found goes nowhere, and of what rules remember nothing stays.
 */
import { fileURLToPath } from 'node:url'
import { openFile } from './capture/file.ts'
import type { FrameBatch } from './capture/source.ts'
import { compileLittle, compileSeldom, compileSoon } from './compiling.ts'
import { ObservationBatch } from './detect/baselines/observation-batch.ts'
import { Dataset } from './detect/signatures/datasets.ts'
import type { RuleSet } from './detect/signatures/rule-set.ts'
import { INSPECTION } from './inspection.ts'
import { Inspector, type InspectorOptions, type Output } from './inspector.ts'

/** `test/traffic/warm-up` makes it. */
export const WARM_UP_TRAFFIC = fileURLToPath(new URL('./warm-up.pcap', import.meta.url))
/** Few: what they are kept in is memory for nothing afterwards. */
const FLOWS_MAX = 256
const ROUNDS = 10
/** More than the four that V8 knows apart. */
const KINDS_MAX = 6
/** A machine that is busy begins with less. */
const WARM_MS_MAX = 2500
/** Of real ones: what warmed the engine is let go after so many, and what more is hot is compiled. */
export const WARMED_PACKETS = 100_000
/** Of every second round: its longest streams go on beyond it. */
const DEPTH = 65_536
const LITERALS_MAX = 600
const LITERAL_BYTES_MAX = 64
/** Ethernet, IPv4 and TCP with timestamps: where a request begins in most of our frames. */
const HEADERS_BYTES = 66
const LONG_BYTES = 400
/** Between two rounds, in packet time: every flow of the one before has ended. */
const ROUND_US = 3_600_000_000

/**
 * For an engine of these options, whose rules' search code is their own. What comes back lets go of what was used: once that engine has
 * had some packets, for V8 keeps code while objects live that it was made for.
 */
export async function warmUp(options: InspectorOptions): Promise<() => void> {
  const few = { ...options, flowsMax: FLOWS_MAX }
  // What is written over has a checksum no more.
  const read = {
    ...few,
    inspection: { ...(options.inspection ?? INSPECTION), checksum: 'none' as const, reassembly_depth: DEPTH }, // biome-ignore format: one list
  }
  const outputs = [nowhere(), nobody()]
  const inspectors = [new Inspector(few, outputs[0] as Output), new Inspector(read, outputs[1] as Output)] // biome-ignore format: one list
  const literals = literalsOf(options.rules)
  const until = performance.now() + WARM_MS_MAX
  Dataset.keeps = false
  compileSoon()
  try {
    for (let round = 0; round < ROUNDS && performance.now() < until; round++) {
      const at = round % 2
      const inspector = inspectors[at] as Inspector
      let next = round
      for await (const batch of openFile(WARM_UP_TRAFFIC)) {
        becomeOther(outputs[at] as Output)
        later(batch, round * ROUND_US)
        if (at === 1 && literals.length > 0) next = write(batch, literals, next)
        inspector.run(batch)
      }
      // Before that flows end by their timers, as most of a wire do.
      if (round >= ROUNDS - inspectors.length) inspector.end()
    }
  } finally {
    Dataset.keeps = true
    compileLittle()
  }
  return () => {
    inspectors.length = 0
    compileSeldom()
  }
}

/** Another kind of object, before anything is hot: code that calls it is then made for any, and not made again for the one that counts. */
function becomeOther(output: Output & { kinds?: number }): void {
  const kinds = output.kinds ?? 0
  if (kinds < KINDS_MAX) Object.assign(output, { kinds: kinds + 1, [`kind${kinds}`]: true })
}

function later({ timeUs, count }: FrameBatch, us: number): void {
  for (let i = 0; i < count; i++) timeUs[i] = (timeUs[i] as number) + us
}

function nowhere(): Output {
  return {
    event: () => {},
    alert: () => {},
    observations: new ObservationBatch((batch) => batch.clear()),
    sighting: () => {},
    selfTestFound: () => {},
    ticked: () => {},
  }
}

function nobody(): Output {
  return {
    event: () => undefined,
    alert: () => undefined,
    sighting: () => undefined,
    selfTestFound: () => undefined,
    ticked: () => undefined,
  }
}

/** The literals by which rules are found, of a few hundred rules. */
function literalsOf({ signatures }: RuleSet): Uint8Array[] {
  const step = Math.max(1, Math.floor(signatures.length / LITERALS_MAX))
  return signatures.flatMap(({ fast }, i) =>
    i % step === 0 && fast && fast.bytes.length < LITERAL_BYTES_MAX ? [fast.bytes] : [],
  )
}

/** Over what requests ask for, and into the middle of what is long: rules are met, some of them whole. */
function write(batch: FrameBatch, literals: readonly Uint8Array[], from: number): number {
  let next = from
  for (let i = 0; i < batch.count; i++) {
    const start = batch.start[i] as number
    const end = start + (batch.captured[i] as number)
    const literal = literals[next % literals.length] as Uint8Array
    const request = start + HEADERS_BYTES
    if (end > request + 5 && batch.bytes[request] === 0x47 && batch.bytes[request + 3] === 0x20) {
      batch.bytes.set(literal.subarray(0, end - request - 5), request + 5)
      next++
    } else if (end - start > LONG_BYTES && i % 3 === 0) {
      batch.bytes.set(literal, start + LONG_BYTES / 2)
      next++
    }
  }
  return next
}
