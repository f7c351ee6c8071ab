/** Writes `agent/warm-up.pcap` anew: the same bytes each time. */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Chance } from '../chance.ts'
import { pcapFile, timed } from '../frames.ts'
import { branchCapture } from './branch.ts'
import { oddFrames } from './odd.ts'
import { Neighbours, spokenFrames } from './spoken.ts'

const FILE_HEADER_BYTES = 24
const START_US = 1_760_000_000_000_000
const PART_US = 100_000_000
const TALKS = 200
const TIMES = 4

export function warmUpCapture(): Buffer {
  const ends = new Neighbours()
  const parts = [
    spokenFrames(new Chance(5), ends, TIMES),
    oddFrames(new Chance(6), ends, TIMES * 2),
  ].map((frames, i) =>
    pcapFile(timed(frames, START_US + (i + 1) * PART_US)).subarray(FILE_HEADER_BYTES),
  )
  return Buffer.concat([branchCapture(7, TALKS, START_US), ...parts])
}

if (import.meta.main)
  writeFileSync(
    fileURLToPath(new URL('../../../agent/warm-up.pcap', import.meta.url)),
    warmUpCapture(),
  )
