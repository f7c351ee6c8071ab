/** Kerberos messages in DER, built from RFC 4120. */

function tlv(tag: number, ...parts: Buffer[]): Buffer {
  const data = Buffer.concat(parts)
  const size = data.length
  const head = size < 128 ? [tag, size] : [tag, 0x82, size >> 8, size & 255]
  return Buffer.concat([Buffer.from(head), data])
}

const sequence = (...parts: Buffer[]) => tlv(0x30, ...parts)
const field = (n: number, value: Buffer) => tlv(0xa0 | n, value)
const number = (value: number) =>
  tlv(2, value < 128 ? Buffer.of(value) : Buffer.of(value >> 24, value >> 16, value >> 8, value))
const text = (value: string) => tlv(0x1b, Buffer.from(value))
const time = (value: string) => tlv(0x18, Buffer.from(value))
const principal = (...names: string[]) =>
  sequence(field(0, number(1)), field(1, sequence(...names.map(text))))
const sealed = (etype: number) =>
  sequence(field(0, number(etype)), field(2, tlv(4, Buffer.alloc(200, 1))))

/** An AS request (10) or a TGS request (12). */
export function krbRequest(type: 10 | 12, nonce: number, service: string[]): Buffer {
  const body = sequence(
    field(0, tlv(3, Buffer.of(0, 0x40, 0x80, 0, 0))),
    ...(type === 10 ? [field(1, principal('anna'))] : []),
    field(2, text('OFFICE.EXAMPLE')),
    field(3, principal(...service)),
    field(5, time('20370913024805Z')),
    field(7, number(nonce)),
    field(8, sequence(number(18), number(23))),
  )
  return tlv(0x60 | type, sequence(field(1, number(5)), field(2, number(type)), field(4, body)))
}

/** An answer to it: 11 or 13. */
export function krbAnswer(type: 11 | 13, service: string[]): Buffer {
  const ticket = tlv(
    0x61,
    sequence(
      field(0, number(5)),
      field(1, text('OFFICE.EXAMPLE')),
      field(2, principal(...service)),
      field(3, sealed(23)),
    ),
  )
  const fields = [
    field(0, number(5)),
    field(1, number(type)),
    field(3, text('OFFICE.EXAMPLE')),
    field(4, principal('anna')),
    field(5, ticket),
    field(6, sealed(18)),
  ]
  return tlv(0x60 | type, sequence(...fields))
}

export function krbError(code: number): Buffer {
  const fields = [
    field(0, number(5)),
    field(1, number(30)),
    field(6, number(code)),
    field(9, text('OFFICE.EXAMPLE')),
    field(10, principal('krbtgt', 'OFFICE.EXAMPLE')),
    field(11, text('sorry')),
  ]
  return tlv(0x7e, sequence(...fields))
}

export const KRB_MESSAGES = [
  krbRequest(10, 1, ['krbtgt', 'OFFICE.EXAMPLE']),
  krbError(25),
  krbRequest(12, 2, ['cifs', 'files']),
  krbAnswer(13, ['cifs', 'files']),
  krbRequest(10, 3, ['krbtgt', 'OFFICE.EXAMPLE']),
]
