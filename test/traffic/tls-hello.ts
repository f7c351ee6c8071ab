/** A TLS 1.2 client hello record with a server name, small and well-formed. */
export function clientHello(name: string): Buffer {
  const host = Buffer.from(name)
  const sni = Buffer.concat([u16(host.length + 3), Buffer.of(0), u16(host.length), host])
  const extensions = Buffer.concat([u16(0), u16(sni.length), sni])
  const body = Buffer.concat([
    Buffer.of(3, 3),
    Buffer.alloc(32, 7),
    Buffer.of(0), // no session id
    u16(4),
    Buffer.of(0xc0, 0x2f, 0x00, 0x9c),
    Buffer.of(1, 0), // null compression
    u16(extensions.length),
    extensions,
  ])
  const message = Buffer.concat([Buffer.of(1, 0), u16(body.length), body])
  return Buffer.concat([Buffer.of(22, 3, 1), u16(message.length), message])
}

function u16(value: number): Buffer {
  return Buffer.of(value >> 8, value & 255)
}
