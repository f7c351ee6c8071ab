/** Messages of SMB out of both directions' bytes, each behind its size. What is of no use is passed by. */
import { SMB2 } from '../decode/smb.ts'
import { SMB1 } from '../decode/smb1.ts'
import { KeptBytes } from './app-bytes.ts'
import type { Inside } from './app-parser.ts'
import { FILE_BYTES_MAX } from './file-bytes.ts'

const FRAME_BYTES = 4
/** Of one message: a login with a Kerberos ticket, or as much as is kept of a file. */
const MESSAGE_BYTES_MAX = 8192 + FILE_BYTES_MAX
const HEADER_BYTES = 64
/** With the fields of a read or a write. */
const FIELDS_BYTES = 128
export const SEALED = 0xfd
export const COMPRESSED = 0xfc
/** Commands whose body says something. */
const BODY1: ReadonlySet<number> = new Set(Object.values(SMB1))
const BODY2: ReadonlySet<number> = new Set(Object.values(SMB2))

interface Side {
  kept: KeptBytes
  /** Bytes of the message in hand that are still to come. */
  left: number
  /** Nothing more of it is wanted. */
  passing: boolean
  judged: boolean
  /** It was asked whether the rest is of use. */
  asked: boolean
  /** One message of SMB2, not several together. */
  alone: boolean
}

export class SmbFrames {
  readonly #message: (bytes: Buffer) => boolean
  readonly #wants: (toServer: boolean, bytes: Buffer) => boolean
  readonly #sides = [newSide(), newSide()] as const

  /**
   * `message` is given a view of one message, or of its header; false ends the reading. `wants` is asked once whether
   * what is behind the first bytes of a long message is of use.
   */
  constructor(
    message: (bytes: Buffer) => boolean,
    wants: (toServer: boolean, bytes: Buffer) => boolean,
  ) {
    this.#message = message
    this.#wants = wants
  }

  get held(): number {
    return this.#sides[0].kept.held + this.#sides[1].kept.held
  }

  add(toServer: boolean, bytes: Buffer): boolean {
    const side = this.#sides[toServer ? 0 : 1]
    let at = 0
    while (at < bytes.length) {
      if (side.left === 0) {
        at += this.#head(side, bytes, at)
        continue
      }
      const size = Math.min(side.left, bytes.length - at)
      if (!side.passing) this.#keep(toServer, side, bytes, at, at + size)
      side.left -= size
      at += size
      if (side.left === 0 && !this.#whole(side)) return false
    }
    return true
  }

  /** Of bytes that lie in the message in hand and do not end it: what `AppParser.inside` says. */
  inside(toServer: boolean, bytes: Uint8Array, start: number, end: number): Inside {
    const side = this.#sides[toServer ? 0 : 1]
    if (end - start >= side.left) return 'no'
    side.left -= end - start
    if (side.passing) return 'passed'
    const { held } = side.kept
    this.#keep(toServer, side, bytes, start, end)
    return side.kept.held === held ? 'passed' : 'grown'
  }

  /** How many of the bytes are of the frame's own head. */
  #head(side: Side, bytes: Buffer, at: number): number {
    const size = Math.min(FRAME_BYTES - side.kept.length, bytes.length - at)
    side.kept.append(bytes, at, at + size)
    if (side.kept.length < FRAME_BYTES) return size
    side.left = side.kept.view().readUIntBE(1, 3)
    // Only a session message (0) holds SMB; the others open and keep the session.
    side.passing = side.kept.view()[0] !== 0
    side.judged = false
    side.asked = false
    side.kept.clear()
    side.kept.expect(side.left)
    return size
  }

  #keep(toServer: boolean, side: Side, bytes: Uint8Array, from: number, to: number): void {
    side.kept.append(bytes, from, to)
    if (!side.judged && side.kept.length >= HEADER_BYTES) this.#judge(side)
    if (side.passing || side.asked || side.kept.length < FIELDS_BYTES) return
    side.asked = true
    side.passing = side.alone && !this.#wants(toServer, side.kept.view())
  }

  #judge(side: Side): void {
    side.judged = true
    const view = side.kept.view()
    if (view[0] === SEALED || view[0] === COMPRESSED) {
      side.passing = true
      return
    }
    const one = view[0] === 0xff
    const compound = !one && view.readUInt32LE(20) !== 0
    const says = one ? BODY1.has(view[4] as number) : BODY2.has(view.readUInt16LE(12))
    side.alone = !one && !compound
    side.passing = !compound && !says
  }

  #whole(side: Side): boolean {
    const goesOn = this.#message(side.kept.view())
    side.kept.clear()
    side.kept.dropped = 0
    return goesOn
  }
}

function newSide(): Side {
  const kept = new KeptBytes(MESSAGE_BYTES_MAX)
  return { kept, left: 0, passing: false, judged: false, asked: false, alone: false }
}
