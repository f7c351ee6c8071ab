import { expect, test } from 'vitest'
import { DHCP_ACK, DHCP_REQUEST, dhcpMessage, dhcpOption } from '../../test/golden/messages-it.ts'
import { decodeDhcp, looksLikeDhcp } from './dhcp.ts'

test('reads what a client asks for', () => {
  expect(decodeDhcp(DHCP_REQUEST, true)).toMatchObject({
    toServer: true,
    op: 1,
    id: 0x12345678,
    clientMac: '02:00:00:00:00:05',
    clientIp: '0.0.0.0',
    type: 3,
    hostname: 'front-desk',
    fqdn: 'front-desk',
    requestedIp: '10.0.0.5',
    vendorClass: 'MSFT 5.0',
    params: [1, 3, 6, 42, 119],
    leaseTime: undefined,
  })
})

test('reads what a server gives, an option in two parts put together', () => {
  expect(decodeDhcp(DHCP_ACK, false)).toMatchObject({
    op: 2,
    assignedIp: '10.0.0.5',
    type: 5,
    serverId: '10.0.0.1',
    leaseTime: 3600,
    subnetMask: '255.255.255.0',
    routers: ['10.0.0.1'],
    dnsServers: ['10.0.0.1', '9.9.9.9'],
    relayAgent: [
      { type: 1, data: 'port 7' },
      { type: 6, data: 'sub' },
    ],
  })
})

test('reads a name that the overload option puts into the file field', () => {
  const message = dhcpMessage(1, [dhcpOption(53, [1]), dhcpOption(52, [1])])
  dhcpOption(12, 'hidden').copy(message, 108)
  expect(decodeDhcp(message, true)).toMatchObject({ type: 1, hostname: 'hidden' })
})

test.each([
  ['two labels', '04000003666f6f03636f6d00', 'foo.com'],
  ['plain text', '000000666f6f2e636f6d', 'foo.com'],
])('a full name as %s', (_, hex, fqdn) => {
  const message = dhcpMessage(1, [dhcpOption(81, Buffer.from(hex, 'hex'))])
  expect(decodeDhcp(message, true)).toMatchObject({ fqdn })
})

test('says what is wrong', () => {
  const cut = Buffer.concat([dhcpMessage(1, []).subarray(0, 240), Buffer.of(12, 9, 65)])
  expect(decodeDhcp(cut, true)).toBe('bad-length')
  expect(decodeDhcp(cut.subarray(0, 239), true)).toBe('truncated')
  const many = dhcpMessage(1, new Array(200).fill(dhcpOption(12, 'a')))
  expect(decodeDhcp(many, true)).toBe('too-many-records')
  const other = Buffer.from(DHCP_REQUEST)
  other[236] = 0
  expect(decodeDhcp(other, true)).toBe('bad-protocol-id')
  expect(looksLikeDhcp(other)).toBe(false)
})
