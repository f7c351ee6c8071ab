import { mkdtempSync, rmSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Failure } from '../base/failure.ts'
import { silentLog } from '../base/log.ts'
import { connect, type Peer, type RpcServer, serve } from './rpc.ts'

let folder: string
let server: RpcServer

const methods = {
  add: (params: unknown) => (params as number[]).reduce((sum, each) => sum + each, 0),
  refuse: () => {
    throw new Failure('refused', 'Not for you.')
  },
  burst: () => {
    throw new TypeError('secret inside')
  },
  count: (_: unknown, peer: Peer) => {
    for (let i = 1; i <= 3; i++) peer.push('tick', i)
    return 'done'
  },
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'picket-rpc-'))
  server = await serve(join(folder, 'run', 'x', 'web.sock'), methods, silentLog)
})
afterEach(async () => {
  await server.close()
  rmSync(folder, { recursive: true })
})

test('answers calls, also many at once and bigger than a socket buffer', async () => {
  const client = await connect(server.path)
  const big = Array.from({ length: 300_000 }, (_, i) => i)
  const answers = await Promise.all([
    client.call('add', [1, 2]),
    client.call('add', big),
    client.call('add', []),
  ])
  expect(answers).toEqual([3, 44_999_850_000, 0])
  client.close()
})

test('a failure arrives as the failure it was; anything else says nothing of its inside', async () => {
  const client = await connect(server.path)
  await expect(client.call('refuse')).rejects.toMatchObject({
    kind: 'refused',
    message: 'Not for you.',
  })
  const failure = await client.call('burst').catch((error: Failure) => error)
  expect(failure).toMatchObject({ kind: 'internal' })
  expect((failure as Failure).message).not.toContain('secret')
  await expect(client.call('constructor')).rejects.toMatchObject({ kind: 'refused' })
  client.close()
})

test('pushes events before the answer of the same call', async () => {
  const client = await connect(server.path)
  const seen: number[] = []
  client.on('tick', (i: number) => seen.push(i))
  expect(await client.call('count')).toBe('done')
  expect(seen).toEqual([1, 2, 3])
  client.close()
})

test('a frame that is no JSON, or claims 4 GB, ends that connection only', async () => {
  for (const bytes of [Buffer.from([0, 0, 0, 2, 1, 2]), Buffer.from([255, 255, 255, 255, 1])]) {
    const raw = createConnection(server.path)
    raw.on('error', () => {})
    raw.write(bytes)
    await new Promise((done) => raw.on('close', done))
  }
  const client = await connect(server.path)
  expect(await client.call('add', [2, 2])).toBe(4)
  client.close()
})

test('calls in flight fail when the server goes; connecting again says nobody is there', async () => {
  const client = await connect(server.path)
  await server.close()
  await expect(client.call('add', [1])).rejects.toMatchObject({ kind: 'unavailable' })
  await expect(connect(server.path)).rejects.toMatchObject({ kind: 'unavailable' })
})

test('a path longer than sun_path works', async () => {
  const deep = join(folder, 'x'.repeat(120), 'web.sock')
  const far = await serve(deep, methods, silentLog)
  const client = await connect(deep)
  expect(await client.call('add', [5])).toBe(5)
  client.close()
  await far.close()
})
