/** The beginning of RDP, built from [MS-RDPBCGR]. */

function tpkt(type: number, rest: Buffer): Buffer {
  const x224 = type === 0xf0 ? Buffer.of(2, type, 0x80) : Buffer.of(6 + rest.length, type, 0, 0, 0, 0, 0) // biome-ignore format: one header
  const bytes = Buffer.concat([Buffer.alloc(4), x224, rest])
  bytes[0] = 3
  bytes.writeUInt16BE(bytes.length, 2)
  return bytes
}

/** Offers, choices and failures have one form: type, flags, size, a number. */
function negotiate(type: number, value: number): Buffer {
  const bytes = Buffer.from([type, 0, 8, 0, 0, 0, 0, 0])
  bytes.writeUInt32LE(value, 4)
  return bytes
}

export function rdpRequest(user: string, protocols: number): Buffer {
  const cookie = Buffer.from(`Cookie: mstshash=${user}\r\n`, 'latin1')
  return tpkt(0xe0, Buffer.concat([cookie, negotiate(1, protocols)]))
}

export const rdpChosen = (protocol: number) => tpkt(0xd0, negotiate(2, protocol))
export const rdpRefused = (reason: number) => tpkt(0xd0, negotiate(3, reason))

/** The client's description, in the first MCS message. */
export function rdpClient(name: string, channels: string[]): Buffer {
  const core = Buffer.alloc(216)
  core.writeUInt16LE(0xc001)
  core.writeUInt16LE(core.length, 2)
  core.writeUInt16LE(1920, 8)
  core.writeUInt16LE(1080, 10)
  core.writeUInt32LE(0x409, 16)
  core.writeUInt32LE(19_041, 20)
  core.write(name, 24, 'utf16le')
  core.write('7-7-7', 146, 'utf16le')
  const network = Buffer.alloc(8 + channels.length * 12)
  network.writeUInt16LE(0xc003)
  network.writeUInt16LE(network.length, 2)
  network.writeUInt32LE(channels.length, 4)
  for (const [i, channel] of channels.entries()) network.write(channel, 8 + i * 12, 'latin1')
  const blocks = Buffer.concat([core, network])
  const size = Buffer.of(0x80 | (blocks.length >> 8), blocks.length & 255)
  return tpkt(0xf0, Buffer.concat([Buffer.from('7f65820100'), Buffer.from('Duca'), size, blocks]))
}

/** What the server says of its encryption, with its certificates: DER, or a bare key where there are none. */
export function rdpServer(certificates: Uint8Array[], temporary = false): Buffer {
  const u32 = (...numbers: number[]) => {
    const bytes = Buffer.alloc(numbers.length * 4)
    for (const [i, number] of numbers.entries()) bytes.writeUInt32LE(number >>> 0, i * 4)
    return bytes
  }
  const bit = temporary ? 0x8000_0000 : 0
  const chain =
    certificates.length === 0
      ? Buffer.concat([u32(1 | bit, 1, 1), Buffer.from('0600', 'hex')])
      : Buffer.concat([
          u32(2 | bit, certificates.length),
          ...certificates.flatMap((der) => [u32(der.length), der]),
        ])
  const security = Buffer.concat([
    Buffer.from('020c0000', 'hex'),
    u32(2, 3, 32, chain.length),
    Buffer.alloc(32, 7),
    chain,
  ])
  security.writeUInt16LE(security.length, 2)
  const blocks = Buffer.concat([Buffer.from('010c080004000800', 'hex'), security])
  const size = Buffer.of(0x80 | (blocks.length >> 8), blocks.length & 255)
  return tpkt(0xf0, Buffer.concat([Buffer.from('7f66820100'), Buffer.from('McDn'), size, blocks]))
}
