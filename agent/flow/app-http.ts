/**
 * HTTP/1 on one flow: heads, bodies, and which answer belongs to which question when several are on the way
 * (RFC 9112 §9.3). A tunnel (CONNECT) or another protocol (101) ends it.
 */

import type { AppEvent } from '../decode/app-events.ts'
import {
  decodeHeaders,
  decodeRequestLine,
  decodeStatusLine,
  type Framing,
  framing,
  headEnd,
  headerValue,
  lineEnd,
} from '../decode/http.ts'
import { normaliseUri, uriHost } from '../decode/http-uri.ts'
import { endLoan } from '../decode/lent.ts'
import { type HttpHeader, type HttpTransaction, NOTED, type Stage } from '../decode/records.ts'
import { KeptBytes } from './app-bytes.ts'
import { BodyReader } from './app-http-body.ts'
import type { AppParser, AppSink, Inside, Verdict } from './app-parser.ts'

export const HEAD_BYTES_MAX = 65_536
/** Questions without an answer yet, on one flow. */
export const WAITING_MAX = 64

/** What begins a message, at the start of what is in hand or of a line in it. */
const REQUEST_STARTS = /(?:^|\n)[A-Z]{3,16} [^\s]{1,2048} HTTP\/1/
const RESPONSE_STARTS = /(?:^|\n)HTTP\/1\.\d \d{3}/
const FIND_BYTES_MAX = 65_536
/** A request line whose end never came. */
const BEGUN_REQUEST = /^[A-Z]{3,16} \/[^\s]{0,2048}(?: H|$)/
/** Bytes before a status line that are read over, as clients do. */
const JUNK_BYTES_MAX = 512
/** Methods that come with a body. */
const WITH_BODY: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH'])
/** As long as any method is. */
const METHOD_BYTES_MAX = 32
/** A waiting exchange costs this much beside its head, whose text is kept about four times over. */
const EXCHANGE_BYTES = 1024
const NOTHING = new Uint8Array(0)

interface Exchange {
  http: HttpTransaction
  cost: number
  request: BodyReader | undefined
  response: BodyReader | undefined
  requestSaid: boolean
  responseSaid: boolean
  /** A body that nobody announced ended within a line. */
  openLine: boolean
}

interface Side {
  head: KeptBytes
  /** The exchange whose body is being read; undefined between messages. */
  reading: Exchange | undefined
  /** Bytes are missing between two messages: what comes is read over up to the next first line. */
  lost: boolean
}

export class HttpFlow implements AppParser {
  readonly proto = 'http'
  readonly #sink: AppSink
  readonly #layersMax: number | undefined
  readonly #client: Side = newSide()
  readonly #server: Side = newSide()
  #waiting: Exchange[] = []
  #count = 0
  #verdict: Verdict = 'done'
  /** What the heads of the waiting exchanges cost, about. */
  #headBytes = 0

  constructor(sink: AppSink, layersMax?: number) {
    this.#sink = sink
    this.#layersMax = layersMax
    this.#verdict = 'more' // set here: code is made for what has only had one value, and again at its second
  }

  get held(): number {
    let held = this.#client.head.held + this.#server.head.held
    for (const { request, response } of this.#waiting)
      held += (request?.kept.held ?? 0) + (response?.kept.held ?? 0)
    return held + this.#headBytes
  }

  stream(toServer: boolean, bytes: Buffer): Verdict {
    const side = toServer ? this.#client : this.#server
    let at = 0
    while (at < bytes.length && this.#verdict === 'more') {
      if (side.lost) at = this.#find(toServer, side, bytes, at)
      else if (side.reading) at = this.#body(toServer, side, bytes, at)
      else at = this.#head(toServer, side, bytes, at)
    }
    return this.#verdict
  }

  inside(toServer: boolean, bytes: Uint8Array, start: number, end: number): Inside {
    const { reading, lost } = toServer ? this.#client : this.#server
    const reader = toServer ? reading?.request : reading?.response
    if (!reading || !reader || lost || this.#verdict !== 'more') return 'no'
    const taken = reader.inside(bytes, start, end)
    if (toServer) reading.http.requestBodyBytes = reader.bytes
    else reading.http.responseBodyBytes = reader.bytes
    return taken
  }

  gap(toServer: boolean, missing: number): Verdict {
    const side = toServer ? this.#client : this.#server
    const reader = toServer ? side.reading?.request : side.reading?.response
    if (side.reading) side.reading.http.gap = true
    if (reader?.gap(missing)) this.#afterBody(toServer, side, reader)
    else if (reader?.outrun(missing) || (!side.reading && side.head.length === 0)) {
      if (reader) this.#afterBody(toServer, side, reader)
      side.lost = true
    } else this.#give()
    return this.#verdict
  }

  /** Reads over what has no beginning, up to a line that begins a message. */
  #find(toServer: boolean, side: Side, bytes: Buffer, at: number): number {
    const text = bytes.toString('latin1', at, Math.min(bytes.length, at + FIND_BYTES_MAX))
    const found = (toServer ? REQUEST_STARTS : RESPONSE_STARTS).exec(text)
    if (!found) return bytes.length
    side.lost = false
    return at + found.index + (found[0].startsWith('\n') ? 1 : 0)
  }

  ended(): void {
    if (this.#verdict === 'more') this.#give()
  }

  #head(toServer: boolean, side: Side, bytes: Buffer, at: number): number {
    if (side.head.length === 0) {
      if (toServer && this.#waiting.at(-1)?.openLine) {
        const end = this.#unexpectedBody(bytes, at)
        if (end !== -1) return end
      }
      let start = at
      while (start < bytes.length && (bytes[start] === 13 || bytes[start] === 10)) start++
      if (toServer && start < bytes.length && !mayBeRequest(bytes, start)) {
        const end = this.#unexpectedBody(bytes, start)
        if (end !== -1) return end
      }
      const stop = headEnd(bytes, start, bytes.length)
      if (stop === -1) side.head.append(bytes, start)
      else this.#onHead(toServer, bytes.subarray(start, stop))
      return stop === -1 ? this.#headHeld(toServer, side, bytes.length) : stop
    }
    const before = side.head.length
    side.head.append(bytes, at)
    const stop = headEnd(side.head.view(), Math.max(0, before - 3), side.head.length)
    if (stop === -1) return this.#headHeld(toServer, side, bytes.length)
    const head = Buffer.from(side.head.view().subarray(0, stop))
    side.head.clear()
    this.#onHead(toServer, head)
    return at + stop - before
  }

  /** A head that is not whole yet: is it too long, or no head at all? */
  #headHeld(toServer: boolean, side: Side, at: number): number {
    const view = side.head.view()
    if (side.head.full) {
      this.#sink.fault('headers-too-long')
      this.#give()
    } else if (!toServer && view.length >= 5 && statusAt(view) === -1) {
      this.#headless(side, Buffer.from(view))
    }
    return at
  }

  #onHead(toServer: boolean, head: Buffer): void {
    const end = lineEnd(head, 0, head.length)
    const stop = end === -1 ? head.length : end
    const line = head.toString('latin1', 0, head[stop - 1] === 13 ? stop - 1 : stop)
    const rest = head.subarray(stop + 1)
    if (toServer) this.#onRequest(line, rest)
    else this.#onResponse(line, rest, head)
  }

  #onRequest(line: string, rest: Buffer): void {
    const start = decodeRequestLine(line)
    if (typeof start === 'string') {
      this.#sink.fault(start)
      this.#give()
      return
    }
    if (this.#waiting.length >= WAITING_MAX) {
      this.#sink.fault('transactions-full')
      this.#give()
      return
    }
    const { list, usual, faults, events } = decodeHeaders(rest, 0, rest.length)
    for (const fault of faults) this.#sink.fault(fault)
    const exchange = this.#newExchange()
    const { http } = exchange
    http.method = start.method
    http.requestLine = line
    http.rawUri = start.rawUri
    http.uri = start.method === 'CONNECT' ? start.rawUri : normaliseUri(start.rawUri)
    http.version = start.version
    http.host = uriHost(start.rawUri) || headerValue(list, 'host') || ''
    http.requestHeaders = list
    http.rawRequestHeaders = Buffer.from(rest)
    http.usualRequestHeaders = usual
    for (const event of events) this.#event(exchange, event)
    exchange.cost = EXCHANGE_BYTES + 4 * (rest.length + line.length)
    this.#headBytes += exchange.cost
    const body = this.#framing(list, 'none')
    exchange.request = new BodyReader(body, false, headerValue(list, 'content-encoding'))
    if (start.version === '' && list.length > 0)
      this.#event(exchange, 'http.request_line_missing_protocol')
    const coding = headerValue(list, 'transfer-encoding')
    if (coding !== undefined && coding.toLowerCase() !== 'chunked')
      this.#event(exchange, 'http.invalid_transfer_encoding_value_in_request')
    // A body that nobody announced may still follow.
    http.requestDone =
      exchange.request.done && !(body.kind === 'none' && WITH_BODY.has(http.method))
    this.#say(exchange, 'request')
    if (!exchange.request.done) this.#client.reading = exchange
  }

  #event({ http }: Exchange, event: AppEvent, toServer = true): void {
    http.events ??= []
    if (http.events.includes(event)) return
    http.events.push(event)
    this.#sink.event(event, toServer)
  }

  /**
   * A line where a request should begin that is none: the body of the request before, which did not announce it.
   * Returns where it ends; -1: there is no such request.
   */
  #unexpectedBody(bytes: Buffer, at: number): number {
    const exchange = this.#waiting.at(-1)
    if (!exchange?.request?.done || exchange.http.requestDone) return -1
    const { http } = exchange
    if (http.status !== 0) return -1
    const stop = lineEnd(bytes, at, bytes.length)
    const end = stop === -1 ? bytes.length : stop + 1
    const line = bytes.subarray(at, end)
    const { kept } = exchange.request
    kept.append(line)
    exchange.openLine = stop === -1
    http.requestBodyBytes += line.length
    this.#event(exchange, 'http.request_body_unexpected')
    // Told when it has doubled, and what is left with the answer or the end: rules do not read it anew for each line.
    if (kept.length >= 2 * http.requestBody.length) this.#sayUnexpected(exchange)
    return end
  }

  #sayUnexpected(exchange: Exchange): void {
    const { request } = exchange
    if (!request || request.bytes > 0) return
    const kept = request.kept.view()
    if (kept.length <= exchange.http.requestBody.length) return
    exchange.http.requestBody = new Uint8Array(kept)
    this.#say(exchange, 'request-body')
  }

  #onResponse(line: string, rest: Buffer, head: Buffer): void {
    this.#oldRequest()
    const start = decodeStatusLine(line)
    const later = typeof start === 'string' ? statusAt(head) : -1
    if (later > 0) {
      this.#sink.fault('bad-status-line')
      this.#onHead(false, head.subarray(later))
      return
    }
    if (typeof start === 'string') {
      this.#headless(this.#server, head)
      return
    }
    const asked = this.#waiting[0]
    const exchange = asked ?? this.#newExchange()
    const { http } = exchange
    if (!asked) this.#event(exchange, 'http.unable_to_match_response_to_request', false)
    this.#sayUnexpected(exchange)
    const interim = start.exact && start.status < 200 && start.status !== 101
    if (interim) return // RFC 9110 §15.2: the final answer is still to come
    const { list, usual, faults, events } = decodeHeaders(rest, 0, rest.length, true)
    for (const fault of faults) this.#sink.fault(fault)
    http.status = start.status
    http.responseLine = line
    if (start.text !== undefined) http.statusText = start.text
    http.reason = start.reason
    http.responseVersion = start.version
    http.responseHeaders = list
    http.rawResponseHeaders = Buffer.from(rest)
    http.usualResponseHeaders = usual
    for (const event of events) this.#event(exchange, event, false)
    const tunnel =
      start.status === 101 ||
      (http.method === 'CONNECT' && start.status >= 200 && start.status < 300)
    const bare =
      tunnel ||
      http.method === 'HEAD' ||
      (start.exact && (start.status === 204 || start.status === 304))
    const body: Framing = bare ? { kind: 'none' } : this.#framing(list, 'until-close')
    exchange.response = new BodyReader(body, true, headerValue(list, 'content-encoding'))
    this.#say(exchange, 'response')
    if (tunnel) {
      this.#give()
      this.#verdict = http.method === 'CONNECT' ? 'anew' : 'done'
    } else if (exchange.response.done) this.#responseDone(exchange)
    else this.#server.reading = exchange
  }

  /** HTTP/0.9: an answer without a head; or something that is no HTTP answer at all. */
  #headless(side: Side, bytes: Buffer): void {
    side.head.clear()
    this.#oldRequest()
    const exchange = this.#waiting[0]
    if (exchange?.http.version !== '') this.#sink.fault('bad-status-line')
    if (!exchange) {
      this.#give()
      return
    }
    exchange.response = new BodyReader({ kind: 'until-close' })
    exchange.response.feed(bytes, 0)
    this.#say(exchange, 'response')
    side.reading = exchange
  }

  /** An answer came while a question of one line waits for headers: it was HTTP/0.9, which has none. */
  #oldRequest(): void {
    const { head } = this.#client
    if (this.#waiting.length > 0 || lineEnd(head.view(), 0, head.length) === -1) return
    const whole = Buffer.from(head.view())
    head.clear()
    this.#onHead(true, whole)
  }

  #framing(list: readonly HttpHeader[], absent: 'none' | 'until-close'): Framing {
    const { framing: body, fault } = framing(list, absent)
    if (fault) this.#sink.fault(fault)
    return body
  }

  #body(toServer: boolean, side: Side, bytes: Buffer, at: number): number {
    const exchange = side.reading as Exchange
    const reader = (toServer ? exchange.request : exchange.response) as BodyReader
    const next = reader.feed(bytes, at)
    if (toServer) exchange.http.requestBodyBytes = reader.bytes
    else exchange.http.responseBodyBytes = reader.bytes
    if (reader.extension) this.#event(exchange, 'http.request_chunk_extension')
    this.#afterBody(toServer, side, reader)
    return next
  }

  #afterBody(toServer: boolean, side: Side, reader: BodyReader): void {
    const exchange = side.reading as Exchange
    if (reader.done && !reader.fault) {
      if (toServer) exchange.http.requestDone = true
      else exchange.http.responseDone = true
    }
    if (reader.done || reader.kept.full) this.#sayBody(exchange, toServer)
    if (reader.fault) {
      this.#sink.fault(reader.fault)
      this.#give()
    } else if (reader.done) {
      side.reading = undefined
      if (!toServer) this.#responseDone(exchange)
    }
  }

  #responseDone(exchange: Exchange): void {
    exchange.http.responseDone = true
    this.#sayBody(exchange, true)
    this.#sayBody(exchange, false)
    this.#sayDone(exchange)
    this.#waiting = this.#waiting.filter((other) => other !== exchange)
    this.#headBytes -= exchange.cost
  }

  /** Hands on one body, once: when it is whole, or no more of it will be kept. */
  #sayBody(exchange: Exchange, toServer: boolean): void {
    const { http } = exchange
    const reader = toServer ? exchange.request : exchange.response
    if (!reader || (toServer ? exchange.requestSaid : exchange.responseSaid)) {
      if (reader && toServer) http.requestBodyBytes = reader.bytes
      else if (reader) http.responseBodyBytes = reader.bytes
      return
    }
    if (reader.bytes === 0) {
      if (toServer) this.#sayUnexpected(exchange)
      return
    }
    const { bytes, fault } = reader.take(this.#layersMax)
    if (fault) this.#sink.fault(fault)
    if (toServer) {
      exchange.requestSaid = true
      http.requestBody = bytes
      http.requestBodyBytes = reader.bytes
    } else {
      exchange.responseSaid = true
      http.responseBody = bytes
      http.responseBodyBytes = reader.bytes
    }
    this.#say(exchange, toServer ? 'request-body' : 'response-body')
  }

  /** The end of what can be read: what is unfinished is handed on as it is. */
  #give(): void {
    this.#verdict = 'done'
    this.#lastHead()
    this.#giveWaiting()
    this.#oldRequest() // a head that is not whole has at least its first line
    this.#lastLine()
    this.#giveWaiting()
    this.#client.reading = undefined
    this.#server.reading = undefined
    this.#client.head.clear()
    this.#server.head.clear()
  }

  /** A request that ends within its first line. */
  #lastLine(): void {
    const { head } = this.#client
    if (this.#client.lost || head.length === 0 || this.#count > 0) return
    const line = Buffer.from(head.view())
    head.clear()
    if (BEGUN_REQUEST.test(line.toString('latin1'))) this.#onHead(true, line)
  }

  /** An answer whose head was never closed: its lines are read as they are. */
  #lastHead(): void {
    const { head } = this.#server
    if (this.#server.reading || head.length === 0 || statusAt(head.view()) !== 0) return
    const whole = Buffer.from(head.view())
    head.clear()
    if (lineEnd(whole, 0, whole.length) !== -1) this.#onHead(false, whole)
  }

  #giveWaiting(): void {
    const left = this.#waiting
    this.#waiting = []
    this.#headBytes = 0
    for (const exchange of left) {
      this.#sayBody(exchange, true)
      this.#sayBody(exchange, false)
      if (exchange.response?.untilClose) exchange.http.responseDone = true
      this.#sayDone(exchange)
    }
  }

  #sayDone(exchange: Exchange): void {
    this.#say(exchange, 'done')
    endLoan(exchange.http, () => giveBack(exchange))
  }

  #say(exchange: Exchange, stage: Stage): void {
    this.#sink.transaction({ proto: 'http', stage, http: exchange.http })
  }

  #newExchange(): Exchange {
    // All fields, or code that reads it would be compiled for each order in which they come.
    const http: HttpTransaction = {
      id: this.#count++,
      method: '',
      requestLine: undefined,
      rawUri: '',
      uri: '',
      version: '',
      host: '',
      requestHeaders: [],
      rawRequestHeaders: NOTHING,
      usualRequestHeaders: undefined,
      requestBody: NOTHING,
      requestBodyBytes: 0,
      status: 0,
      responseLine: undefined,
      statusText: undefined,
      reason: '',
      responseVersion: '',
      responseHeaders: [],
      rawResponseHeaders: NOTHING,
      usualResponseHeaders: undefined,
      responseBody: NOTHING,
      responseBodyBytes: 0,
      requestDone: false,
      responseDone: false,
      gap: false,
      events: undefined,
      waited: 0,
      giveBack: undefined,
      [NOTED]: undefined,
    }
    const exchange: Exchange = {
      http,
      cost: 0,
      request: undefined,
      response: undefined,
      requestSaid: false,
      responseSaid: false,
      openLine: false,
    }
    this.#waiting.push(exchange)
    return exchange
  }
}

/** The memory of its bodies serves the next ones: V8 stops to collect after so many bytes of it. */
function giveBack({ http, request, response, requestSaid, responseSaid }: Exchange): void {
  if (requestSaid) {
    request?.kept.clear()
    http.requestBody = NOTHING
  }
  if (responseSaid) {
    response?.kept.clear()
    http.responseBody = NOTHING
  }
}

function newSide(): Side {
  return { head: new KeptBytes(HEAD_BYTES_MAX), reading: undefined, lost: false }
}

/** A word, then a blank; or as far as there are bytes. */
function mayBeRequest(bytes: Buffer, at: number): boolean {
  const end = Math.min(bytes.length, at + METHOD_BYTES_MAX)
  for (let i = at; i < end; i++) {
    const c = bytes[i] as number
    if (c === 0x20 || c === 0x09) return true
    const letter = (c | 0x20) >= 0x61 && (c | 0x20) <= 0x7a
    if (!letter && c !== 0x2d && c !== 0x5f) return false
  }
  return end === bytes.length
}

/** Where the first line of an answer begins that has a status line, junk before it read over; -1: nowhere. */
function statusAt(head: Buffer): number {
  const found = /(?:^|\n)[ \t\r]*HTTP\//i.exec(head.toString('latin1', 0, JUNK_BYTES_MAX))
  return found ? found.index + (found[0].startsWith('\n') ? 1 : 0) : -1
}
