/** The body of one HTTP/1 message out of a stream: by length, by chunks (RFC 9112 §7.1), or to the end. */
import type { Fault } from '../base/fault.ts'
import { chunkSize, type Framing } from '../decode/http.ts'
import { inflateBody } from '../decode/http-inflate.ts'
import { KeptBytes } from './app-bytes.ts'
import type { Inside } from './app-parser.ts'

/** Bytes of a body kept for rules and records; the rest is counted only. */
export const BODY_KEPT_MAX = 65_536
const CHUNK_LINE_MAX = 1024
const TRAILER_BYTES_MAX = 8192
/** What a chunk's line may begin with. */
const CHUNK_START = /[0-9a-f\s]/i

type Phase = 'data' | 'chunk-line' | 'chunk-data' | 'chunk-end' | 'trailer' | 'done'

export class BodyReader {
  readonly kept: KeptBytes
  /** Content-Encoding, as the head has it. */
  readonly encoding: string
  fault: Fault | undefined
  /** A chunk's size had more behind it (RFC 9112 §7.1.1). */
  extension = false
  /** Of the body as framed, chunk lines left out. */
  bytes = 0
  #phase: Phase
  /** Of the body or the chunk; Infinity where only the end of the flow ends it. */
  #left = Number.POSITIVE_INFINITY
  #line = ''
  #trailer = 0
  /** What was kept is handed on: the rest is counted only. */
  #over = false

  readonly #response: boolean

  constructor(framing: Framing, response = false, encoding = '') {
    this.#response = response
    this.encoding = encoding
    const expected = framing.kind === 'length' ? framing.bytes : 0
    this.kept = new KeptBytes(BODY_KEPT_MAX, expected)
    if (framing.kind !== 'until-close') this.#left = framing.kind === 'length' ? framing.bytes : 0
    const empty = framing.kind === 'none' || (framing.kind === 'length' && framing.bytes === 0)
    this.#phase = empty ? 'done' : framing.kind === 'chunked' ? 'chunk-line' : 'data'
  }

  /** Only the end of the flow ends it. */
  get untilClose(): boolean {
    return this.#phase === 'data' && this.#left === Number.POSITIVE_INFINITY
  }

  get done(): boolean {
    return this.#phase === 'done'
  }

  /** What was kept, undone as its encoding says: once. A view of `kept`, which has nothing else from now on. */
  take(layersMax: number | undefined): { bytes: Uint8Array; fault: Fault | undefined } {
    const { kept } = this
    this.#over = true
    const found = inflateBody(kept.view(), this.encoding, BODY_KEPT_MAX, layersMax)
    if (!found.same) kept.become(found.bytes)
    return { bytes: kept.plainView(), fault: found.fault }
  }

  /** Takes from [at, end); returns where it stopped. After a fault it takes all: the framing is lost. */
  feed(bytes: Buffer, at: number): number {
    let place = at
    while (place < bytes.length && this.#phase !== 'done') {
      if (this.fault) return bytes.length
      place =
        this.#phase === 'data' || this.#phase === 'chunk-data'
          ? this.#data(bytes, place)
          : this.#readLine(bytes, place)
    }
    return place
  }

  /** Of [start, end) of `bytes`, which lie in the body and do not end it: what `AppParser.inside` says. */
  inside(bytes: Uint8Array, start: number, end: number): Inside {
    const size = end - start
    const inData = this.#phase === 'data' || this.#phase === 'chunk-data'
    if (!inData || size >= this.#left || this.fault) return 'no'
    const { kept } = this
    const { held } = kept
    if (!this.#over) {
      if (kept.length + size >= kept.max) return 'no'
      kept.append(bytes, start, end)
    }
    this.bytes += size
    this.#left -= size
    return kept.held === held ? 'passed' : 'grown'
  }

  /** What is missing reaches past the end that was announced: the body is over, and not whole. */
  outrun(missing: number): boolean {
    if (this.#phase !== 'data' || missing <= this.#left) return false
    this.bytes += this.#left
    this.#phase = 'done'
    return true
  }

  /** `missing` bytes never came. False when where the message ends is lost with them. */
  gap(missing: number): boolean {
    const inData = this.#phase === 'data' || this.#phase === 'chunk-data'
    if (!inData || missing > this.#left) return false
    this.bytes += missing
    this.#took(missing)
    return true
  }

  #data(bytes: Buffer, at: number): number {
    const size = Math.min(this.#left, bytes.length - at)
    if (!this.#over) this.kept.append(bytes, at, at + size)
    this.bytes += size
    this.#took(size)
    return at + size
  }

  #took(size: number): void {
    this.#left -= size
    if (this.#left === 0) this.#phase = this.#phase === 'data' ? 'done' : 'chunk-end'
  }

  /** Gathers a line; a line that does not end in time is a fault. */
  #readLine(bytes: Buffer, at: number): number {
    const first = this.#phase === 'chunk-line' && this.#response && this.bytes === 0
    if (first && this.#line === '' && !CHUNK_START.test(String.fromCharCode(bytes[at] as number))) {
      this.#plain()
      return at
    }
    const lf = bytes.indexOf(10, at)
    const end = lf === -1 ? bytes.length : lf
    const room = CHUNK_LINE_MAX - this.#line.length
    if (end - at > room) {
      this.fault = this.#phase === 'trailer' ? 'headers-too-long' : 'bad-chunk'
      return bytes.length
    }
    this.#line += bytes.toString('latin1', at, end)
    if (lf === -1) return bytes.length
    const line = this.#line.endsWith('\r') ? this.#line.slice(0, -1) : this.#line
    this.#line = ''
    this.#onLine(line)
    return lf + 1
  }

  /** No chunks where chunks were announced: browsers show what comes as it is, up to the end. */
  #plain(): void {
    this.#phase = 'data'
    this.#left = Number.POSITIVE_INFINITY
  }

  #onLine(line: string): void {
    if (this.#phase === 'trailer') {
      this.#trailer += line.length + 2
      if (line === '') this.#phase = 'done'
      else if (this.#trailer > TRAILER_BYTES_MAX) this.fault = 'headers-too-long'
      return
    }
    if (this.#phase === 'chunk-end') {
      if (line === '') this.#phase = 'chunk-line'
      else this.fault = 'bad-chunk'
      return
    }
    const size = chunkSize(line)
    this.extension ||= line.includes(';')
    if (size === -1) this.fault = 'bad-chunk'
    this.#left = size
    this.#phase = size === 0 ? 'trailer' : 'chunk-data'
  }
}
