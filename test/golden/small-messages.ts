/** Datagrams of protocols with little to say. */

/** DER: a tag, a size of one byte, and what is inside. */
function der(tag: number, ...parts: (Buffer | number)[]): Buffer {
  const inside = Buffer.concat(parts.map((part) => (Buffer.isBuffer(part) ? part : Buffer.from([part])))) // biome-ignore format: one list
  return Buffer.concat([Buffer.from([tag, inside.length]), inside])
}

const SYS_DESCR = Buffer.from([0x2b, 6, 1, 2, 1, 1, 1, 0])
const PRIVATE = Buffer.from([0x2b, 6, 1, 4, 1, 0x83, 0x37])
const variable = (oid: Buffer) => der(0x30, der(6, oid), der(5))
const number = (value: number) => der(2, value)

/** Version 2c, community `plant`: GET of 1.3.6.1.2.1.1.1.0. */
export const SNMP_GET = der(
  0x30,
  number(1),
  der(4, Buffer.from('plant')),
  der(0xa0, number(7), number(0), number(0), der(0x30, variable(SYS_DESCR))),
)

/** Version 1: a trap of 10.0.0.9, a link that is down. */
export const SNMP_TRAP = der(
  0x30,
  number(0),
  der(4, Buffer.from('public')),
  der(
    0xa4,
    der(6, PRIVATE),
    der(0x40, 10, 0, 0, 9),
    number(2),
    number(0),
    der(0x43, 5),
    der(0x30, variable(SYS_DESCR)),
  ),
)

export const TFTP_READ = Buffer.from('\0\x01boot/pxe.cfg\0octet\0', 'latin1')

/** A PDU of DCE/RPC over datagrams (C706 §12.5.1), little-endian. */
export function rpcDatagram(type: number, sequence: number, stub = Buffer.from('stub')): Buffer {
  const head = Buffer.alloc(80)
  head[0] = 4
  head[1] = type
  head[4] = 0x10
  head.fill(0x11, 24, 40)
  head.fill(0x22, 40, 56)
  head.writeUInt32LE(3, 60)
  head.writeUInt32LE(sequence, 64)
  head.writeUInt16LE(9, 68)
  head.writeUInt16LE(stub.length, 74)
  return Buffer.concat([head, stub])
}
