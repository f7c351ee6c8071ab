import { expect, test } from 'vitest'
import { addressText, inPrefix, parseAddress, parsePrefix } from './address.ts'

// RFC 5952 §4 and §5: one text for each address.
test.each([
  ['2001:0db8:0000:0000:0001:0000:0000:0001', '2001:db8::1:0:0:1'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['2001:DB8::A', '2001:db8::a'],
  ['::', '::'],
  ['::1', '::1'],
  ['fe80::', 'fe80::'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ['255.255.255.255', '255.255.255.255'],
])('%s is written %s', (given, written) => {
  expect(addressText(parseAddress(given) as Uint32Array)).toBe(written)
})

test.each([
  '1.2.3',
  '1.2.3.256',
  '1::2::3',
  ':1',
  '1:2:3:4:5:6:7:8:9',
  'g::',
  '',
  '::1%eth0',
  '1:2:3:4:5:6:7',
])('"%s" is no address', (text) => expect(parseAddress(text)).toBeUndefined())

test.each([
  ['10.0.0.0/8', '10.255.1.2', true],
  ['10.0.0.0/8', '11.0.0.1', false],
  ['0.0.0.0/0', '203.0.113.9', true],
  ['0.0.0.0/0', '2001:db8::1', false],
  ['2001:db8::/33', '2001:db8:7fff::1', true],
  ['2001:db8::/33', '2001:db8:8000::1', false],
  ['192.0.2.1', '192.0.2.1', true],
  ['192.0.2.1', '192.0.2.2', false],
])('%s holds %s: %s', (prefix, address, holds) => {
  expect(inPrefix(parseAddress(address) as Uint32Array, 0, parsePrefix(prefix))).toBe(holds)
})

test('a prefix that is none is refused by its text', () => {
  for (const text of ['10.0.0.0/33', '10.0.0.0/8/8', 'lan', '::/129', '10.0.0.0/x'])
    expect(() => parsePrefix(text)).toThrow(`"${text}"`)
})
