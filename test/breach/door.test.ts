/** The door of a primary, which anybody may knock at: real TLS, the real picket-keys behind it, a true join at the end. */
import { connect as tcp } from 'node:net'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { Json } from '../../agent/base/canonical.ts'
import { silentLog } from '../../agent/base/log.ts'
import { join } from '../../agent/control/commands/fleet-door.ts'
import { JOIN_REFUSED } from '../../agent/control/keys-joining.ts'
import { Door } from '../../agent/link/door.ts'
import { refusal } from './box.ts'
import { type Site, startSite } from './fleet-sites.ts'

const HOUR_MS = 3_600_000
const DRIP_MS_MAX = 15_000
let london: Site
let cape: Site
let door: Door
const at = () => ({ host: '127.0.0.1', port: door.port })

beforeAll(async () => {
  london = await startSite('london')
  cape = await startSite('cape-town', { clock: london.clock })
  await london.cli.fleetEdition({ on: true })
  const { primary } = await london.link.primary()
  if (!primary) throw new Error('Fleet Command is off')
  const { joinBegin, renewCertificate, leave } = london.link
  const calls = { join: joinBegin, renew: renewCertificate, leave }
  door = await Door.open({ ...primary, ...at0, log: silentLog, calls })
})
const at0 = { host: '127.0.0.1', port: 0 }
afterEach(() => {
  london.clock.aheadMs += HOUR_MS // twenty tries an hour and address
})
afterAll(async () => {
  await door.close()
  for (const site of [london, cape]) await site.close()
})

function open(options: ConnectionOptions = {}): Promise<TLSSocket> {
  return new Promise((done, fail) => {
    const socket = connect({ ...at(), rejectUnauthorized: false, ...options })
    socket.once('secureConnect', () => done(socket))
    socket.once('error', fail)
  })
}

/** All that comes back until the door hangs up. */
async function knock(text: string | Buffer): Promise<string> {
  const socket = await open()
  socket.on('error', () => {})
  let said = ''
  socket.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  const gone = new Promise<void>((done) => socket.once('close', () => done()))
  socket.write(text)
  await gone
  return said
}

const post = (body: string | Buffer, path = '/v1/join', head = '') =>
  knock(
    `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${head}\r\n${body}`,
  )
const status = (said: string) => said.slice(9, 12)

async function joins(site: Site): Promise<string> {
  const { code } = await london.cli.fleetClaim({ tenant_id: site.tenant.tenant_id })
  let id = ''
  return refusal(
    join(at(), async (exporter) => {
      const { join_id, body } = await site.cli.joinRequest({ code, exporter })
      id = join_id
      return body
    }).then((reply) => site.cli.joinFinish({ join_id: id, reply })),
  )
}

test('bodies: too big, too deep, no JSON, doubled keys, prototypes: refused in one form, objects stay clean', async () => {
  const deep = '['.repeat(8000) + ']'.repeat(8000)
  expect(status(await post('x'.repeat(17 << 10)))).toBe('400')
  for (const body of ['', 'x', '{', '\0', '{"a":1e999}', '"\\ud800"'])
    expect(status(await post(body)), body).toMatch(/400|403/)
  for (const body of [
    deep,
    'null',
    '[]',
    '{"proof":{},"proof":{}}',
    '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}',
    '{"proof":{"type":"claim","body":"{}","key_id":"' +
      '0'.repeat(32) +
      '","signature":"AA=="},"mac":"AA=="}',
    '{"proof":{"__proto__":{"type":"claim"}},"mac":""}',
  ]) {
    const said = await post(body)
    expect(status(said), body.slice(0, 40)).toBe('403')
    expect(said).toContain(JOIN_REFUSED.slice(0, 60))
    london.clock.aheadMs += HOUR_MS / 4
  }
  expect(({} as { polluted?: number }).polluted).toBeUndefined()
})

test('paths, methods, two requests at once, an upgrade: nothing else is here', async () => {
  for (const path of ['/', '/v1/join/', '//v1/join', '/v1/join?x', '/V1/JOIN', '/v1/%6aoin', '*'])
    expect(status(await post('{}', path)), path).toBe('404')
  const get = 'GET /v1/join HTTP/1.1\r\nhost: x\r\n\r\n'
  expect(status(await knock(get))).toBe('404')
  const two = await knock(`${get}${get}`)
  expect(two.match(/HTTP\/1\.1 /g)).toHaveLength(1)
  const both =
    'POST /v1/join HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'
  expect(status(await knock(both))).toBe('400')
  expect(status(await knock(`GET / HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(9000)}\r\n\r\n`))).toBe(
    '431',
  )
  await expect(open({ maxVersion: 'TLSv1.2' })).rejects.toThrow()
})

test('enrol-03 a request that was made for another connection is refused, also by the same box', async () => {
  const { code } = await london.cli.fleetClaim({ tenant_id: 'cape-town' })
  const { body } = await cape.cli.joinRequest({ code, exporter: 'a'.repeat(64) })
  expect(await refusal(join(at(), async () => body))).toBe(`refused: ${JOIN_REFUSED}`)
  const smuggled = { ...(body as Record<string, Json>), exporter: 'a'.repeat(64) }
  expect(await refusal(join(at(), async () => smuggled))).toBe(`refused: ${JOIN_REFUSED}`)
})

test('enrol-07 half-finished requests are put out in time, and a true one joins meanwhile', async () => {
  const slow: TLSSocket[] = []
  for (let i = 0; i < 12; i++) {
    const socket = await open()
    socket.on('error', () => {})
    socket.resume()
    slow.push(socket)
    const head = `POST /v1/join HTTP/1.1\r\nhost: x\r\ncontent-length: 9000\r\n`
    socket.write(i % 3 === 0 ? head : `${head}\r\n{`)
  }
  const silent = tcp(at())
  silent.on('error', () => {})
  silent.resume()
  const drip = setInterval(() => {
    for (const socket of slow) if (!socket.destroyed) socket.write('x')
  }, 500)
  expect(await joins(cape)).toBe('allowed')
  expect(slow.filter(({ destroyed }) => !destroyed).length).toBeGreaterThan(0) // it waited for none of them
  await expect.poll(() => door.connections.open, { timeout: DRIP_MS_MAX }).toBe(0)
  clearInterval(drip)
})

test('claims: sixty-four wait at most, and end by themselves', async () => {
  for (let i = 0; i < 64; i++) await london.cli.fleetClaim({})
  expect(await refusal(london.cli.fleetClaim({}))).toMatch(/^too-many: 64 claims wait/)
  london.clock.aheadMs += HOUR_MS
  expect(await refusal(london.cli.fleetClaim({}))).toBe('allowed')
})
