import { expect, test } from 'vitest'
import { DHCP6_REPLY, dhcp6Option, dhcp6Relay } from '../../test/golden/messages-it.ts'
import { decodeDhcp6, looksLikeDhcp6 } from './dhcp6.ts'

const reply = {
  version: 6,
  op: 2,
  type: 7,
  id: 0xaabbcc,
  clientMac: '02:00:00:00:00:05',
  assignedIp: '2001:db8::5',
  leaseTime: 3600,
  renewalTime: 1800,
  rebindingTime: 2880,
  serverId: '00030001020000000001',
  dnsServers: ['2001:db8::1'],
  fqdn: 'front-desk.example',
  message: 'fine',
}

test('reads what a server gives, straight or through relays', () => {
  expect(looksLikeDhcp6(DHCP6_REPLY)).toBe(true)
  expect(decodeDhcp6(DHCP6_REPLY, false)).toMatchObject({ ...reply, relayIp: '' })
  const relayed = dhcp6Relay(dhcp6Relay(DHCP6_REPLY))
  expect(looksLikeDhcp6(relayed)).toBe(true)
  expect(decodeDhcp6(relayed, false)).toMatchObject({ ...reply, relayIp: '2001:db8::fe' })
})

test('reads what a client asks for', () => {
  const solicit = Buffer.concat([
    Buffer.from('01000001', 'hex'),
    dhcp6Option(1, Buffer.from('00030001020000000005', 'hex')),
    dhcp6Option(6, Buffer.from('00170018', 'hex')),
    dhcp6Option(16, Buffer.from('0000013700084d53465420352e30', 'hex')),
  ])
  expect(decodeDhcp6(solicit, true)).toMatchObject({
    op: 1,
    type: 1,
    id: 1,
    clientMac: '02:00:00:00:00:05',
    params: [23, 24],
    vendorClass: 'MSFT 5.0',
    assignedIp: '',
  })
})

test('no depth, number or size is without a bound', () => {
  let deep: Buffer = DHCP6_REPLY
  for (let i = 0; i < 9; i++) deep = dhcp6Relay(deep)
  expect(decodeDhcp6(deep, false)).toBe('too-many-layers')
  const many = Buffer.concat([
    DHCP6_REPLY,
    ...Array.from({ length: 200 }, () => dhcp6Option(99, Buffer.alloc(0))),
  ])
  expect(decodeDhcp6(many, false)).toBe('too-many-records')
  for (let size = 5; size < 18; size++)
    expect(decodeDhcp6(DHCP6_REPLY.subarray(0, size), false)).toBe('bad-length')
  expect(decodeDhcp6(DHCP6_REPLY.subarray(0, 3), false)).toBe('truncated')
  expect(looksLikeDhcp6(DHCP6_REPLY.subarray(0, 9))).toBe(false)
})
