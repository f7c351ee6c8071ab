import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import {
  chunkSize,
  decodeHeaders,
  decodeRequestLine,
  decodeStatusLine,
  framing,
  headEnd,
} from './http.ts'
import { inflateBody } from './http-inflate.ts'
import { normaliseUri, uriHost } from './http-uri.ts'

test.each([
  ['GET / HTTP/1.1', { method: 'GET', rawUri: '/', version: 'HTTP/1.1' }],
  ['GET  /a b?c  HTTP/1.0', { method: 'GET', rawUri: '/a b?c', version: 'HTTP/1.0' }],
  ['GET /old', { method: 'GET', rawUri: '/old', version: '' }],
  ['M-SEARCH * HTTP/1.1', { method: 'M-SEARCH', rawUri: '*', version: 'HTTP/1.1' }],
  ['GET', 'bad-request-line'],
  ['GET HTTP/1.1', 'bad-request-line'],
  ['\x16\x03\x01 x HTTP/1.1', 'bad-request-line'],
  ['', 'bad-request-line'],
])('reads the request line %s', (line, expected) => {
  expect(decodeRequestLine(line)).toEqual(expected)
})

test.each([
  ['HTTP/1.1 200 OK', { version: 'HTTP/1.1', status: 200, reason: 'OK', exact: true }],
  ['HTTP/1.0 404', { version: 'HTTP/1.0', status: 404, reason: '', exact: true }],
  ['ICY 200 OK', 'bad-status-line'],
  ['HTTP/1.1 20', { version: 'HTTP/1.1', status: 20, reason: '', exact: false }],
  [' HTTP/1.1 0204 x', { version: 'HTTP/1.1', status: 204, reason: 'x', exact: false }],
  ['HTTP/1.1 ', 'bad-status-line'],
])('reads the status line %s', (line, expected) => {
  expect(decodeStatusLine(line)).toEqual(expected)
})

test('reads headers with bare LF, folds, odd spaces and a line without a colon, which has no name', () => {
  const bytes = Buffer.from('Host : a\nX-Long: one\r\n\ttwo\r\nnothing\r\nEmpty:\r\n\r\n')
  expect(decodeHeaders(bytes, 0, bytes.length)).toEqual({
    list: [
      { name: 'Host', value: 'a' },
      { name: 'X-Long', value: 'one two' },
      { name: '', value: 'nothing' },
      { name: 'Empty', value: '' },
    ],
    usual: undefined,
    faults: ['bad-header'],
    events: ['http.request_header_invalid', 'http.request_field_missing_colon'],
  })
})

test('headers that are all a name, a colon, a blank and a value are given as sent, too', () => {
  const usual = (text: string) => decodeHeaders(Buffer.from(text), 0, text.length).usual
  expect(usual('Host: a\r\nEmpty: \r\n\r\n')).toBe('Host: a\r\nEmpty: \r\n')
  for (const odd of ['Host:a', 'Host:  a', 'Host : a', 'Host: a ', 'Host: a\r\n b', 'a', 'Empty:'])
    expect(usual(`Via: b\r\n${odd}\r\n\r\n`), odd).toBeUndefined()
  expect(usual('Via: b\r\nHost: a\n\r\n')).toBeUndefined()
})

test.each([
  [': noname', ['', 'noname'], 'request_header_invalid', 'response_header_invalid'],
  ['(a): b', ['(a)', 'b'], 'request_header_invalid', 'response_header_invalid'],
  [' a: b', ['a', 'b'], 'invalid_request_field_folding', 'invalid_response_field_folding'],
  ['a b  ', ['', 'a b'], 'request_field_missing_colon', 'response_field_missing_colon'],
])('%j is kept, and each direction has its name for it', (line, [name, value], asked, answered) => {
  const bytes = Buffer.from(`${line}\r\n\r\n`)
  const kept = (response: boolean) => decodeHeaders(bytes, 0, bytes.length, response)
  expect(kept(false)).toMatchObject({ list: [{ name, value }], events: [`http.${asked}`] })
  expect(kept(true)).toMatchObject({ list: [{ name, value }], events: [`http.${answered}`] })
})

test('a request reads a name up to a NUL, which hides the colon; an answer does not', () => {
  const bytes = Buffer.from('a\0b: c\r\n')
  const list = (response: boolean) => decodeHeaders(bytes, 0, bytes.length, response).list
  expect(list(false)).toEqual([{ name: '', value: 'a\0b: c' }])
  expect(list(true)).toEqual([{ name: 'a\0b', value: 'c' }])
})

test('counts headers no further than its bound', () => {
  const bytes = Buffer.from('a: b\r\n'.repeat(1000))
  const { list, faults } = decodeHeaders(bytes, 0, bytes.length)
  expect([list.length, faults]).toEqual([256, ['headers-too-long']])
})

test('finds the end of a head in either style', () => {
  expect(headEnd(Buffer.from('a\r\nb\r\n\r\nX'), 0, 9)).toBe(8)
  expect(headEnd(Buffer.from('a\nb\n\nX'), 0, 6)).toBe(5)
  expect(headEnd(Buffer.from('a\r\nb\r\n\r'), 0, 7)).toBe(-1)
})

test('says how a body ends, and when two headers disagree', () => {
  const of = (...pairs: [string, string][]) =>
    framing(
      pairs.map(([name, value]) => ({ name, value })),
      'until-close',
    )
  expect(of()).toEqual({ framing: { kind: 'until-close' }, fault: undefined })
  expect(of(['Content-Length', '12']).framing).toEqual({ kind: 'length', bytes: 12 })
  expect(of(['Transfer-Encoding', 'gzip, Chunked']).framing).toEqual({ kind: 'chunked' })
  expect(of(['content-length', '1'], ['Content-length', '2']).fault).toBe('ambiguous-length')
  expect(of(['content-length', '1'], ['transfer-encoding', 'chunked']).fault).toBe(
    'ambiguous-length',
  )
  expect(of(['content-length', '-1']).fault).toBe('bad-length')
})

test('reads chunk sizes', () => {
  expect(['1a', ' 1A ;x=y', '0', 'g', '', '-1', 'fffffffffffff'].map(chunkSize)).toEqual([
    26, 26, 0, -1, -1, -1, -1,
  ])
})

test.each([
  ['/a/../b', '/b'],
  ['/../../etc/passwd', '/etc/passwd'],
  ['/a/%2e%2e/b', '/b'],
  ['/a//b/./c', '/a/b/c'],
  ['/a\\b', '/a/b'],
  ['/a/..', '/'],
  ['/a/b/..', '/a/'],
  ['/a/.', '/a/'],
  ['/a/%c0%ae%c0%ae%c0%afb', '/b'],
  ['/a%e0%80%afb%c1%81', '/a/bA'],
  ['/a%c3%a4?%c0%af', '/a\xc3\xa4?\xc0\xaf'],
  ['/%2541', '/%41'],
  ['/x?q=%27%20or+1', "/x?q=' or+1"],
  ['/x?u=../a', '/x?u=../a'],
  ['http://host:8080/p?q', '/p?q'],
  ['http://host', '/'],
  ['/%zz%4', '/%zz%4'],
  ['/%uff0e%u0041', '/.A'],
  ['*', '*'],
  ['host:443', 'host:443'],
  ['', ''],
])('normalises %s', (raw, expected) => {
  expect(normaliseUri(raw)).toBe(expected)
})

test('finds the host of an absolute target', () => {
  expect(uriHost('http://u:p@host:8080/p')).toBe('host:8080')
  expect(uriHost('/p')).toBe('')
})

test('gzip of several members, with a wrong checksum, or cut before it', () => {
  const first = gzipSync('a member, ')
  const undone = (body: Buffer) => Buffer.from(inflateBody(body, 'gzip', 100).bytes).toString()
  expect(undone(Buffer.concat([first, gzipSync('and one more')]))).toBe('a member, and one more')
  expect(undone(Buffer.concat([first, Buffer.from('garbage')]))).toBe('a member, ')
  const wrong = Buffer.from(first).fill(0, first.length - 8)
  for (const body of [wrong, first.subarray(0, -8), first.subarray(0, -3)])
    expect(undone(body)).toBe('a member, ')
})

const undone = (body: Buffer, encoding: string) => {
  const { bytes, fault } = inflateBody(body, encoding, 65_536)
  return { bytes: Buffer.from(bytes), fault }
}

test('undoes gzip, deflate both ways, and two layers', () => {
  const text = Buffer.from('hello '.repeat(100))
  for (const [encoding, body] of [
    ['gzip', gzipSync(text)],
    ['deflate', deflateSync(text)],
    ['deflate', deflateRawSync(text)],
    ['deflate, gzip', gzipSync(deflateSync(text))],
    ['br', brotliCompressSync(text)],
    ['zstd', text],
  ] as const)
    expect(undone(body, encoding)).toEqual({ bytes: text, fault: undefined })
})

test('reads what it can of a body that was cut, broken or is a bomb, in bounded time', () => {
  const text = Buffer.from(Array.from({ length: 3000 }, (_, i) => `line ${i}\n`).join(''))
  const whole = gzipSync(text)
  const cut = inflateBody(whole.subarray(0, whole.length >> 1), 'gzip', 65_536)
  expect(cut.fault).toBeUndefined()
  expect(text.subarray(0, cut.bytes.length).equals(cut.bytes)).toBe(true)
  expect(cut.bytes.length).toBeGreaterThan(5000)

  const broken = Buffer.from(whole)
  broken.fill(0xff, whole.length - 2000)
  const rest = inflateBody(broken, 'gzip', 65_536)
  expect(rest.fault).toBe('bad-compression')
  expect(Buffer.from(rest.bytes.subarray(0, 7)).toString()).toBe('line 0\n')

  const bomb = inflateBody(gzipSync(Buffer.alloc(40_000_000)), 'gzip', 65_536)
  expect(bomb).toMatchObject({ fault: 'body-too-long' })
  expect(bomb.bytes.length).toBe(65_536)
  const lines = (count: number) => Array.from({ length: count }, (_, i) => `line ${i}\n`).join('')
  expect(inflateBody(gzipSync(lines(10_000)), 'gzip', 65_536).fault).toBeUndefined()
  expect(inflateBody(gzipSync(lines(40_000)), 'gzip', 65_536).fault).toBe('body-too-long')
  expect(inflateBody(Buffer.from('no gzip'), 'gzip', 65_536)).toEqual({
    bytes: Buffer.from('no gzip'),
    fault: 'bad-compression',
    same: true,
  })
})

test('what hides a body from those who read strictly', () => {
  expect(chunkSize('fx')).toBe(15)
  expect(chunkSize('x')).toBe(-1)
  expect(headEnd(Buffer.from('a: b\n\t\nX'), 0, 8)).toBe(7)
  const head = Buffer.from('Connection: close\r\n\tTransfer-Encoding: \0chunked\r\n')
  const { list } = decodeHeaders(head, 0, head.length, true)
  expect(framing(list, 'until-close').framing).toEqual({ kind: 'chunked' })
  const flagged = gzipSync('hidden')
  flagged[3] = 0x80
  for (const encoding of ['gzip', 'gzip x', 'gzip,identity', '\0gzip'])
    expect(Buffer.from(inflateBody(flagged, encoding, 99).bytes).toString()).toBe('hidden')
})
