/**
 * HTTP/1 heads (RFC 9112): start lines, header lines, and what they say about the body that follows. Lenient where
 * servers are, because what we refuse to read is where an attack hides; what is odd is a fault beside the record.
 */
import type { Fault } from '../base/fault.ts'
import type { AppEvent } from './app-events.ts'
import type { HttpHeader } from './records.ts'

export const HEADERS_MAX = 256
export const LINE_BYTES_MAX = 16_384

const CODING = 'transfer-encoding'
const LENGTH = 'content-length'
const COLON = 0x3a
const LF = 10
const CR = 13
/** RFC 9110 §5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** By byte: whether it may be in a name. */
const NAME = Uint8Array.from({ length: 256 }, (_, code) => +TOKEN.test(String.fromCharCode(code)))

export interface RequestLine {
  method: string
  rawUri: string
  /** '' for HTTP/0.9, which has no headers. */
  version: string
}

export interface StatusLine {
  version: string
  status: number
  reason: string
  /** What stands in the place of the number, where it is none. */
  text?: string
  /** Three digits, as it must be. */
  exact: boolean
}

export interface Headers {
  list: HttpHeader[]
  /** The lines as sent, where each is its name, a colon, a blank and its value: no line need be put in that form. */
  usual: string | undefined
  faults: Fault[]
  events: AppEvent[]
}

/** How a body ends. `until-close`: only a response. */
export type Framing =
  | { kind: 'none' }
  | { kind: 'length'; bytes: number }
  | { kind: 'chunked' }
  | { kind: 'until-close' }

/** Where the line at `start` ends: the place of its LF, or -1. */
export function lineEnd(bytes: Buffer, start: number, end: number): number {
  const at = bytes.indexOf(LF, start)
  return at === -1 || at >= end ? -1 : at
}

/**
 * The place after the empty line that ends a head, or -1. `from` is where a search of the same bytes may go on: the
 * caller gives it so that a head that comes byte by byte costs linear time. Byte by byte: lines are short, and a call out of compiled
 * code for each costs more.
 */
export function headEnd(bytes: Buffer, from: number, end: number): number {
  for (let at = lineFeed(bytes, from, end); at < end; at = lineFeed(bytes, at + 1, end)) {
    const left = end - at - 1
    if (left < 1) return -1
    const next = bytes[at + 1] as number
    if (next === LF) return at + 2
    if (left < 2 || bytes[at + 2] !== LF) continue
    if (next === CR) return at + 3
    // One blank and LF: servers' clients take it for the end, where no empty line follows.
    if (left > 2 && isBlank(next) && !isEnd(bytes[at + 3] as number)) return at + 3
  }
  return -1
}

/** The next one, or `end`. Of its own: the loop is compiled once, whether or not lines are short. */
function lineFeed(bytes: Buffer, from: number, end: number): number {
  let at = from
  while (at < end && bytes[at] !== LF) at++
  return at
}

const isBlank = (c: number) => c === 0x20 || c === 0x09
const isEnd = (c: number) => c === LF || c === CR

/** As most are. */
const PLAIN_REQUEST = /^([A-Z]{1,64}) (\S+) (HTTP\/1\.[01])$/

export function decodeRequestLine(line: string): RequestLine | Fault {
  const plain = PLAIN_REQUEST.exec(line)
  if (plain)
    return { method: plain[1] as string, rawUri: plain[2] as string, version: plain[3] as string }
  const text = line.trimStart()
  const space = text.search(/[ \t]/)
  if (space < 1) return 'bad-request-line'
  const method = text.slice(0, space)
  if (!isToken(method)) return 'bad-request-line'
  const rest = text.slice(space).trim()
  const version = /[ \t]+(HTTP\/\d{1,3}\.\d{1,3})$/i.exec(rest.slice(-24))
  if (version) {
    const rawUri = rest.slice(0, rest.length - version[0].length).trimEnd()
    return rawUri === '' ? 'bad-request-line' : { method, rawUri, version: version[1] as string }
  }
  if (rest === '' || /^HTTP\/\d/i.test(rest)) return 'bad-request-line'
  return { method, rawUri: rest, version: '' }
}

export function decodeStatusLine(line: string): StatusLine | Fault {
  // Browsers take a version and a number that are not quite; so do we, or the body goes unread.
  const match = /^\s*(HTTP\/[\d.]{1,7})[ \t]+(\d{1,4})(?:[ \t]+(.*))?$/i.exec(line.slice(0, 1024))
  if (!match) return wordStatus(line)
  const [, version = '', digits = '', reason = ''] = match
  return { version, status: Number(digits), reason, exact: digits.length === 3 }
}

/** A word of digits and letters where the number is due (`2XX`): an answer of no status we know. */
function wordStatus(line: string): StatusLine | Fault {
  const match = /^HTTP\/1\.\d[ \t]+(\d[0-9A-Za-z]{1,7})(?:[ \t]+(.*))?$/i.exec(line.slice(0, 1024))
  if (!match) return 'bad-status-line'
  const [, text = '', reason = ''] = match
  return { version: line.slice(0, 8), status: 0, text, reason, exact: false }
}

/** Header lines of [start, end), the empty line included or not. */
export function decodeHeaders(
  bytes: Buffer,
  start: number,
  end: number,
  response = false,
): Headers {
  const text = bytes.toString('latin1', start, end)
  const headers: Headers = { list: [], usual: undefined, faults: [], events: [] }
  let at = 0
  // Up to where all lines are as usual; -1: one was not.
  let usual = 0
  while (at < text.length) {
    const stop = text.indexOf('\n', at)
    const next = stop === -1 ? text.length : stop
    const last = text.charCodeAt(next - 1) === CR && next > at ? next - 1 : next
    if (last > at) {
      if (headers.list.length >= HEADERS_MAX) {
        addFault(headers, 'headers-too-long')
        break
      }
      if (last - at > LINE_BYTES_MAX) addFault(headers, 'line-too-long')
      const form = addHeader(text, at, last, headers, response)
      usual = form && usual === at && last < next ? next + 1 : -1
    }
    at = next + 1
  }
  if (usual > 0) headers.usual = text.slice(0, usual)
  return headers
}

function addFault({ faults }: Headers, fault: Fault): void {
  if (!faults.includes(fault)) faults.push(fault)
}

/** What is wrong with a line that is kept all the same, in a request and in an answer. */
type Odd = readonly [AppEvent, AppEvent]
const NO_COLON: Odd = ['http.request_field_missing_colon', 'http.response_field_missing_colon']
const BAD_NAME: Odd = ['http.request_header_invalid', 'http.response_header_invalid']
const FOLD: Odd = ['http.invalid_request_field_folding', 'http.invalid_response_field_folding']

function addEvent({ events }: Headers, odd: Odd, response: boolean): void {
  const event = odd[response ? 1 : 0]
  if (!events.includes(event)) events.push(event)
}

/** The line [start, end); whether it is in the usual form. */
// biome-ignore format: one line
function addHeader(text: string, start: number, end: number, headers: Headers, response: boolean): boolean {
  const { list } = headers
  const first = text.charCodeAt(start)
  const colon = colonIn(text, start, end, response)
  // Browsers take a folded line with a colon for a header of its own (and so does libhtp).
  if (isFold(first) && list.length > 0 && !(response && colon !== -1)) {
    const before = list[list.length - 1] as HttpHeader
    // obs-fold (RFC 9112 §5.2). Bounded: the whole head is.
    const line = text.slice(start, end)
    before.value = `${before.value} ${line.replace(/^\0+/, '').trim()}`.trim()
    return false
  }
  if (isFold(first)) addEvent(headers, FOLD, response)
  if (colon === -1) {
    // Kept without a name, as libhtp does: what a server reads of it rules must see.
    addFault(headers, 'bad-header')
    addEvent(headers, NO_COLON, response)
    list.push({ name: '', value: trimmed(text, start, end) })
    return false
  }
  const name = trimmed(text, start, colon)
  if (name === '') addFault(headers, 'bad-header')
  if (name === '' || isSpace(text.charCodeAt(colon - 1)) || !isName(name))
    addEvent(headers, BAD_NAME, response)
  const value = trimmed(text, colon + 1, end)
  list.push({ name, value })
  const blank = text.charCodeAt(colon + 1) === 0x20
  return blank && name.length === colon - start && value.length === end - colon - 2
}

/**
 * Not by indexOf, which would look past the line: in a head of lines without one, to its end each time. A request's is
 * read up to a NUL.
 */
function colonIn(text: string, start: number, end: number, response: boolean): number {
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at)
    if (code === COLON) return at
    if (code === 0 && !response) return -1
  }
  return -1
}

function isName(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (NAME[text.charCodeAt(at)] === 0) return false
  return true
}

const isFold = (code: number) => code === 0x20 || code === 0x09 || code === 0

/** Of Latin-1 text, as String.trim does it, in one slice. */
function trimmed(text: string, start: number, end: number): string {
  let from = start
  let to = end
  while (from < to && isSpace(text.charCodeAt(from))) from++
  while (to > from && isSpace(text.charCodeAt(to - 1))) to--
  return text.slice(from, to)
}

const isSpace = (code: number) => code === 0x20 || (code >= 9 && code <= 13) || code === 0xa0

/** The first value of a header, by lower-case name. */
export function headerValue(list: readonly HttpHeader[], name: string): string | undefined {
  for (const header of list)
    if (header.name.length === name.length && header.name.toLowerCase() === name)
      return header.value
  return undefined
}

/** RFC 9112 §6.3, from the headers alone. Two answers to "how long" are a fault: request smuggling. */
export function framing(
  list: readonly HttpHeader[],
  absent: 'none' | 'until-close',
): { framing: Framing; fault: Fault | undefined } {
  let fault: Fault | undefined
  let length: number | undefined
  let chunked = false
  for (const { name, value } of list) {
    if (name.length !== CODING.length && name.length !== LENGTH.length) continue
    const key = name.toLowerCase()
    // Anywhere in it: what surrounds the word is how it is hidden from those who read strictly.
    if (key === CODING && /chunked/i.test(value.slice(-256))) chunked = true
    if (key !== LENGTH) continue
    const bytes = /^\d{1,15}$/.test(value) ? Number(value) : undefined
    if (bytes === undefined) fault = 'bad-length'
    else if (length !== undefined && length !== bytes) fault = 'ambiguous-length'
    length ??= bytes
  }
  if (chunked) {
    if (length !== undefined) fault = 'ambiguous-length'
    return { framing: { kind: 'chunked' }, fault }
  }
  if (length !== undefined) return { framing: { kind: 'length', bytes: length }, fault }
  return { framing: { kind: absent }, fault }
}

/** A chunk's size from its line (RFC 9112 §7.1): hex digits, then whatever clients read over. -1: not one. */
export function chunkSize(line: string): number {
  const digits = /^\s*([0-9a-f]{1,12})(?![0-9a-f])/i.exec(line.slice(0, 256))
  return digits ? Number.parseInt(digits[1] as string, 16) : -1
}

function isToken(text: string): boolean {
  return text.length <= 64 && TOKEN.test(text)
}
