/** Real captures one behind the other, several times: each time two hours later, when every flow of before has ended. */
import { existsSync, globSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openFile } from '../../../agent/capture/file.ts'
import { LINK } from '../../../agent/capture/source.ts'
import { Chance } from '../../traffic/chance.ts'
import { CaptureFile } from '../../traffic/mix/capture-file.ts'

const START_US = 1_760_000_000_000_000
const GAP_US = 2 * 3600 * 1e6
/** A capture that spans more is taken as if it were shorter: time goes on, but not for days. */
const STEP_US_MAX = 5e6

export interface Joined {
  path: string
  packets: number
  bytes: number
  captures: number
  rounds: number
}

interface Frame {
  stepUs: number
  bytes: Buffer
}

export interface Joining {
  corpus: string
  folder: string
  /** At most so many, drawn by the seed. */
  captures: number
  /** At least so many, in whole rounds. */
  packets: number
  seed: number
}

export async function joinCaptures({
  corpus,
  folder,
  captures,
  packets,
  seed,
}: Joining): Promise<Joined> {
  const path = join(folder, `corpus-${captures}-${packets}-seed${seed}-v2.pcap`)
  const note = `${path}.json`
  if (existsSync(path) && existsSync(note)) return JSON.parse(readFileSync(note, 'utf8')) as Joined
  const all = globSync('**/*.{pcap,pcapng}', { cwd: corpus }).sort() // biome-ignore format: one list
  const chosen: Frame[][] = []
  for (const name of new Chance(seed).shuffled(all)) {
    if (chosen.length === captures) break
    const frames = await framesOf(join(corpus, name))
    if (frames.length > 0) chosen.push(frames)
  }
  const joined = write(`${path}.part`, chosen, packets)
  renameSync(`${path}.part`, path)
  const made = { ...joined, path, captures: chosen.length }
  writeFileSync(note, JSON.stringify(made))
  return made
}

function write(path: string, captures: readonly Frame[][], packets: number) {
  const file = new CaptureFile(path)
  let timeUs = START_US
  let rounds = 0
  for (; file.frames < packets; rounds++) {
    for (const { stepUs, bytes } of captures.flat()) {
      timeUs += stepUs
      const at = file.room(timeUs, bytes.length)
      file.block.set(bytes, at)
    }
    timeUs += GAP_US
  }
  file.close()
  return { packets: file.frames, bytes: file.bytes, rounds }
}

/** Nothing for what is broken, or not of Ethernet. */
async function framesOf(path: string): Promise<Frame[]> {
  const frames: Frame[] = []
  let lastUs = 0
  try {
    for await (const batch of openFile(path)) {
      if (batch.linkType !== LINK.ETHERNET) return []
      for (let i = 0; i < batch.count; i++) {
        const [at, size, timeUs] = [batch.start[i], batch.captured[i], batch.timeUs[i]] as [number, number, number] // biome-ignore format: one frame
        const stepUs =
          lastUs === 0 ? 1 : Math.min(STEP_US_MAX, Math.max(0, Math.floor(timeUs - lastUs)))
        lastUs = timeUs
        frames.push({ stepUs, bytes: Buffer.from(batch.bytes.subarray(at, at + size)) })
      }
    }
  } catch {
    return []
  }
  return frames
}
