/** Messages of office protocols, built byte by byte from their specifications. */

/** An option of DHCP: type, size, data. */
export function dhcpOption(type: number, data: Buffer | string | number[]): Buffer {
  const bytes = Buffer.from(data as Buffer)
  return Buffer.concat([Buffer.of(type, bytes.length), bytes])
}

export const DHCP_MAC = '020000000005'

/** A message of the client (op 1) or the server (op 2). */
export function dhcpMessage(op: 1 | 2, options: Buffer[], assigned = [0, 0, 0, 0]): Buffer {
  const header = Buffer.alloc(240)
  header.set([op, 1, 6, 0, 0x12, 0x34, 0x56, 0x78])
  header.set(assigned, 16)
  header.write(DHCP_MAC, 28, 'hex')
  header.writeUInt32BE(0x63825363, 236)
  return Buffer.concat([header, ...options, Buffer.of(255)])
}

export const DHCP_REQUEST = dhcpMessage(1, [
  dhcpOption(53, [3]),
  dhcpOption(61, Buffer.from(`01${DHCP_MAC}`, 'hex')),
  dhcpOption(12, 'front-desk'),
  dhcpOption(50, [10, 0, 0, 5]),
  dhcpOption(60, 'MSFT 5.0'),
  dhcpOption(55, [1, 3, 6, 42, 119]),
  dhcpOption(81, Buffer.from('0500000a66726f6e742d6465736b00', 'hex')),
])

export const DHCP_ACK = dhcpMessage(
  2,
  [
    dhcpOption(53, [5]),
    dhcpOption(54, [10, 0, 0, 1]),
    dhcpOption(51, [0, 0, 14, 16]),
    dhcpOption(1, [255, 255, 255, 0]),
    dhcpOption(3, [10, 0, 0, 1]),
    dhcpOption(6, [10, 0, 0, 1, 9, 9]),
    dhcpOption(6, [9, 9]), // the second address in two parts
    dhcpOption(82, Buffer.concat([dhcpOption(1, 'port 7'), dhcpOption(6, 'sub')])),
  ],
  [10, 0, 0, 5],
)

/** An option of DHCP over IPv6: code, size, data. */
export function dhcp6Option(code: number, data: Uint8Array): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt16BE(code)
  head.writeUInt16BE(data.length, 2)
  return Buffer.concat([head, data])
}

/** What a server gives (RFC 8415): 2001:db8::5 for an hour, to a client that names itself by its MAC address. */
export const DHCP6_REPLY = Buffer.concat([
  Buffer.from('07aabbcc', 'hex'),
  dhcp6Option(1, Buffer.from('000100011c39cf88020000000005', 'hex')),
  dhcp6Option(2, Buffer.from('00030001020000000001', 'hex')),
  dhcp6Option(
    3,
    Buffer.concat([
      Buffer.from('00000001' + '00000708' + '00000b40', 'hex'),
      dhcp6Option(5, Buffer.from(`20010db8${'00'.repeat(11)}05` + '00000708' + '00000e10', 'hex')),
    ]),
  ),
  dhcp6Option(23, Buffer.from(`20010db8${'00'.repeat(11)}01`, 'hex')),
  dhcp6Option(39, Buffer.from('01\x0afront-desk\x07example\0'.replace('01', '\x01'), 'latin1')),
  dhcp6Option(13, Buffer.from('\0\0fine', 'latin1')),
])

/** As a relay wraps it. */
export function dhcp6Relay(message: Uint8Array, type = 13): Buffer {
  const link = Buffer.from(`20010db8${'00'.repeat(11)}fe` + `fe80${'00'.repeat(13)}05`, 'hex')
  return Buffer.concat([Buffer.of(type, 0), link, dhcp6Option(9, message)])
}
