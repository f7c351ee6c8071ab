import { expect, test } from 'vitest'
import { parsePrefix } from '../base/address.ts'
import { Failure } from '../base/failure.ts'
import { NeverBlock } from './never-block.ts'
import { ownAddresses } from './rtnetlink.ts'

const TENANT = 'a'.repeat(32)
const OTHER = 'b'.repeat(32)

const list = new NeverBlock({
  own: () => [
    { bytes: Uint8Array.of(10, 0, 0, 1), bits: 32, because: 'is the default gateway' },
    {
      bytes: Uint8Array.from(Buffer.from('20010db8000000000000000000000001', 'hex')),
      bits: 128,
      because: 'is the default gateway',
    },
  ],
  resolverFiles: () => [
    '# a comment\nnameserver 9.9.9.9\n nameserver\t2620:fe::fe\noptions edns0\n',
    'nameserver fe80::53%eth0\nnameserver nonsense\n',
  ],
  configured: ['192.0.2.0/24', '2001:db8:77::/48'],
  controllers: (tenant) => (tenant === OTHER ? [] : ['10.0.9.9']),
})
const why = (text: string, tenant = TENANT) => list.why(parsePrefix(text), tenant)

test.each([
  ['10.0.0.1', '10.0.0.1 is the default gateway.'],
  ['::ffff:10.0.0.1', '10.0.0.1 is the default gateway.'],
  ['::ffff:a00:1', '10.0.0.1 is the default gateway.'],
  ['10.0.0.0/31', '10.0.0.0/31 contains 10.0.0.1, which is the default gateway.'],
  ['0.0.0.0/0', '0.0.0.0/0 contains 10.0.0.1, which is the default gateway.'],
  ['::/0', '::/0 contains 10.0.0.1, which is the default gateway.'],
  ['2001:db8::1', '2001:db8::1 is the default gateway.'],
  ['2001:db8::/32', '2001:db8::/32 contains 2001:db8::1, which is the default gateway.'],
  ['9.9.9.9', '9.9.9.9 is a resolver of this box.'],
  ['2620:fe::fe', '2620:fe::fe is a resolver of this box.'],
  ['10.0.9.9', '10.0.9.9 is a controller: blocking it could stop a plant.'],
  ['192.0.2.77', '192.0.2.77 is on the never-block list of this site.'],
  ['2001:db8:77:1::5', '2001:db8:77:1::5 is on the never-block list of this site.'],
  ['0.1.2.3', '0.1.2.3 means no host (RFC 1122).'],
  ['127.9.9.9', '127.9.9.9 is loopback.'],
  ['::1', '::1 is loopback or no host.'],
  ['::', ':: is loopback or no host.'],
  ['169.254.1.1', '169.254.1.1 is link-local.'],
  ['fe80::53', 'fe80::53 is a resolver of this box.'],
  ['fe80::54', 'fe80::54 is link-local.'],
  ['239.1.1.1', '239.1.1.1 is multicast.'],
  ['ff02::1', 'ff02::1 is multicast.'],
  ['255.255.255.255', '255.255.255.255 is reserved or broadcast.'],
])('%s', (text, because) => expect(why(text)).toBe(because))

test.each(['10.0.0.2', '10.0.8.0/24', '2001:db8::2', '198.51.100.7'])('%s may be', (text) =>
  expect(why(text)).toBeUndefined(),
)

test("another tenant's controller tells nothing", () => {
  expect(why('10.0.9.9', OTHER)).toBeUndefined()
})

test('where the kernel cannot be asked, nothing may be blocked', () => {
  const blind = new NeverBlock({
    own: () => {
      throw new Failure('unavailable', 'unread')
    },
    resolverFiles: () => [],
    configured: [],
    controllers: () => [],
  })
  expect(() => blind.why(parsePrefix('198.51.100.7'), TENANT)).toThrow('unread')
})

test('a configured prefix that cannot be read is named at the start', () => {
  const sources = { own: () => [], resolverFiles: () => [], controllers: () => [] }
  expect(() => new NeverBlock({ ...sources, configured: ['10.0.0.0/33'] })).toThrow('10.0.0.0/33')
})

test('the kernel of this machine names its own loopback', () => {
  const own = ownAddresses()
  expect(own.some(({ bytes, because }) => bytes[0] === 127 && because.includes('itself'))).toBe(
    true,
  )
  expect(own.every(({ bytes }) => bytes.length === 4 || bytes.length === 16)).toBe(true)
})
