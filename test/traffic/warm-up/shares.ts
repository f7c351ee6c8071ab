/** SMB2 with files and pipes that are opened, written, read, asked and closed ([MS-SMB2] 2.2), and calls of a machine whose numbers begin high (C706 §14.1). */

import { RPC_ANSWERED, RPC_ASKED } from '../../golden/rpc-messages.ts'
import { framed, smb2 } from '../../golden/smb-messages.ts'

const COMMAND = { session: 1, tree: 3, leave: 4, create: 5, close: 6, read: 8, write: 9, ioctl: 11 }
const PIPE_TRANSCEIVE = 0x0011_c017
const STATUS_PENDING = 0x0000_0103
const HEADER_BYTES = 64
const DISK = 1
const PIPE = 2
const FILE = Buffer.alloc(16, 0x21)
const CALLS = Buffer.alloc(16, 0x22)

export interface Said {
  asked: Buffer
  answered: Buffer
}

const wide = (text: string) => Buffer.from(text, 'utf16le')

/** Zeros, but for 16-bit, 32-bit and longer parts at these places. */
function laidOut(
  size: number,
  parts: readonly [at: number, part: number | Buffer, bits?: 16][],
): Buffer {
  const bytes = Buffer.alloc(size)
  for (const [at, part, bits] of parts) {
    if (typeof part !== 'number') bytes.set(part, at)
    else if (bits === 16) bytes.writeUInt16LE(part, at)
    else bytes.writeUInt32LE(part, at)
  }
  return bytes
}

class Session {
  readonly said: Said[] = []
  #id = 0
  #tree = 0

  say(command: number, asked: Buffer, answered: Buffer, status = 0): this {
    const head = { command, messageId: this.#id++, treeId: this.#tree }
    this.said.push({ asked: framed(smb2(head, asked)), answered: framed(smb2({ ...head, response: true, status }, answered)) }) // biome-ignore format: one pair
    return this
  }

  login(): this {
    return this.say(COMMAND.session, laidOut(24, [[0, 25, 16]]), laidOut(8, [[0, 9, 16]]))
  }

  join(share: string, kind: number): this {
    const name = wide(share)
    this.#tree++
    return this.say(COMMAND.tree, Buffer.concat([laidOut(8, [[0, 9, 16], [4, HEADER_BYTES + 8, 16], [6, name.length, 16]]), name]), laidOut(16, [[0, 16, 16], [2, kind, 16]])) // biome-ignore format: one call
  }

  open(name: string, id: Buffer): this {
    const path = wide(name)
    const asked = laidOut(56, [[0, 57, 16], [36, 1], [44, HEADER_BYTES + 56, 16], [46, path.length, 16]]) // biome-ignore format: one list
    return this.say(COMMAND.create, Buffer.concat([asked, path]), laidOut(88, [[0, 89, 16], [64, id]])) // biome-ignore format: one call
  }

  write(id: Buffer, at: number, data: Buffer): this {
    const asked = laidOut(48, [[0, 49, 16], [2, HEADER_BYTES + 48, 16], [4, data.length], [8, at], [16, id]]) // biome-ignore format: one list
    return this.say(COMMAND.write, Buffer.concat([asked, data]), laidOut(16, [[0, 17, 16], [4, data.length]])) // biome-ignore format: one call
  }

  read(id: Buffer, at: number, data: Buffer, status = 0): this {
    const asked = laidOut(49, [
      [0, 49, 16],
      [4, 65_536],
      [8, at],
      [16, id],
    ])
    const answered = laidOut(16, [
      [0, 17, 16],
      [2, HEADER_BYTES + 16, 16],
      [4, data.length],
    ])
    return this.say(COMMAND.read, asked, Buffer.concat([answered, data]), status)
  }

  call(id: Buffer, asked: Buffer, answered: Buffer): this {
    const question = laidOut(56, [[0, 57, 16], [4, PIPE_TRANSCEIVE], [8, id], [24, HEADER_BYTES + 56], [28, asked.length], [44, 4096], [48, 1]]) // biome-ignore format: one list
    const answer = laidOut(48, [[0, 49, 16], [4, PIPE_TRANSCEIVE], [8, id], [32, HEADER_BYTES + 48], [36, answered.length]]) // biome-ignore format: one list
    return this.say(COMMAND.ioctl, Buffer.concat([question, asked]), Buffer.concat([answer, answered])) // biome-ignore format: one call
  }

  close(id: Buffer): this {
    return this.say(
      COMMAND.close,
      laidOut(24, [
        [0, 24, 16],
        [8, id],
      ]),
      laidOut(60, [[0, 60, 16]]),
    )
  }

  leave(): this {
    return this.say(COMMAND.leave, laidOut(4, [[0, 4, 16]]), laidOut(4, [[0, 4, 16]]))
  }
}

/** The same with its numbers the other way round. */
function highFirst(pdu: Buffer): Buffer {
  const turned = Buffer.from(pdu)
  turned[4] = 0
  turned.subarray(8, 12).swap16()
  turned.subarray(12, 16).swap32()
  return turned
}

const [bind, , , call] = RPC_ASKED as [Buffer, Buffer, Buffer, Buffer]
const [bound, , , refused] = RPC_ANSWERED as [Buffer, Buffer, Buffer, Buffer]
const bytes = (size: number) => Buffer.alloc(size, 0x61)

const FILES = new Session()
  .login()
  .join('\\\\files\\plans', DISK)
  .open('plans\\one.txt', FILE)
  .write(FILE, 0, bytes(1200))
  .write(FILE, 1200, bytes(300))
  .read(FILE, 0, bytes(1500))
  .read(FILE, 1500, bytes(0), STATUS_PENDING)
  .close(FILE)
  .leave()

const PIPES = new Session()
  .login()
  .join('\\\\files\\IPC$', PIPE)
  .open('srvsvc', CALLS)
  .write(CALLS, 0, bind)
  .read(CALLS, 0, bound)
  .call(CALLS, call.subarray(0, 400), refused)
  .call(CALLS, highFirst(bind), highFirst(bound))
  .close(CALLS)
  .leave()

/** More in one message than most keep. */
export const LARGE = new Session().login().join('\\\\files\\plans', DISK).open('two.bin', FILE).write(FILE, 0, bytes(140_000)).read(FILE, 0, bytes(70_000)).said // biome-ignore format: one talk

/** Questions and answers by turns, with the port they go to. */
export const SHARE_TALKS: readonly { port: number; said: readonly Said[] }[] = [
  { port: 445, said: FILES.said },
  { port: 445, said: PIPES.said },
  {
    port: 135,
    said: [
      { asked: highFirst(bind), answered: highFirst(bound) },
      { asked: highFirst(call), answered: highFirst(refused) },
    ],
  },
]
