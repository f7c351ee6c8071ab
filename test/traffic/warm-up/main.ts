/** Writes `agent/warm-up.pcap` anew: the same bytes each time. */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Chance } from '../chance.ts'
import { pcapFile, timed } from '../frames.ts'
import { branchCapture } from './branch.ts'
import { longTalks } from './connections.ts'
import { oddFrames } from './odd.ts'
import { rareFrames } from './rare.ts'
import { Neighbours, spokenFrames } from './spoken.ts'

const FILE_HEADER_BYTES = 24
const START_US = 1_760_000_000_000_000
const PART_US = 1_000_000_000
/** Slow enough that timers come round, and flows end by them, between the frames. */
const STEP_US = 20_000
const TALKS = 200
const TIMES = 4

export function warmUpCapture(): Buffer {
  const ends = new Neighbours()
  const [begun, ended] = longTalks(ends)
  const parts = [
    [...begun, ...spokenFrames(new Chance(5), ends, TIMES)],
    oddFrames(new Chance(6), ends, TIMES * 2),
    [...ended, ...rareFrames(new Chance(8), ends, TIMES)],
  ].map((frames, i) =>
    pcapFile(timed(frames, START_US + (i + 1) * PART_US, STEP_US)).subarray(FILE_HEADER_BYTES),
  )
  return Buffer.concat([branchCapture(7, TALKS, START_US), ...parts])
}

if (import.meta.main)
  writeFileSync(
    fileURLToPath(new URL('../../../agent/warm-up.pcap', import.meta.url)),
    warmUpCapture(),
  )
