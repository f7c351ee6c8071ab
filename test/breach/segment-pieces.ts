/** A journal segment taken apart where one without its key can. */
import { readFileSync } from 'node:fs'
import {
  decodeFrameHead,
  FRAME_HEAD_BYTES,
  HEADER_BYTES,
  TAG_BYTES,
} from '../../agent/lake/segment.ts'

/** Header, then each frame, as they stand in the file. */
export function segmentPieces(path: string): Buffer[] {
  const bytes = readFileSync(path)
  const found = [bytes.subarray(0, HEADER_BYTES)]
  for (let at = HEADER_BYTES; at < bytes.length; ) {
    const end = at + FRAME_HEAD_BYTES + decodeFrameHead(bytes, at).length + TAG_BYTES
    found.push(bytes.subarray(at, end))
    at = end
  }
  return found
}
