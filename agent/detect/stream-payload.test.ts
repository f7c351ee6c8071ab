import { expect, test } from 'vitest'
import { printable } from './eve-packet.ts'
import { StreamPayloads } from './stream-payload.ts'

test('what is missing is told in words, the oldest bytes go first, each direction by itself', () => {
  const payloads = new StreamPayloads(8)
  payloads.gap(2, 4)
  payloads.add(2, Buffer.from('xGOODx'), 1, 5)
  payloads.add(3, Buffer.from('\x00a'), 0, 2)
  payloads.add(2, Buffer.from('DATA'), 0, 4)
  expect(payloads.text(2, printable)).toBe('[4 bytes missing]GOODDATA')
  expect(payloads.text(3, printable)).toBe('.a')
  payloads.add(2, Buffer.from('ZZ'), 0, 2)
  expect(payloads.text(2, printable)).toBe('ODDATAZZ')
  expect(payloads.bytes(2).toString()).toBe('ODDATAZZ')
  payloads.ended(1)
  expect(payloads.bytes(2)).toHaveLength(0)
})
