import { connect as connectTls, createServer, type TLSSocket } from 'node:tls'
import { afterEach, expect, test } from 'vitest'
import { selfSigned } from '../../test/traffic/certificate.ts'
import { CONNECT_BYTES_MAX, PACKET_BYTES_MAX } from './limits.ts'
import { PacketGate } from './packet-gate.ts'

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

/** A gate with a client before it: what came through, why it was refused. */
async function gate(): Promise<{ client: TLSSocket; got: () => Buffer; because: () => string }> {
  const { key, cert } = selfSigned('localhost')
  const chunks: Buffer[] = []
  let because = ''
  const server = createServer({ key, cert }, (socket) => {
    const made = new PacketGate(socket, (why) => {
      because = why
    })
    made.on('data', (chunk: Buffer) => chunks.push(chunk))
    made.on('error', () => {})
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as { port: number }
  const client = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false })
  client.on('error', () => {})
  await new Promise((done) => client.once('secureConnect', done))
  closing.push(() => {
    client.destroy()
    server.close()
  })
  return { client, got: () => Buffer.concat(chunks), because: () => because }
}

const packet = (type: number, bytes: number) => {
  const head = [type]
  for (let left = bytes; ; left >>= 7) {
    head.push(left > 0x7f ? (left & 0x7f) | 0x80 : left)
    if (left <= 0x7f) break
  }
  return Buffer.concat([Buffer.from(head), Buffer.alloc(bytes, 0x55)])
}

test('packets pass as they are, however they are cut', async () => {
  const { client, got, because } = await gate()
  const all = Buffer.concat([packet(0x10, 200), packet(0xc0, 0), packet(0x32, PACKET_BYTES_MAX)])
  for (let at = 0; at < all.length; at += 997) client.write(all.subarray(at, at + 997))
  await expect.poll(() => got().length).toBe(all.length)
  expect(got().equals(all)).toBe(true)
  expect(because()).toBe('')
})

test.each([
  ['a first packet that is no CONNECT', packet(0x32, 10), 'not-mqtt'],
  ['a CONNECT that is too big', packet(0x10, CONNECT_BYTES_MAX + 1), 'too-big'],
  ['a length of five bytes', Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff, 0x01]), 'not-mqtt'],
  ['a packet that claims 256 MB', Buffer.concat([packet(0x10, 9), Buffer.from([0x32, 0xff, 0xff, 0xff, 0x7f])]), 'too-big'], // biome-ignore format: one line
])('%s ends the connection', async (_what, bytes, why) => {
  const { client, because } = await gate()
  const closed = new Promise((done) => client.once('close', done))
  client.write(bytes)
  await closed
  expect(because()).toBe(why)
})
