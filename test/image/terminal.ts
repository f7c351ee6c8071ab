/** A screen of 80 × 24 at the end of a serial line: what is drawn on it, and what leaves its edges. */
const ROWS = 24
const COLUMNS = 80
/** CSI with its numbers; or an escape of another kind, which draws nothing. */
const [ESC, BEL] = ['\x1b', '\x07']
const CSI = String.raw`\[([?!]?)([\d;]*)[ -/]*([@-~])`
const TITLE = String.raw`\][^${BEL}${ESC}]*(?:${BEL}|${ESC}\\)`
export const SEQUENCE = `${ESC}(?:${CSI}|${TITLE}|[()][A-Z0-9]|[=>78cM])`
const AT_START = new RegExp(`^${SEQUENCE}`)
/** No real one is longer: what waits for its end has come. */
export const SEQUENCE_CHARS_MAX = 64

export class Terminal {
  #rows = blank()
  #row = 0
  #column = 0
  #rest = ''

  /** Line by line, without the blanks at their ends. */
  get text(): string {
    return this.#rows.map((row) => row.join('').trimEnd()).join('\n')
  }

  write(chunk: string): void {
    let text = this.#rest + chunk
    this.#rest = ''
    while (text !== '') {
      if (text[0] !== '\x1b') {
        this.#put(text[0] as string)
        text = text.slice(1)
        continue
      }
      const found = AT_START.exec(text)
      if (found) {
        this.#obey(found[3] ?? '', (found[2] ?? '').split(';').map(Number))
        text = text.slice(found[0].length)
      } else if (text.length < SEQUENCE_CHARS_MAX) {
        this.#rest = text // its end has not come yet
        return
      } else text = text.slice(1)
    }
  }

  #put(char: string): void {
    if (char === '\r') this.#column = 0
    else if (char === '\n') this.#down()
    else if (char === '\b') this.#column = Math.max(0, this.#column - 1)
    else if (char >= ' ') {
      if (this.#column === COLUMNS) {
        this.#column = 0
        this.#down()
      }
      const row = this.#rows[this.#row] as string[]
      row[this.#column++] = char
    }
  }

  #down(): void {
    if (this.#row < ROWS - 1) this.#row++
    else {
      this.#rows.shift()
      this.#rows.push(blankRow())
    }
  }

  #obey(command: string, numbers: number[]): void {
    const [first = 0, second = 0] = numbers
    const by = Math.max(1, first)
    if (command === 'H' || command === 'f') this.#move(by - 1, Math.max(1, second) - 1)
    else if (command === 'A') this.#move(this.#row - by, this.#column)
    else if (command === 'B') this.#move(this.#row + by, this.#column)
    else if (command === 'C') this.#move(this.#row, this.#column + by)
    else if (command === 'D') this.#move(this.#row, this.#column - by)
    else if (command === 'G') this.#move(this.#row, by - 1)
    else if (command === 'd') this.#move(by - 1, this.#column)
    else if (command === 'K') this.#clearRow(first)
    else if (command === 'J') this.#clear(first)
  }

  #move(row: number, column: number): void {
    this.#row = Math.min(Math.max(row, 0), ROWS - 1)
    this.#column = Math.min(Math.max(column, 0), COLUMNS - 1)
  }

  #clearRow(what: number): void {
    const from = what === 0 ? this.#column : 0
    const to = what === 1 ? this.#column + 1 : COLUMNS
    ;(this.#rows[this.#row] as string[]).fill(' ', from, to)
  }

  #clear(what: number): void {
    if (what >= 2) this.#rows = blank()
    else {
      this.#clearRow(what)
      const from = what === 0 ? this.#row + 1 : 0
      const to = what === 0 ? ROWS : this.#row
      for (let row = from; row < to; row++) this.#rows[row] = blankRow()
    }
  }
}

function blankRow(): string[] {
  return Array<string>(COLUMNS).fill(' ')
}

function blank(): string[][] {
  return Array.from({ length: ROWS }, blankRow)
}
