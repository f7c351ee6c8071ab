/** Application messages made byte by byte. */

/** A DNS question for an A record (RFC 1035 §4). */
export function dnsQuestion(name: string): Buffer {
  return Buffer.concat([
    Buffer.from('1a2b01000001000000000000', 'hex'),
    dnsName(name),
    Buffer.from('00010001', 'hex'),
  ])
}

/** Its answer with one A record, its name compressed. */
export function dnsAnswer(name: string, address: number[]): Buffer {
  const question = dnsQuestion(name)
  question.writeUInt16BE(0x8180, 2)
  question.writeUInt16BE(1, 6)
  return Buffer.concat([
    question,
    Buffer.from('c00c000100010000012c0004', 'hex'),
    Buffer.from(address),
  ])
}

function dnsName(name: string): Buffer {
  const labels = name
    .split('.')
    .map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'latin1')]))
  return Buffer.concat([...labels, Buffer.from([0])])
}

/** Modbus/TCP function 16, write multiple registers (Modbus Application Protocol 1.1b3 §6.12). */
export function modbusWrite(unit: number, address: number, values: readonly number[]): Buffer {
  const pdu = Buffer.alloc(6 + values.length * 2)
  pdu[0] = 16
  pdu.writeUInt16BE(address, 1)
  pdu.writeUInt16BE(values.length, 3)
  pdu[5] = values.length * 2
  values.forEach((value, i) => void pdu.writeUInt16BE(value, 6 + i * 2))
  const head = Buffer.alloc(7)
  head.writeUInt16BE(9)
  head.writeUInt16BE(pdu.length + 1, 4)
  head[6] = unit
  return Buffer.concat([head, pdu])
}

/** A TLS 1.2 client hello with a server name and ALPN (RFC 8446 §4.1.2, RFC 6066 §3, RFC 7301). */
export function clientHello(name: string): Buffer {
  const sni = Buffer.concat([
    u16(name.length + 3),
    Buffer.from([0]),
    u16(name.length),
    Buffer.from(name),
  ])
  const alpn = Buffer.concat([u16(3), Buffer.from([2]), Buffer.from('h2')])
  const extensions = Buffer.concat([
    extension(0, sni),
    extension(16, alpn),
    extension(10, Buffer.from('00020017', 'hex')),
  ])
  const ciphers = Buffer.from('13011302c02f', 'hex')
  const body = Buffer.concat([
    Buffer.from('0303', 'hex'),
    Buffer.alloc(32, 7),
    Buffer.from([0]),
    u16(ciphers.length),
    ciphers,
    Buffer.from([1, 0]),
    u16(extensions.length),
    extensions,
  ])
  const handshake = Buffer.concat([Buffer.from([1, 0]), u16(body.length), body])
  return Buffer.concat([Buffer.from('160301', 'hex'), u16(handshake.length), handshake])
}

function extension(type: number, content: Buffer): Buffer {
  return Buffer.concat([u16(type), u16(content.length), content])
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}

/** One handshake message of DTLS in a record, or the part of it from `start` to `end`. */
export function dtlsRecord(
  type: number,
  sequence: number,
  body: Uint8Array,
  start = 0,
  end = body.length,
): Buffer {
  const part = body.subarray(start, end)
  const bytes = Buffer.alloc(13 + 12)
  bytes.set([22, 0xfe, 0xfd])
  bytes.writeUInt16BE(12 + part.length, 11)
  bytes[13] = type
  bytes.writeUIntBE(body.length, 14, 3)
  bytes.writeUInt16BE(sequence, 17)
  bytes.writeUIntBE(start, 19, 3)
  bytes.writeUIntBE(part.length, 22, 3)
  return Buffer.concat([bytes, part])
}

/** A client hello of DTLS 1.2 with an empty cookie, cut at these places. */
export function dtlsHello(name: string, cuts: number[] = []): Buffer[] {
  const tls = clientHello(name).subarray(9)
  const session = 34 + 1 + (tls[34] as number)
  const body = Buffer.concat([tls.subarray(0, session), Buffer.of(0), tls.subarray(session)])
  body.set([0xfe, 0xfd])
  const places = [0, ...cuts, body.length]
  return cuts.concat(body.length).map((end, i) => dtlsRecord(1, 0, body, places[i], end))
}

/** Its server's hello, one certificate, and the end of what is in the clear. */
export const dtlsServer = Buffer.concat([
  dtlsRecord(2, 1, Buffer.from(`fefd${'11'.repeat(32)}00c02b000000`, 'hex')),
  dtlsRecord(11, 2, Buffer.from('000004000001aa', 'hex')),
  dtlsRecord(14, 3, Buffer.alloc(0)),
])
