/**
 * A disk with a write cache that forgets: what the machine has not flushed when its power goes may be on it, or not, or
 * in part, sector by sector and in any order, as the seed draws. QEMU has it over NBD (the protocol's "fixed newstyle").
 */
import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import type { Chance } from '../traffic/chance.ts'

const SECTOR = 512
const MAGIC = 0x4e42444d41474943n // NBDMAGIC
const OPTION_MAGIC = 0x49484156454f5054n // IHAVEOPT
const REPLY_MAGIC = 0x0003e889045565a9n
const REQUEST_MAGIC = 0x25609513
const ANSWER_MAGIC = 0x67446698
const OPTION = { exportName: 1, abort: 2, info: 6, go: 7 } as const
const COMMAND = { read: 0, write: 1, disconnect: 2, flush: 3, zeroes: 6 } as const
/** Has flags, takes flush and writes of zeroes; no FUA, so that QEMU flushes in its place. */
const FLAGS = 0b100_0101
const PIECE = 1 << 20
const ZEROES = Buffer.alloc(PIECE)
const REQUEST_BYTES_MAX = 32 << 20
/** More than that is never unflushed here: past it a real cache would have written by itself too. */
const UNFLUSHED_MAX = 64 << 20

interface Write {
  at: number
  before: Buffer
  after: Buffer
}

export class ForgetfulDisk {
  flushes = 0
  /** Bytes that a power loss may take now. */
  unflushed = 0
  readonly #fd: number
  readonly #bytes: number
  readonly #server: Server
  #writes: Write[] = []
  /** Pieces that may hold something else than zeroes. */
  readonly #written = new Set<number>()
  #held: (() => void)[] | undefined

  /** `usedBytes`: from there on the disk was never written. */
  constructor(path: string, socket: string, usedBytes: number) {
    this.#fd = openSync(path, 'r+')
    this.#bytes = fstatSync(this.#fd).size
    for (let piece = 0; piece * PIECE < usedBytes; piece++) this.#written.add(piece)
    this.#server = createServer((peer) => this.#serve(peer).catch(() => peer.destroy()))
    this.#server.listen(socket)
  }

  /** Requests are taken and not answered, until it is let go. */
  stall(stalled: boolean): void {
    const held = this.#held ?? []
    this.#held = stalled ? [] : undefined
    if (!stalled) for (const go of held) go()
  }

  /** The power is gone, and the machine with it. Says how many sectors were lost of how many in the cache. */
  lose(chance: Chance): { lost: number; of: number } {
    const versions = new Map<number, Buffer[]>()
    for (const { at, before, after } of this.#writes)
      for (let i = 0; i < after.length; i += SECTOR) {
        const known = versions.get(at + i) ?? [before.subarray(i, i + SECTOR)]
        known.push(after.subarray(i, i + SECTOR))
        versions.set(at + i, known)
      }
    let lost = 0
    for (const [at, known] of versions) {
      const left = chance.int(0, known.length - 1)
      if (left < known.length - 1) lost++
      writeSync(this.#fd, known[left] as Buffer, 0, SECTOR, at)
    }
    this.#writes = []
    this.unflushed = 0
    return { lost, of: versions.size }
  }

  close(): void {
    this.#server.close()
    closeSync(this.#fd)
  }

  async #serve(peer: Socket): Promise<void> {
    peer.on('error', () => undefined)
    const input = new Input(peer)
    await this.#greet(peer, input)
    for (;;) {
      const head = await input.take(28)
      if (head.readUInt32BE(0) !== REQUEST_MAGIC) throw new Error('that is no NBD request')
      const command = head.readUInt16BE(6)
      const at = Number(head.readBigUInt64BE(16))
      const length = head.readUInt32BE(24)
      if (command === COMMAND.disconnect) return void peer.end()
      if (length > REQUEST_BYTES_MAX && command !== COMMAND.zeroes)
        throw new Error(`${length} bytes are too many at once`)
      const data = command === COMMAND.write ? await input.take(length) : undefined
      if (this.#held) await new Promise<void>((go) => this.#held?.push(go) ?? go())
      const answer = Buffer.alloc(16)
      answer.writeUInt32BE(ANSWER_MAGIC, 0)
      head.copy(answer, 8, 8, 16) // the cookie
      const found = command === COMMAND.read ? this.#read(at, length) : undefined
      if (data) this.#write(at, data)
      else if (command === COMMAND.flush) this.#flush()
      else if (command === COMMAND.zeroes) this.#zero(at, length)
      else if (!found) answer.writeUInt32BE(22, 4) // EINVAL: it was not offered
      peer.write(found ? Buffer.concat([answer, found]) : answer)
    }
  }

  async #greet(peer: Socket, input: Input): Promise<void> {
    const hello = Buffer.alloc(18)
    hello.writeBigUInt64BE(MAGIC, 0)
    hello.writeBigUInt64BE(OPTION_MAGIC, 8)
    hello.writeUInt16BE(0b11, 16) // fixed newstyle, no padding
    peer.write(hello)
    await input.take(4)
    for (;;) {
      const head = await input.take(16)
      const option = head.readUInt32BE(8)
      await input.take(head.readUInt32BE(12))
      if (option === OPTION.go || option === OPTION.info) {
        const info = Buffer.alloc(12)
        info.writeBigUInt64BE(BigInt(this.#bytes), 2)
        info.writeUInt16BE(FLAGS, 10)
        peer.write(Buffer.concat([optionReply(option, 3, info), optionReply(option, 1)]))
        if (option === OPTION.go) return
      } else if (option === OPTION.abort) throw new Error('the client left')
      else peer.write(optionReply(option, 0x80000001)) // not supported
    }
  }

  #read(at: number, length: number): Buffer {
    const bytes = Buffer.alloc(length)
    readSync(this.#fd, bytes, 0, length, at)
    return bytes
  }

  #write(at: number, after: Buffer): void {
    for (let piece = Math.floor(at / PIECE); piece * PIECE < at + after.length; piece++)
      this.#written.add(piece)
    const before = this.#read(at, after.length)
    writeSync(this.#fd, after, 0, after.length, at)
    this.#writes.push({ at, before, after })
    this.unflushed += after.length
    while (this.unflushed > UNFLUSHED_MAX)
      this.unflushed -= (this.#writes.shift() as Write).after.length
  }

  /** What was never written is a hole and stays one: a new file system clears most of its disk. */
  #zero(at: number, length: number): void {
    for (let from = at; from < at + length; ) {
      const to = Math.min(at + length, (Math.floor(from / PIECE) + 1) * PIECE)
      if (this.#written.has(Math.floor(from / PIECE)))
        this.#write(from, ZEROES.subarray(0, to - from))
      from = to
    }
  }

  #flush(): void {
    this.#writes = []
    this.unflushed = 0
    this.flushes++
  }
}

function optionReply(option: number, type: number, body = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(20)
  head.writeBigUInt64BE(REPLY_MAGIC, 0)
  head.writeUInt32BE(option, 8)
  head.writeUInt32BE(type, 12)
  head.writeUInt32BE(body.length, 16)
  return Buffer.concat([head, body])
}

/** So many bytes of a socket, once they are there. */
class Input {
  #chunks: Buffer[] = []
  #size = 0
  #wake: (() => void) | undefined
  #ended = false

  constructor(socket: Socket) {
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk)
      this.#size += chunk.length
      this.#wake?.()
    })
    socket.on('close', () => {
      this.#ended = true
      this.#wake?.()
    })
  }

  async take(bytes: number): Promise<Buffer> {
    while (this.#size < bytes) {
      if (this.#ended) throw new Error('the client is gone')
      await new Promise<void>((done) => {
        this.#wake = done
      })
    }
    const all =
      this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks)
    const rest = all.subarray(bytes)
    this.#chunks = rest.length > 0 ? [rest] : []
    this.#size = rest.length
    return all.subarray(0, bytes)
  }
}
