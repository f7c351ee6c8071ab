/**
 * A child that systemd starts because we connect: on a box nobody but systemd makes users, control groups and networks,
 * so picket-keys needs no right to. Here it looks like a child of node:child_process. Its number it says itself, first of
 * all, before anybody told it anything.
 */
import { EventEmitter } from 'node:events'
import { createConnection, type Socket } from 'node:net'
import { basename, join } from 'node:path'
import { PassThrough, type Readable, type Writable } from 'node:stream'
import { MESSAGE_BYTES_MAX, sendMessage } from './pipe.ts'

/** What is needed of a child process. */
export interface StartedChild {
  readonly pid?: number | undefined
  readonly stdin: Writable | null
  readonly stdout: Readable | null
  on(event: 'exit' | 'error', listener: () => void): unknown
  kill(signal: NodeJS.Signals): boolean
}

const PROGRAM = /^run-([a-z-]+)\.[jt]s$/
const HEAD_BYTES = 4

/** Nothing where no systemd listens for such children (`PICKET_CHILDREN` names the folder of its sockets). */
export function activate(
  program: URL,
  env: NodeJS.ProcessEnv = process.env,
): StartedChild | undefined {
  // biome-ignore format: one line
  const [, name] = PROGRAM.exec(basename(program.pathname)) ?? []
  const folder = env.PICKET_CHILDREN
  return folder && name ? new ActivatedChild(join(folder, `${name}.sock`)) : undefined
}

/** The child's side: says who it is, where systemd started it. */
export function introduce(to: Writable, env: NodeJS.ProcessEnv = process.env): void {
  if (env.PICKET_ACTIVATED) sendMessage(to, { pid: process.pid })
}

class ActivatedChild extends EventEmitter implements StartedChild {
  readonly stdin: Socket
  readonly stdout = new PassThrough()
  pid: number | undefined
  #head = Buffer.alloc(0)
  #isGone = false

  constructor(path: string) {
    super()
    this.stdin = createConnection(path)
    this.stdin.on('error', () => this.stdin.destroy())
    this.stdin.on('close', () => {
      this.#isGone = true
      this.emit('exit')
    })
    this.stdin.on('data', this.#readHead)
  }

  /** Its end of the socket closes with it, so no number is signalled that may be another's by now. */
  kill(signal: NodeJS.Signals): boolean {
    if (this.#isGone) return false
    this.stdin.destroy() // for one that is not busy this alone is the end
    try {
      return this.pid !== undefined && process.kill(this.pid, signal)
    } catch {
      return false // gone in this moment
    }
  }

  readonly #readHead = (chunk: Buffer): void => {
    this.#head = Buffer.concat([this.#head, chunk])
    if (this.#head.length < HEAD_BYTES) return
    const end = HEAD_BYTES + this.#head.readUInt32BE(0)
    if (end > HEAD_BYTES + MESSAGE_BYTES_MAX) return void this.stdin.destroy()
    if (this.#head.length < end) return
    this.pid = pidIn(this.#head.toString('utf8', HEAD_BYTES, end))
    if (this.pid === undefined) return void this.stdin.destroy()
    this.stdin.off('data', this.#readHead)
    this.stdout.write(this.#head.subarray(end))
    this.#head = Buffer.alloc(0)
    this.stdin.pipe(this.stdout)
  }
}

function pidIn(text: string): number | undefined {
  try {
    const { pid } = JSON.parse(text)
    return Number.isSafeInteger(pid) && pid > 1 ? pid : undefined
  } catch {
    return undefined
  }
}
