/** Bytes changed as an attacker, a bad cable or a bad writer would change them. */
import type { Chance } from '../traffic/chance.ts'

type Bytes = Buffer<ArrayBuffer>

const EDITS_MAX = 6
export const INPUT_BYTES_MAX = 65_536
const NUMBERS = [0, 1, 2, 3, 4, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0xffffffff]

/** One of the seeds with one to six edits. */
export function mutated(chance: Chance, seeds: readonly Uint8Array[]): Bytes {
  let bytes = Buffer.from(chance.pick(seeds))
  for (let edits = chance.int(1, EDITS_MAX); edits > 0; edits--) bytes = edit(chance, bytes, seeds)
  return bytes.subarray(0, INPUT_BYTES_MAX)
}

function edit(chance: Chance, bytes: Bytes, seeds: readonly Uint8Array[]): Bytes {
  if (bytes.length === 0) return Buffer.from(chance.pick(seeds))
  const at = chance.int(0, bytes.length - 1)
  const size = Math.min(chance.int(1, 1 << chance.int(0, 10)), bytes.length - at)
  const slice = bytes.subarray(at, at + size)
  switch (chance.int(0, 8)) {
    case 0:
      bytes[at] = (bytes[at] as number) ^ (1 << chance.int(0, 7))
      return bytes
    case 1:
      bytes[at] = chance.int(0, 255)
      return bytes
    case 2:
      return number(chance, bytes, at)
    case 3: // cut off
      return bytes.subarray(0, at)
    case 4: // taken out
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + size)])
    case 5: // said twice, or often
      return Buffer.concat([
        bytes.subarray(0, at),
        ...Array<Bytes>(chance.pick([2, 2, 3, 40])).fill(slice),
        bytes.subarray(at + size),
      ])
    case 6: // a part of another
      return splice(chance, bytes, at, chance.pick(seeds))
    case 7:
      slice.fill(chance.int(0, 255))
      return bytes
    default: // noise between
      return Buffer.concat([
        bytes.subarray(0, at),
        Buffer.from(Array.from({ length: chance.int(1, 16) }, () => chance.int(0, 255))),
        bytes.subarray(at),
      ])
  }
}

/** A number with an edge, over one, two or four bytes, in either order. */
function number(chance: Chance, bytes: Bytes, at: number): Bytes {
  const value = chance.pick(NUMBERS)
  const room = bytes.length - at
  if (room >= 4 && chance.next() < 0.4) {
    if (chance.next() < 0.5) bytes.writeUInt32BE(value >>> 0, at)
    else bytes.writeUInt32LE(value >>> 0, at)
  } else if (room >= 2 && chance.next() < 0.7) {
    if (chance.next() < 0.5) bytes.writeUInt16BE(value & 0xffff, at)
    else bytes.writeUInt16LE(value & 0xffff, at)
  } else bytes[at] = value & 0xff
  return bytes
}

function splice(chance: Chance, bytes: Bytes, at: number, other: Uint8Array): Bytes {
  const from = chance.int(0, other.length)
  const to = Math.min(other.length, from + chance.int(0, 256))
  return Buffer.concat([
    bytes.subarray(0, at),
    other.subarray(from, to),
    bytes.subarray(chance.int(at, bytes.length)),
  ])
}

/** Frames dropped, doubled, moved, changed: what a wire and an evader do to a conversation. */
export function disturbed(
  chance: Chance,
  conversations: readonly (readonly Uint8Array[])[],
): Bytes[] {
  const frames = chance.pick(conversations).map((frame) => Buffer.from(frame))
  const all = conversations.flat()
  for (let edits = chance.int(1, EDITS_MAX); edits > 0 && frames.length > 0; edits--) {
    const at = chance.int(0, frames.length - 1)
    const frame = frames[at] as Bytes
    switch (chance.int(0, 4)) {
      case 0:
        frames.splice(at, 1)
        break
      case 1:
        frames.splice(chance.int(0, frames.length), 0, Buffer.from(frame))
        break
      case 2:
        frames.splice(at, 1)
        frames.splice(chance.int(0, frames.length), 0, frame)
        break
      case 3:
        frames.splice(at, 0, Buffer.from(chance.pick(all)))
        break
      default:
        frames[at] = mutated(chance, [frame])
    }
  }
  return frames
}
