import { request } from 'node:https'
import { connect, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { FleetCa } from '../../test/link/fleet-ca.ts'
import { Failure } from '../base/failure.ts'
import { silentLog } from '../base/log.ts'
import { Door, type DoorRequest } from './door.ts'
import { DOOR_BYTES_MAX, DOOR_PER_SOURCE_MAX } from './limits.ts'

let door: Door
let ca = ''
const asked: (DoorRequest & { exporter?: string })[] = []
beforeAll(async () => {
  const fleet = await FleetCa.make()
  const { certificate, privateKey } = await fleet.box('london', { serves: true })
  ca = fleet.pem
  const say = async (given: DoorRequest) => {
    asked.push(given)
    return { reply: { heard: given.body } }
  }
  door = await Door.open({
    ...{ ca, certificate, privateKey, host: '127.0.0.1', port: 0, log: silentLog },
    calls: {
      join: say,
      renew: async () => Promise.reject(new Failure('refused', 'This code is not valid.')),
      leave: async () => Promise.reject(new Error('SQLITE_CORRUPT at secret.db')),
    },
  })
})
afterAll(() => door.close())

function post(path: string, text: string, method = 'POST') {
  return new Promise<{ status: number; body: string; exporter: string }>((done, fail) => {
    const sent = request(
      { host: '127.0.0.1', port: door.port, path, method, ca, agent: false },
      (response) => {
        const socket = response.socket as TLSSocket
        const exporter = socket
          .exportKeyingMaterial(32, 'EXPORTER-picket-claim', Buffer.alloc(0))
          .toString('hex')
        let body = ''
        response.on('data', (chunk) => {
          body += chunk
        })
        response.on('end', () => done({ status: response.statusCode ?? 0, body, exporter }))
      },
    )
    sent.once('error', fail)
    sent.end(text)
  })
}

test('a join is handed on with its source and what only this connection knows', async () => {
  const { status, body, exporter } = await post('/v1/join', '{"code":1}')
  expect([status, body]).toEqual([200, '{"heard":{"code":1}}'])
  expect(asked.at(-1)).toEqual({ body: { code: 1 }, source: '127.0.0.1', exporter })
})

test('a refusal says its own words, a fault says none', async () => {
  const refused = await post('/v1/renew', '{}')
  expect([refused.status, JSON.parse(refused.body)]).toEqual([
    403,
    { error: { kind: 'refused', message: 'This code is not valid.' } },
  ])
  const failed = await post('/v1/leave', '{}')
  expect([failed.status, failed.body.includes('SQLITE')]).toEqual([500, false])
})

test('what is no request of ours goes no further', async () => {
  const before = asked.length
  expect((await post('/v1/join', 'nonsense')).status).toBe(400)
  const big = await post('/v1/join', `"${'x'.repeat(DOOR_BYTES_MAX)}"`).catch(() => ({ status: 400 })) // biome-ignore format: one line
  expect(big.status).toBe(400)
  expect((await post('/v1/join', '', 'GET')).status).toBe(404)
  expect((await post('/', '{}')).status).toBe(404)
  expect(asked.length).toBe(before)
})

test('one source holds so many connections and no more; others are let in when they go', async () => {
  const options = { host: '127.0.0.1', port: door.port, ca, servername: 'localhost' }
  const held = Array.from({ length: DOOR_PER_SOURCE_MAX + 4 }, () => connect(options))
  const open = await Promise.all(
    held.map(
      (socket) =>
        new Promise<boolean>((done) => {
          socket.once('secureConnect', () => done(true))
          socket.once('error', () => done(false))
          socket.once('close', () => done(false))
        }),
    ),
  )
  expect(open.filter((each) => each)).toHaveLength(DOOR_PER_SOURCE_MAX)
  expect(door.connections.refused.perSource).toBe(4)
  for (const socket of held) socket.destroy()
  await expect.poll(() => door.connections.open).toBe(0)
  expect((await post('/v1/join', '{}')).status).toBe(200)
})
