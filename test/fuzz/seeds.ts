/** What the mutations start from: generated messages, and real ones of the corpus where it is there. */
import { globSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { openFile } from '../../agent/capture/file.ts'
import { decodeFrame } from '../../agent/decode/frame.ts'
import { Packet } from '../../agent/decode/packet.ts'
import { Chance } from '../traffic/chance.ts'
import { corpus } from '../traffic/corpus.ts'
import { SEED } from './fuzz.ts'

const FILES_MAX = 160
const FILE_BYTES_MAX = 65_536
const FRAMES_MAX = 60
const PER_PORT_MAX = 40

export interface RealTraffic {
  /** A few frames of each file, in order, by link type. */
  conversations: { linkType: number; frames: Buffer[] }[]
  /** Payloads of UDP and TCP by the lower port. */
  payloads: Map<number, Buffer[]>
}

/** A sample of the corpus's small captures, another one for each seed; empty without the corpus. */
export async function realTraffic(): Promise<RealTraffic> {
  const found: RealTraffic = { conversations: [], payloads: new Map() }
  const root = corpus('')
  if (!root) return found
  const files = globSync(join(root, '**/*.{pcap,pcapng,cap}'))
    .filter((file) => statSync(file).size <= FILE_BYTES_MAX)
    .sort()
  for (const file of new Chance(SEED).sample(files, FILES_MAX)) await gather(file, found)
  return found
}

async function gather(file: string, { conversations, payloads }: RealTraffic): Promise<void> {
  const frames: Buffer[] = []
  const packet = new Packet()
  let linkType = -1
  try {
    for await (const batch of openFile(file)) {
      linkType = batch.linkType
      packet.bytes = batch.bytes
      for (let i = 0; i < batch.count && frames.length < FRAMES_MAX; i++) {
        packet.start = batch.start[i] as number
        packet.end = packet.start + (batch.captured[i] as number)
        packet.wireBytes = batch.wire[i] as number
        frames.push(Buffer.from(batch.bytes.subarray(packet.start, packet.end)))
        decodeFrame(packet, linkType, -1)
        keepPayload(packet, payloads)
      }
    }
  } catch {
    // a file that is cut gives what it has
  }
  if (frames.length > 0) conversations.push({ linkType, frames })
}

function keepPayload(packet: Packet, payloads: Map<number, Buffer[]>): void {
  const { bytes, payloadOffset, payloadBytes, srcPort, destPort } = packet
  if (payloadBytes === 0 || packet.fragment) return
  const port = Math.min(srcPort, destPort)
  const kept = payloads.get(port) ?? []
  payloads.set(port, kept)
  if (kept.length < PER_PORT_MAX)
    kept.push(Buffer.from(bytes.subarray(payloadOffset, payloadOffset + payloadBytes)))
}
