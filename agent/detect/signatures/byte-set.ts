/** Sets of bytes as PCRE writes them, 256 flags each: characters, classes, escapes. */
import { LIKELY } from '../prefilter/rarity.ts'

export const ANY = new Uint8Array(256).fill(1)

const of = (belongs: (c: number) => boolean) => Uint8Array.from({ length: 256 }, (_, c) => +belongs(c)) // biome-ignore format: one line
const among = (...bytes: number[]) => mark(new Uint8Array(256), bytes)
const not = (set: Uint8Array) => set.map((flag) => 1 - flag)

const DIGIT = of((c) => c >= 0x30 && c <= 0x39)
const WORD = of((c) => /[A-Za-z0-9_]/.test(String.fromCharCode(c)) && c < 0x80)
const SPACE = among(0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x20)
const HORIZONTAL = among(0x09, 0x20, 0xa0)
const VERTICAL = among(0x0a, 0x0b, 0x0c, 0x0d, 0x85)

/** Escapes that name a set, in and out of a class. */
const NAMED: Readonly<Record<string, Uint8Array>> = {
  ...{ d: DIGIT, D: not(DIGIT), w: WORD, W: not(WORD), s: SPACE, S: not(SPACE) },
  ...{ h: HORIZONTAL, H: not(HORIZONTAL), v: VERTICAL, V: not(VERTICAL) },
}
const CONTROL: Readonly<Record<string, number>> = { t: 9, n: 10, r: 13, f: 12, a: 7, e: 27 }

/** The bytes that a word stands for; undefined where they are not sure to be read right. */
export function bytesOf(word: string, nocase: boolean): Uint8Array | undefined {
  if (word === '.') return ANY
  const whole = word.startsWith('[') ? classAt(word, 1, nocase) : member(word, 0, nocase)
  return whole?.end === word.length ? whole.bytes : undefined
}

/** Of a class so many are alternatives, more are any. */
const FEW = 4

/** The bytes that a word stands for as they are written, where they are few. */
export function fewOf(word: string): readonly string[] | undefined {
  if (word === '.') return undefined
  if (word.startsWith('[')) {
    const list = word.slice(1, -1)
    return /[\\^\-[]/.test(list) || list === '' || list.length > FEW ? undefined : [...list]
  }
  if (!word.startsWith('\\')) return [word]
  const byte = lone(escaped(word, 1, false))
  return byte < 0 ? undefined : [String.fromCharCode(byte)]
}

export function single(byte: number, nocase: boolean): Uint8Array {
  const letter = (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a
  return nocase && letter ? among(byte, byte ^ 0x20) : among(byte)
}

export function union(sets: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(256)
  for (const set of sets) add(all, set)
  return all
}

interface Read {
  bytes: Uint8Array
  /** Behind it in the text. */
  end: number
}

/** What stands behind a backslash at `at`; undefined where it is no set of bytes that is known here. */
function escaped(text: string, at: number, nocase: boolean): Read | undefined {
  const c = text[at] ?? ''
  const named = NAMED[c]
  if (named) return { bytes: named, end: at + 1 }
  const control = CONTROL[c]
  if (control !== undefined) return { bytes: among(control), end: at + 1 }
  const hex = /^x([0-9a-fA-F]{2})/.exec(text.slice(at, at + 3))
  if (hex) return { bytes: single(Number.parseInt(hex[1] as string, 16), nocase), end: at + 3 }
  return /[^A-Za-z0-9]/.test(c) ? { bytes: among(c.charCodeAt(0)), end: at + 1 } : undefined
}

/** A class from behind its bracket. Names in brackets and what else is not sure to be read right: undefined. */
function classAt(text: string, start: number, nocase: boolean): Read | undefined {
  const negated = text[start] === '^'
  let at = negated ? start + 1 : start
  const bytes = new Uint8Array(256)
  const first = at
  while (at < text.length && (text[at] !== ']' || at === first)) {
    if (/^\[[:.=]/.test(text.slice(at, at + 2))) return undefined
    const one = member(text, at, nocase)
    if (!one) return undefined
    at = one.end
    const range = text[at] === '-' && text[at + 1] !== ']'
    if (!range) {
      add(bytes, one.bytes)
      continue
    }
    const last = member(text, at + 1, false)
    const from = lone(member(text, one.start, false))
    const to = lone(last)
    if (!last || from < 0 || to < from) return undefined
    for (let c = from; c <= to; c++) add(bytes, single(c, nocase))
    at = last.end
  }
  if (text[at] !== ']') return undefined
  return { bytes: negated ? not(bytes) : bytes, end: at + 1 }
}

function member(
  text: string,
  start: number,
  nocase: boolean,
): (Read & { start: number }) | undefined {
  const c = text[start]
  if (c === undefined) return undefined
  if (c !== '\\') return { bytes: single(c.charCodeAt(0), nocase), start, end: start + 1 }
  // In a class it is a backspace.
  if (text[start + 1] === 'b') return { bytes: among(8), start, end: start + 2 }
  const found = escaped(text, start + 1, nocase)
  return found && { ...found, start }
}

/** The byte of a set that has one; else -1. */
function lone(read: Read | undefined): number {
  if (!read) return -1
  const first = read.bytes.indexOf(1)
  return read.bytes.indexOf(1, first + 1) < 0 ? first : -1
}

function mark(set: Uint8Array, bytes: readonly number[]): Uint8Array {
  for (const byte of bytes) set[byte] = 1
  return set
}

function add(all: Uint8Array, more: Uint8Array): void {
  for (let c = 0; c < 256; c++) if (more[c] === 1) all[c] = 1
}

const KINDS = [DIGIT, of((c) => WORD[c] === 1 && DIGIT[c] === 0), not(WORD)] as const
const sum = (set: Uint8Array) => LIKELY.reduce((all, likely, c) => (set[c] === 1 ? all + likely : all), 0) // biome-ignore format: one line
/** Digits follow digits, and letters letters. */
const STAYS = 0.5

/** How likely traffic is to have a byte of each of these one after another. */
export function likelihood(places: readonly Uint8Array[]): number {
  let all = 1
  for (const [i, set] of places.entries()) {
    const before = places[i - 1]
    let own = 0
    for (const kind of KINDS) {
      const here = sum(intersection(kind, set))
      const staying = before && intersection(kind, before).includes(1)
      own += staying ? Math.max(here, (STAYS * here) / sum(kind)) : here
    }
    all *= Math.min(1, own)
  }
  return all
}

const intersection = (a: Uint8Array, b: Uint8Array) => a.map((flag, c) => flag & (b[c] as number))
