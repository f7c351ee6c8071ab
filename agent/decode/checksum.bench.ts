import { test } from 'vitest'
import { tcp } from '../../test/traffic/frames.ts'
import { frameMemory } from '../capture/frame-memory.ts'
import { transportChecksumOk } from './checksum.ts'
import { decodeFrame } from './frame.ts'
import { Packet } from './packet.ts'

const ENDS = { src: '10.1.2.3', dest: '192.0.2.9', srcPort: 40_000, destPort: 80 }
const frame = tcp(ENDS, { seq: 1, ack: 1, flags: 16, payload: new Uint8Array(1448).fill(7) })

function packetIn(memory: Buffer): Packet {
  const packet = new Packet()
  packet.bytes = memory
  packet.end = frame.copy(memory)
  packet.wireBytes = packet.end
  decodeFrame(packet, 1, -1)
  return packet
}

const [batch, other] = [packetIn(frameMemory(2048)), packetIn(Buffer.alloc(2048))]

test('the checksum of 1,448 bytes', async ({ bench }) => {
  await bench.compare(
    bench('in the memory of a batch', () => void transportChecksumOk(batch)),
    bench('elsewhere', () => void transportChecksumOk(other)),
  )
})
