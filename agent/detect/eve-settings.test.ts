import { expect, test } from 'vitest'
import { dnsRecords } from './eve-settings.ts'

const question = { rrname: 'a.example', rrtype: 'MX' }
const request = {
  event_type: 'dns',
  dns: { version: 3, type: 'request', id: 7, tx_id: 0, opcode: 0, queries: [question] },
}
const answers = [{ rrname: 'a.example', rrtype: 'MX', rdata: 'm.example' }]
const response = {
  event_type: 'dns',
  dns: { version: 3, type: 'response', id: 7, queries: [question], answers },
}
const all = { version: 3, requests: true, responses: true, types: undefined } as const

test('DNS in version 2: a record a question, and the question beside its answers', () => {
  expect(dnsRecords(request, { ...all, version: 2 })).toEqual([
    { event_type: 'dns', dns: { type: 'query', id: 7, tx_id: 0, opcode: 0, ...question } },
  ])
  expect(dnsRecords(response, { ...all, version: 2 })[0]).toMatchObject({
    dns: { version: 2, type: 'answer', rrname: 'a.example', rrtype: 'MX', answers },
  })
  expect(dnsRecords(response, all)).toEqual([response])
})

test('only questions, only answers, only some types', () => {
  expect(dnsRecords(request, { ...all, requests: false })).toEqual([])
  expect(dnsRecords(response, { ...all, responses: false })).toEqual([])
  expect(dnsRecords(request, { ...all, types: new Set(['A']) })).toEqual([])
  expect(dnsRecords(request, { ...all, types: new Set(['MX']) })).toEqual([request])
})
