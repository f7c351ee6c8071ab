/** The bytes of a file or of standard input, unpacked when they are gzip, in one window of fixed size. */
import { once } from 'node:events'
import { createReadStream, readSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { setImmediate } from 'node:timers/promises'
import { createGunzip, type Gunzip } from 'node:zlib'
import { Failure } from '../base/failure.ts'
import { frameMemory, giveBack } from './frame-memory.ts'
import { openPlain } from './plain-file.ts'

/** Packed bytes given to zlib at a time; it unfolds them at most 1032 times, so this is also a bound. */
const PACKED_BYTES_MAX = 16_384
/** Reads of a file (8 MiB) between two turns of the event loop. */
const READS_A_TURN = 16

/**
 * A window over the stream: [at, end) of `bytes` has been read and not yet used. `cut` says how the
 * stream broke off, once it has.
 */
export class ByteStream {
  readonly bytes: Buffer
  /** The same memory, for numbers: a third of the time that a buffer takes to read one. */
  readonly view: DataView
  at = 0
  end = 0
  /** Offset in the (unpacked) stream of byte 0 of the window. */
  base = 0
  finished = false
  cut: string | undefined = undefined
  readonly #path: string
  /** The file itself; undefined before it is opened, null where it comes in chunks. */
  #plain: FileHandle | undefined | null
  readonly #chunks: AsyncIterator<Buffer>
  #reads = 0
  /** The part of the last chunk that did not fit. */
  #rest: Buffer = Buffer.alloc(0)

  constructor(path: string, windowBytes: number) {
    this.bytes = frameMemory(windowBytes)
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, windowBytes)
    this.#path = path
    this.#chunks = unpacked(path, (reason) => {
      this.cut = reason
    })[Symbol.asyncIterator]()
  }

  get left(): number {
    return this.end - this.at
  }

  /** Moves what is unused to the front and fills up; false when nothing more came. */
  async more(): Promise<boolean> {
    if (this.at > 0) {
      this.bytes.copyWithin(0, this.at, this.end)
      this.base += this.at
      this.end -= this.at
      this.at = 0
    }
    if (this.#plain === undefined) this.#plain = (await openPlain(this.#path)) ?? null
    return this.#plain ? this.#fill(this.#plain) : this.#chunked()
  }

  /** In place: waiting for another thread to do it costs more than the read, so others get their turn now and then only. */
  async #fill(file: FileHandle): Promise<boolean> {
    const room = this.bytes.length - this.end
    if (room === 0 || this.finished) return false
    if (++this.#reads % READS_A_TURN === 0) await setImmediate()
    try {
      const bytesRead = readSync(file.fd, this.bytes, this.end, room, null)
      this.end += bytesRead
      this.finished = bytesRead === 0
    } catch (error) {
      throw unreadable(this.#path, error)
    }
    return !this.finished
  }

  async #chunked(): Promise<boolean> {
    let grew = false
    while (this.end < this.bytes.length) {
      if (this.#rest.length === 0) {
        if (this.finished) break
        const { done, value } = await this.#chunks.next()
        if (done) {
          this.finished = true
          break
        }
        this.#rest = value
      }
      const size = Math.min(this.#rest.length, this.bytes.length - this.end)
      this.#rest.copy(this.bytes, this.end, 0, size)
      this.#rest = this.#rest.subarray(size)
      this.end += size
      grew ||= size > 0
      if (this.#rest.length === 0 && grew) break // what is here is worth reading before waiting for more
    }
    return grew
  }

  async close(): Promise<void> {
    await this.#plain?.close()
    await this.#chunks.return?.()
    giveBack(this.bytes)
  }
}

async function* unpacked(path: string, cut: (reason: string) => void): AsyncGenerator<Buffer> {
  const input = path === '-' ? process.stdin : createReadStream(path)
  let gunzip: Gunzip | undefined
  const ready: Buffer[] = []
  let broken: Error | undefined
  let first = true
  try {
    for await (const read of whole(input)) {
      if (first && read[0] === 0x1f && read[1] === 0x8b) {
        gunzip = createGunzip()
        gunzip.on('data', (chunk: Buffer) => ready.push(chunk))
        gunzip.on('error', (error: Error) => {
          broken ??= error
        })
      }
      first = false
      if (!gunzip) yield read
      for (let at = 0; gunzip && !broken && at < read.length; at += PACKED_BYTES_MAX) {
        await written(gunzip, read.subarray(at, at + PACKED_BYTES_MAX))
        yield* ready.splice(0)
      }
      if (broken) break
    }
    if (gunzip && !broken) {
      gunzip.end()
      await Promise.race([once(gunzip, 'end'), once(gunzip, 'close')]).catch(() => undefined)
      yield* ready.splice(0)
    }
    if (broken) cut(gzipReason(broken))
  } catch (error) {
    throw unreadable(path, error)
  } finally {
    gunzip?.destroy()
    input.destroy()
  }
}

/** The chunks of a stream, the first one of at least two bytes: a pipe may bring one. */
async function* whole(input: NodeJS.ReadableStream): AsyncGenerator<Buffer> {
  let held: Buffer | undefined
  let looked = false
  for await (const chunk of input) {
    const next: Buffer = held ? Buffer.concat([held, chunk as Buffer]) : (chunk as Buffer)
    if (!looked && next.length < 2) {
      held = next
      continue
    }
    held = undefined
    looked = true
    yield next
  }
  if (held) yield held
}

function written(gunzip: Gunzip, chunk: Buffer): Promise<void> {
  return new Promise((resolve) => {
    gunzip.once('close', resolve)
    gunzip.write(chunk, () => {
      gunzip.off('close', resolve)
      resolve()
    })
  })
}

function gzipReason(error: Error): string {
  const code = (error as NodeJS.ErrnoException).code
  return code === 'Z_BUF_ERROR'
    ? 'its gzip data ends before the end of the file it holds'
    : 'its gzip data is damaged'
}

function unreadable(path: string, error: unknown): unknown {
  if (error instanceof Failure) return error
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'ENOENT' || code === 'ENOTDIR')
    return new Failure(
      'invalid',
      `There is no capture file ${path}. Check its name.`,
      { file: path },
      error,
    )
  if (code === 'EISDIR')
    return new Failure(
      'invalid',
      `${path} is a folder, not a capture. Name the files in it.`,
      { file: path },
      error,
    )
  if (code === 'EACCES')
    return new Failure(
      'invalid',
      `The capture ${path} may not be read by this user. Change its mode or its owner.`,
      { file: path },
      error,
    )
  if (code === undefined) return error
  return new Failure('invalid', `${path} cannot be read: ${code}.`, { file: path }, error)
}
