/** Open descriptors from one process to another, over a pair of sockets (SCM_RIGHTS): who gets one needs no right to open it. */
import { closeSync } from 'node:fs'
import koffi from 'koffi'

/** Where a child finds its end. */
export const DESCRIPTORS_FD = 3
const AT_ONCE_MAX = 200 // the kernel takes 253
const AF_UNIX = 1
const SOCK_SEQPACKET = 5
const SOCK_CLOEXEC = 0o2_000_000
const SOL_SOCKET = 1
const SCM_RIGHTS = 1
const MSG_DONTWAIT = 0x40
const MSG_CMSG_CLOEXEC = 0x4000_0000
const HEAD_BYTES = 16
const EPIPE = 32
const ECONNRESET = 104

const libc = koffi.load('libc.so.6')
const socketpair = libc.func('int socketpair(int domain, int type, int protocol, void *pair)')
const sendmsg = libc.func('long sendmsg(int fd, const void *message, int flags)')
const recvmsg = libc.func('long recvmsg(int fd, void *message, int flags)')

export function socketPair(): [ours: number, theirs: number] {
  const pair = Buffer.alloc(8)
  must('socketpair', socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
  return [pair.readInt32LE(0), pair.readInt32LE(4)]
}

/** Before the message that says how many: then they are there when it is read. False: there is nobody any more. */
export function sendDescriptors(socket: number, descriptors: readonly number[]): boolean {
  for (let at = 0; at < descriptors.length; at += AT_ONCE_MAX) {
    const some = descriptors.slice(at, at + AT_ONCE_MAX)
    const letter = new Letter(some.length)
    for (const [i, fd] of some.entries()) letter.control.writeInt32LE(fd, HEAD_BYTES + i * 4)
    const sent = sendmsg(socket, letter.head(), MSG_DONTWAIT)
    if (Number(sent) < 0 && [EPIPE, ECONNRESET].includes(koffi.errno())) return false
    must('sendmsg', sent)
  }
  return true
}

/** In the child, once: the socket is closed after. */
export function takeDescriptors(count: number): number[] {
  const taken: number[] = []
  while (taken.length < count) {
    const letter = new Letter(AT_ONCE_MAX)
    const head = letter.head()
    must('recvmsg', recvmsg(DESCRIPTORS_FD, head, MSG_DONTWAIT | MSG_CMSG_CLOEXEC))
    const bytes = Number(letter.control.readBigUInt64LE(0))
    if (bytes <= HEAD_BYTES) throw new Error('no descriptor came')
    for (let i = HEAD_BYTES; i < bytes; i += 4) taken.push(letter.control.readInt32LE(i))
  }
  closeSync(DESCRIPTORS_FD)
  return taken
}

/** struct msghdr and what it points at, in memory that stays where it is. */
class Letter {
  readonly control: Buffer
  readonly #body = Buffer.alloc(1)
  readonly #vector = Buffer.alloc(16)
  readonly #head = Buffer.alloc(56)

  constructor(count: number) {
    const bytes = HEAD_BYTES + count * 4
    this.control = Buffer.alloc(Math.ceil(bytes / 8) * 8)
    this.control.writeBigUInt64LE(BigInt(bytes), 0)
    this.control.writeInt32LE(SOL_SOCKET, 8)
    this.control.writeInt32LE(SCM_RIGHTS, 12)
    const at = (buffer: Buffer) => BigInt(koffi.address(buffer))
    this.#vector.writeBigUInt64LE(at(this.#body), 0)
    this.#vector.writeBigUInt64LE(1n, 8)
    this.#head.writeBigUInt64LE(at(this.#vector), 16)
    this.#head.writeBigUInt64LE(1n, 24)
    this.#head.writeBigUInt64LE(at(this.control), 32)
    this.#head.writeBigUInt64LE(BigInt(this.control.length), 40)
  }

  head(): Buffer {
    return this.#head
  }
}

function must(what: string, result: unknown): void {
  if (Number(result) < 0) throw new Error(`${what} failed (errno ${koffi.errno()})`)
}
