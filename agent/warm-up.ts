/**
 * Before the first frame: traffic of our own through the whole path, so that V8 has met what comes and compiled what is hot. A shard that
 * begins on a busy wire would look at its first half million frames at two thirds of its speed, and drop what it cannot.
 * What is found goes nowhere, and of what rules remember nothing stays.
 */
import { fileURLToPath } from 'node:url'
import { openFile } from './capture/file.ts'
import type { FrameBatch } from './capture/source.ts'
import { Dataset } from './detect/signatures/datasets.ts'
import { Inspector, type InspectorOptions, type Output } from './inspector.ts'

/** `test/traffic/warm-up` makes it. */
const TRAFFIC = fileURLToPath(new URL('./warm-up.pcap', import.meta.url))
const FLOWS_MAX = Number(process.env.FLOWS ?? 512)
const ROUNDS = Number(process.env.ROUNDS ?? 14)
/** A machine that is busy begins with less. */
const WARM_MS_MAX = 1500
/** Between two rounds, in packet time: every flow of the one before has ended. */
const ROUND_US = 3_600_000_000

/**
 * For an engine of these options, whose rules' search code is their own. What comes back lets go of what was used: once that engine has
 * had some packets, for V8 keeps code while objects live that it was made for.
 */
export async function warmUp(options: InspectorOptions): Promise<() => void> {
  // Two of them, whose outputs are written in two places: code that calls them is then made for any output.
  const few = { ...options, flowsMax: FLOWS_MAX }
  const inspectors = [new Inspector(few, nowhere()), new Inspector(few, nobody())]
  const until = performance.now() + WARM_MS_MAX
  Dataset.keeps = false
  try {
    for (let round = 0; round < ROUNDS && performance.now() < until; round++)
      await through(inspectors[process.env.ONE ? 0 : round % 2] as Inspector, round)
  } finally {
    Dataset.keeps = true
  }
  return () => void inspectors.splice(0)
}

async function through(inspector: Inspector, round: number): Promise<void> {
  for await (const batch of openFile(TRAFFIC)) {
    later(batch, round * ROUND_US)
    inspector.run(batch)
  }
  inspector.end()
}

function later({ timeUs, count }: FrameBatch, us: number): void {
  for (let i = 0; i < count; i++) timeUs[i] = (timeUs[i] as number) + us
}

function nowhere(): Output {
  return {
    event: () => {},
    alert: () => {},
    observation: () => {},
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
