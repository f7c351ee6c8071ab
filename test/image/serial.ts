/** The serial console as somebody at its other end has it: what it said so far, and the keys one presses. */
import type { Socket } from 'node:net'

const SAID_CHARS_MAX = 4 << 20
const SHOWN_CHARS = 1_500
/** Colours, cursor moves, titles, character sets: how a screen is drawn, not what it says. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what a terminal sends
const DRAWING = /\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][A-Z0-9]|[=>78cM])/g

interface Waiter {
  pattern: RegExp
  done: (found: RegExpExecArray) => void
}

export class Serial {
  #raw = ''
  #said = ''
  #from = 0
  #socket: Socket | undefined
  readonly #waiters = new Set<Waiter>()

  attach(socket: Socket): void {
    this.#socket = socket
    socket.setEncoding('utf8')
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => this.#hear(String(chunk)))
  }

  /** Since the machine was first switched on. */
  get said(): string {
    return this.#said
  }

  press(keys: string): void {
    this.#socket?.write(keys)
  }

  /** What follows is expected after here: a screen that is drawn again says the same words again. */
  mark(): void {
    this.#from = this.#said.length
  }

  /** Resolves once the words since the last mark hold the pattern. The failure shows the last of them. */
  expect(pattern: RegExp, waitMs: number): Promise<RegExpExecArray> {
    return new Promise<RegExpExecArray>((resolve, reject) => {
      const found = pattern.exec(this.#said.slice(this.#from))
      if (found) return resolve(found)
      const waiter: Waiter = { pattern, done: resolve }
      const late = setTimeout(() => {
        this.#waiters.delete(waiter)
        reject(new Error(`${pattern} was not said within ${waitMs} ms. Last:\n${this.last()}`))
      }, waitMs)
      waiter.done = (match) => {
        clearTimeout(late)
        resolve(match)
      }
      this.#waiters.add(waiter)
    })
  }

  last(): string {
    return this.#said.slice(-SHOWN_CHARS)
  }

  #hear(chunk: string): void {
    this.#raw += chunk
    // A sequence may be cut by the end of a chunk: it waits for its rest.
    const cut = this.#raw.lastIndexOf('\x1b')
    const whole = cut >= 0 && this.#raw.length - cut < 16 && !endsWhole(this.#raw.slice(cut))
    const ready = whole ? this.#raw.slice(0, cut) : this.#raw
    this.#raw = whole ? this.#raw.slice(cut) : ''
    this.#said += ready.replace(DRAWING, '').replaceAll('\r', '')
    if (this.#said.length > SAID_CHARS_MAX) throw new Error('the serial console says too much')
    const fresh = this.#said.slice(this.#from)
    for (const waiter of this.#waiters) {
      const found = waiter.pattern.exec(fresh)
      if (!found) continue
      this.#waiters.delete(waiter)
      waiter.done(found)
    }
  }
}

function endsWhole(tail: string): boolean {
  DRAWING.lastIndex = 0
  return DRAWING.test(tail)
}
