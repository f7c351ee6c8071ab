/** The serial console as somebody at its other end has it: what it said so far, its screen, the keys one presses. */
import type { Socket } from 'node:net'
import { SEQUENCE, SEQUENCE_CHARS_MAX, Terminal } from './terminal.ts'

const SAID_CHARS_MAX = 1 << 20
/** How a screen is drawn, not what it says. */
const DRAWING = new RegExp(SEQUENCE, 'g')
const SHOWN_CHARS = 1_500

interface Waiter {
  look: () => RegExpExecArray | null
  done: (found: RegExpExecArray) => void
}

export class Serial {
  #rest = ''
  #said = ''
  #from = 0
  #terminal = new Terminal()
  #socket: Socket | undefined
  readonly #waiters = new Set<Waiter>()

  attach(socket: Socket): void {
    this.#socket = socket
    socket.setEncoding('utf8')
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => this.#hear(String(chunk)))
  }

  /** Without what only draws; of a machine that says very much the end. */
  get said(): string {
    return this.#said
  }

  /** 24 lines of 80. */
  get screen(): string {
    return this.#terminal.text
  }

  press(keys: string): void {
    this.#socket?.write(keys)
  }

  /** What is expected is to come after here; the screen is empty. */
  mark(): void {
    this.#from = this.#said.length
    this.#terminal = new Terminal()
  }

  /** Once the words since the last mark hold the pattern. */
  expect(pattern: RegExp, waitMs: number): Promise<RegExpExecArray> {
    return this.#wait(
      () => pattern.exec(this.#said.slice(this.#from)),
      `${pattern} is said`,
      waitMs,
    )
  }

  /** Once the screen shows the pattern. */
  shows(pattern: RegExp, waitMs: number): Promise<RegExpExecArray> {
    return this.#wait(() => pattern.exec(this.screen), `${pattern} is shown`, waitMs)
  }

  /** For a failure that needs a reason. */
  last(): string {
    return `${this.#said.slice(-SHOWN_CHARS)}\n--- screen\n${this.screen}`
  }

  #wait(look: Waiter['look'], what: string, waitMs: number): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const found = look()
      if (found) return resolve(found)
      const waiter: Waiter = { look, done: resolve }
      const late = setTimeout(() => {
        this.#waiters.delete(waiter)
        reject(new Error(`${what}: not within ${waitMs} ms. Last:\n${this.last()}`))
      }, waitMs)
      waiter.done = (match) => {
        clearTimeout(late)
        resolve(match)
      }
      this.#waiters.add(waiter)
    })
  }

  #hear(chunk: string): void {
    this.#terminal.write(chunk)
    const text = this.#rest + chunk
    const cut = text.lastIndexOf('\x1b') // a sequence may be cut by the end of a chunk
    const waits = cut >= 0 && text.length - cut < SEQUENCE_CHARS_MAX && !isWhole(text.slice(cut))
    this.#rest = waits ? text.slice(cut) : ''
    this.#said += (waits ? text.slice(0, cut) : text).replace(DRAWING, '').replaceAll('\r', '')
    const over = this.#said.length - SAID_CHARS_MAX
    if (over > 0) {
      this.#said = this.#said.slice(over)
      this.#from = Math.max(0, this.#from - over)
    }
    for (const waiter of this.#waiters) {
      const found = waiter.look()
      if (!found) continue
      this.#waiters.delete(waiter)
      waiter.done(found)
    }
  }
}

function isWhole(tail: string): boolean {
  DRAWING.lastIndex = 0
  return DRAWING.test(tail)
}
