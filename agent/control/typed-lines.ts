/**
 * Lines typed at a terminal, one character at a time: on a serial line nothing but bytes can be relied on. Echo is ours, so a
 * password has none. What is no letter is dropped, sequences of keys with arrows on them too.
 */
import type { Readable, Writable } from 'node:stream'

const LINE_CHARS_MAX = 200
const ERASE = new Set(['\u007f', '\b'])
const ESCAPE = '\u001b'

export class TypedLines {
  readonly #out: Writable
  #line = ''
  #echo = true
  #take: ((line: string | undefined) => void) | undefined
  #timer: NodeJS.Timeout | undefined
  /** Inside a sequence that a key sent: after ESC, or after ESC [. */
  #escape: 'none' | 'begun' | 'inside' = 'none'

  constructor(input: Readable & { setRawMode?: (on: boolean) => unknown }, out: Writable) {
    this.#out = out
    input.setRawMode?.(true)
    input.setEncoding('utf8')
    input.on('data', (text: string) => {
      for (const character of text) this.#type(character)
    })
  }

  /** The next line; nothing when nobody typed one in that time, or `interrupt` was called. */
  next({ echo = true, waitMs }: { echo?: boolean; waitMs: number }): Promise<string | undefined> {
    this.#echo = echo
    this.#line = ''
    return new Promise((done) => {
      this.#take = done
      this.#timer = setTimeout(() => this.#end(undefined), waitMs)
    })
  }

  /** Ends a wait in which nothing was typed yet. */
  interrupt(): void {
    if (this.#line === '') this.#end(undefined)
  }

  #type(character: string): void {
    if (this.#isInSequence(character) || !this.#take) return
    if (character === '\r' || character === '\n') {
      this.#out.write('\r\n')
      this.#end(this.#line)
    } else if (ERASE.has(character)) {
      if (this.#line !== '' && this.#echo) this.#out.write('\b \b')
      this.#line = this.#line.slice(0, -1)
    } else if (/^[^\p{C}]$/u.test(character) && this.#line.length < LINE_CHARS_MAX) {
      this.#line += character
      if (this.#echo) this.#out.write(character)
    }
  }

  #isInSequence(character: string): boolean {
    if (this.#escape === 'none') {
      if (character !== ESCAPE) return false
      this.#escape = 'begun'
    } else if (this.#escape === 'begun') this.#escape = '[O'.includes(character) ? 'inside' : 'none'
    else if (/[@-~]/.test(character)) this.#escape = 'none'
    return true
  }

  #end(line: string | undefined): void {
    clearTimeout(this.#timer)
    const take = this.#take
    this.#take = undefined
    this.#line = ''
    take?.(line)
  }
}
