/** Text in rows of a terminal: broken between words, never in one without an ellipsis, and what is left out is counted. Pure. */
import { visible } from '../base/text.ts'

export const COLUMNS = 80
const LABEL = 13
const ELLIPSIS = '...'

/** A label and its values, one after the other in as many rows as there may be, `mark` between them. */
export function field(
  label: string,
  values: readonly string[],
  { rowsMax = 1, mark = ';' } = {},
): string[] {
  const room = { columns: COLUMNS - LABEL, rowsMax }
  const ended = values.map(plain).map((value, i) => (i < values.length - 1 ? `${value}${mark}` : value)) // biome-ignore format: one line
  const [first = '', ...rest] = fit(ended, room)
  return [`${cut(label, LABEL - 1).padEnd(LABEL)}${first}`.trimEnd(), ...rest.map((row) => `${' '.repeat(LABEL)}${row}`)] // biome-ignore format: one line
}

/** Words in rows; where they are too many, an ellipsis ends the last. */
export function wrap(text: string, rowsMax: number, columns = COLUMNS): string[] {
  const words = plain(text).split(/ +/)
  const rows = flow(words, columns)
  return rows.length <= rowsMax ? rows : shorten(words, ELLIPSIS, { columns, rowsMax })
}

/** With an ellipsis where it is longer; also where that is in a word: for names. */
export function cut(text: string, columns: number): string {
  const safe = plain(text)
  return safe.length > columns ? `${safe.slice(0, columns - ELLIPSIS.length)}${ELLIPSIS}` : safe
}

/** What any terminal shows and none obeys. */
export function plain(text: string): string {
  return visible(text)
    .replaceAll(' · ', ', ')
    .replace(/[^ -~]/g, '?')
}

interface Room {
  columns: number
  rowsMax: number
}

/** The first of them that fit, and how many more there are. */
function fit(values: readonly string[], room: Room): string[] {
  for (let shown = values.length; shown > 0; shown--) {
    const more = values.length - shown
    const rows = flow(unitsOf(values.slice(0, shown), more, room.columns), room.columns)
    if (rows.length <= room.rowsMax) return rows
  }
  const [first = ''] = values
  return shorten(first.split(/ +/), `${ELLIPSIS} ${moreOf(values.length - 1)}`.trimEnd(), room)
}

/** As many of the words as there is room for before `end`. */
function shorten(words: readonly string[], end: string, { columns, rowsMax }: Room): string[] {
  for (let shown = Math.min(words.length, columns * rowsMax); shown > 0; shown--) {
    const rows = flow([...words.slice(0, shown), end], columns)
    if (rows.length <= rowsMax) return rows
  }
  return [cut(end, columns)]
}

/** What stays in one row where it can: a value, or its words where it is longer than any row. */
function unitsOf(values: readonly string[], more: number, columns: number): string[] {
  const units = values.flatMap((value) => (value.length <= columns ? [value] : value.split(/ +/)))
  return more > 0 ? [...units, moreOf(more)] : units
}

const moreOf = (count: number) => (count > 0 ? `and ${count} more` : '')

function flow(units: readonly string[], columns: number): string[] {
  const rows: string[] = []
  for (const unit of units) {
    const last = rows.at(-1)
    if (last !== undefined && last.length + 1 + unit.length <= columns)
      rows[rows.length - 1] = `${last} ${unit}` // biome-ignore format: one line
    else rows.push(cut(unit, columns))
  }
  return rows
}
