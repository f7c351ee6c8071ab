/**
 * The guard's own memory: every state of every action, one checksummed line each, synced before anybody is told.
 * A torn or damaged line is skipped and counted; the file is rewritten whole when it has grown.
 */
import { createHash } from 'node:crypto'
import {
  closeSync,
  fdatasyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { syncFolder, writeWhole } from '../base/files.ts'
import type { Action } from './action.ts'
import type { Tally } from './counting.ts'
import type { RunMark } from './run-clock.ts'

const LINES_MAX = 8000
const ENDED_MAX = 1000
export const NONCES_MAX = 4096
const SUM_CHARS = 16

/** An action and, while it waits or is in force, when that ends in running time. */
export interface Entry {
  action: Action
  dueRunMs?: number
  counted?: Tally
}

export interface SeenNonce {
  nonce: string
  /** Of the decision, microseconds since 1970. */
  at: number
}

/** One line: when, in running time, and what is new. */
interface Line extends RunMark {
  entries?: Entry[]
  nonces?: SeenNonce[]
}

export class Ledger {
  readonly #path: string
  #file: number
  #lines = 0
  #bytes = 0
  #unwritten: SeenNonce[] = []
  /** What was on disk when it was opened; the guard goes on from it. */
  readonly entries: Map<string, Entry> = new Map()
  readonly nonces: SeenNonce[] = []
  readonly lastMark: RunMark | undefined
  /** Lines that did not carry their own checksum, the torn tail included. */
  readonly damaged: number

  constructor(path: string) {
    this.#path = path
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    const { lines, damaged } = readLines(path)
    this.damaged = damaged
    for (const line of lines) {
      for (const entry of line.entries ?? []) this.#keep(entry)
      this.nonces.push(...(line.nonces ?? []))
    }
    this.lastMark = lines.at(-1)
    if (this.lastMark) this.#rewrite(this.lastMark)
    this.#file = openSync(path, 'a', 0o600)
    if (!this.lastMark) {
      ftruncateSync(this.#file, 0) // nothing in it could be read
      syncFolder(dirname(path))
    }
  }

  /** Known from now on; on disk with the next line that is written. */
  remember(nonce: SeenNonce): void {
    this.nonces.push(nonce)
    this.#unwritten.push(nonce)
  }

  /** Returns once it is on disk; a failure leaves the file and `entries` as they were. */
  write(mark: RunMark, changed: readonly Entry[] = []): void {
    const nonces = this.#unwritten
    const line = Buffer.from(
      lineOf({
        ...mark,
        ...(changed.length > 0 && { entries: [...changed] }),
        ...(nonces.length > 0 && { nonces }),
      }),
    )
    try {
      for (let at = 0; at < line.length; ) at += writeSync(this.#file, line, at)
      fdatasyncSync(this.#file)
    } catch (error) {
      ftruncateSync(this.#file, this.#bytes) // half a line must not swallow the next one
      throw error
    }
    this.#bytes += line.length
    this.#unwritten = []
    for (const entry of changed) this.#keep(entry)
    if (++this.#lines > LINES_MAX) {
      closeSync(this.#file)
      this.#rewrite(mark)
      this.#file = openSync(this.#path, 'a', 0o600)
    }
  }

  close(): void {
    closeSync(this.#file)
  }

  /** The map keeps the order of the last change. */
  #keep(entry: Entry): void {
    this.entries.delete(entry.action.action_id)
    this.entries.set(entry.action.action_id, entry)
  }

  /** Only what still matters: all that waits or is in force, the latest that ended, the latest nonces. */
  #rewrite(mark: RunMark): void {
    let ended = [...this.entries.values()].filter(({ dueRunMs }) => dueRunMs === undefined).length
    for (const [id, { dueRunMs }] of this.entries) {
      if (ended <= ENDED_MAX) break
      if (dueRunMs === undefined) {
        this.entries.delete(id)
        ended--
      }
    }
    this.nonces.splice(0, Math.max(0, this.nonces.length - NONCES_MAX))
    const { run, boot, up } = mark
    const lines = [...this.entries.values()].map((entry) =>
      lineOf({ run, boot, up, entries: [entry] }),
    )
    lines.push(lineOf({ run, boot, up, nonces: this.nonces }))
    const text = lines.join('')
    writeWhole(this.#path, text)
    this.#lines = lines.length
    this.#bytes = Buffer.byteLength(text)
  }
}

function lineOf(line: Line): string {
  const json = JSON.stringify(line)
  return `${sum(json)} ${json}\n`
}

function sum(json: string): string {
  return createHash('sha256').update(json).digest('hex').slice(0, SUM_CHARS)
}

function readLines(path: string): { lines: Line[]; damaged: number } {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return { lines: [], damaged: 0 }
  }
  const lines: Line[] = []
  let damaged = 0
  for (const row of text.split('\n')) {
    if (row === '') continue
    const json = row.slice(SUM_CHARS + 1)
    if (row.slice(0, SUM_CHARS + 1) !== `${sum(json)} `) damaged++
    else lines.push(JSON.parse(json) as Line)
  }
  return { lines, damaged }
}
