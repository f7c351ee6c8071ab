/**
 * How many whole frames a capture holds, counted without the product's readers: sizes are hopped over, nothing else is
 * looked at. What it says is what `picket replay` must account for.
 */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

export function countFrames(path: string): number {
  const file = readFileSync(path)
  return countIn(file[0] === 0x1f && file[1] === 0x8b ? gunzipSync(file) : file)
}

/** Of a file in memory, unpacked. */
export function countIn(file: Buffer): number {
  if (file.length < 12) return 0
  return file.readUInt32LE(0) === 0x0a0d0d0a ? countBlocks(file) : countRecords(file)
}

function countRecords(file: Buffer): number {
  const little = file[0] === 0xd4 || file[0] === 0x4d || file[0] === 0x34
  const modified = file.readUInt32LE(0) === 0xa1b2cd34 || file.readUInt32BE(0) === 0xa1b2cd34
  const head = modified ? 24 : 16
  let frames = 0
  for (let at = 24; at + head <= file.length; frames++) {
    at += head + (little ? file.readUInt32LE(at + 8) : file.readUInt32BE(at + 8))
    if (at > file.length) return frames
  }
  return frames
}

function countBlocks(file: Buffer): number {
  let frames = 0
  let little = true
  for (let at = 0; at + 12 <= file.length; ) {
    const u32 = (here: number) => (little ? file.readUInt32LE(here) : file.readUInt32BE(here))
    if (file.readUInt32LE(at) === 0x0a0d0d0a) little = file.readUInt32LE(at + 8) === 0x1a2b3c4d
    const type = u32(at)
    const length = u32(at + 4)
    if (length < 12 || at + length > file.length) return frames
    if (type === 2 || type === 3 || type === 6) frames++
    at += length
  }
  return frames
}
