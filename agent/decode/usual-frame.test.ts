/** What is read in one pass is what the layers read one after the other: of frames with anything changed in them. */
import { expect, test } from 'vitest'
import { type Ends, tcp } from '../../test/traffic/frames.ts'
import { decodeFrame, decodeLayers } from './frame.ts'
import { Packet, TCP } from './packet.ts'
import { decodeUsual } from './usual-frame.ts'

const ENDS: Ends = { src: '10.1.2.3', dest: '192.0.2.9', srcPort: 40_000, destPort: 502 }
const HEADERS_BYTES = 54
const MARGIN = 8

/** The frame in the middle of other bytes, `wire` long on the wire. */
function packetOf(frame: Uint8Array, wire: number): Packet {
  const packet = new Packet()
  packet.bytes = Buffer.concat([Buffer.alloc(MARGIN, 0x45), frame, Buffer.alloc(MARGIN, 0x45)])
  packet.start = MARGIN
  packet.end = MARGIN + frame.length
  packet.wireBytes = wire
  return packet
}

/** All of it but the bytes. */
function fieldsOf(packet: Packet): string {
  return JSON.stringify({ ...packet, bytes: undefined, events: packet.events.slice(0, packet.eventCount) }) // biome-ignore format: one line
}

/** Whether the frame was read in one pass; all fields are compared. */
function compared(frame: Uint8Array, wire = frame.length): boolean {
  const [one, other, usual] = [packetOf(frame, wire), packetOf(frame, wire), packetOf(frame, wire)]
  one.flow = other.flow = 7
  one.mss = other.mss = 9
  one.arpOffset = other.arpOffset = 3
  decodeFrame(one, 1, -1)
  decodeLayers(other, 1, -1)
  expect(fieldsOf(one), Buffer.from(frame).toString('hex')).toBe(fieldsOf(other))
  const before = fieldsOf(usual)
  const read = decodeUsual(usual)
  if (!read) expect(fieldsOf(usual)).toBe(before)
  return read
}

const frames = ['', 'x', 'hello there, this is more than one word'].flatMap((payload) =>
  [TCP.ACK, TCP.FIN | TCP.ACK, TCP.RST, TCP.SYN, 0xfd].flatMap((flags) =>
    ['', '0101080a0000000100000002'].map(
      (options) =>
      tcp(ENDS, { seq: 0xfedcba98, ack: 0x89abcdef, flags, payload, window: 0xfedc, options: Buffer.from(options, 'hex') }), // biome-ignore format: one frame
    ),
  ),
)

test('frames as they come', () => {
  const read = frames.map((frame) => compared(frame))
  // All but those with a SYN.
  expect(read.filter(Boolean).length).toBe((frames.length * 4) / 5)
})

test('frames that are cut, on the wire or by the capture', () => {
  for (const frame of frames) {
    for (let size = 0; size <= frame.length; size++) {
      compared(frame.subarray(0, size))
      compared(frame.subarray(0, size), frame.length)
    }
    compared(Buffer.concat([frame, Buffer.alloc(6)]))
    compared(frame, frame.length - 1)
    compared(frame, 0)
  }
})

test('frames with other bytes in their headers', () => {
  const values = [0, 1, 2, 4, 5, 6, 8, 0x0f, 0x20, 0x40, 0x45, 0x46, 0x50, 0x80, 0x81, 0xff]
  let read = 0
  for (const frame of frames)
    for (let at = 0; at < HEADERS_BYTES; at++)
      for (const value of values) {
        const changed = Buffer.from(frame)
        changed[at] = value
        if (compared(changed)) read++
      }
  expect(read).toBeGreaterThan(1000)
})
