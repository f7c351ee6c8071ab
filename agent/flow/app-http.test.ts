/** Bodies are lent with the record: their memory serves the next ones once all is said. */
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { keepLent } from '../decode/lent.ts'
import type { HttpTransaction, Transaction } from '../decode/records.ts'
import { HttpFlow } from './app-http.ts'

const REQUEST = 'POST /f HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n'

/** A flow whose records are handed to `told`, and what it says to it: one exchange with these bodies. */
function flow(told: (tx: Transaction) => void) {
  const ignored = () => {}
  const http = new HttpFlow({ transaction: told, fault: ignored, event: ignored, expect: ignored })
  return {
    http,
    exchange(asked: string, answer: Buffer, encoding = 'identity') {
      http.stream(true, Buffer.from(REQUEST + asked))
      const head = `HTTP/1.1 200 OK\r\nContent-Length: ${answer.length}\r\nContent-Encoding: ${encoding}\r\n\r\n`
      http.stream(false, Buffer.from(head))
      for (let at = 0; at < answer.length; at += 1400)
        http.stream(false, answer.subarray(at, at + 1400))
    },
  }
}

function bodies({ requestBody, responseBody }: HttpTransaction): string[] {
  return [requestBody, responseBody].map((body) => Buffer.from(body).toString())
}

test('a record has its bodies at every stage, whole or unpacked, and no longer', () => {
  const seen: string[][] = []
  const all = new Set<HttpTransaction>()
  const { exchange } = flow((tx) => {
    if (tx.proto !== 'http') return
    all.add(tx.http)
    if (tx.stage === 'done') seen.push(bodies(tx.http))
  })
  const texts = ['a', 'b', 'c'].map((letter) => letter.repeat(20_000))
  for (const text of texts) exchange('asked', Buffer.from(text))
  for (const text of texts) exchange('again', gzipSync(text), 'gzip')
  expect(seen).toEqual([
    ...texts.map((text) => ['asked', text]),
    ...texts.map((text) => ['again', text]),
  ])
  expect([...all].map(bodies)).toEqual(Array.from({ length: 6 }, () => ['', '']))
})

test('one that somebody keeps stays as it was, whatever comes later', () => {
  const kept: HttpTransaction[] = []
  const { exchange } = flow((tx) => {
    if (tx.proto !== 'http' || tx.stage !== 'response-body' || kept.length > 0) return
    keepLent(tx)
    kept.push(tx.http)
  })
  exchange('first', Buffer.alloc(20_000, 'x'))
  for (let i = 0; i < 9; i++) exchange('later', Buffer.alloc(20_000, 'y'))
  expect(kept.map(bodies)).toEqual([['first', 'x'.repeat(20_000)]])
})

test('what it holds of bodies is given back with their record', () => {
  const { http, exchange } = flow(() => {})
  exchange('asked', Buffer.alloc(40_000, 'x'))
  expect(http.held).toBe(0)
  http.stream(true, Buffer.from(`${REQUEST}asked`))
  expect(http.held).toBeGreaterThan(0)
  http.ended()
  expect(http.held).toBe(0)
})
