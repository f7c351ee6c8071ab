import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { newUid } from '../../base/ids.ts'
import { issue, makeAuthority, newTlsKey } from '../../keys/certificates.ts'
import { join } from './fleet-door.ts'

test('a door that puts a slow box out is told by its answer, which has no words', async () => {
  const nowUs = Date.now() * 1000
  const fleet_uid = newUid()
  const { privateKey: key, spki } = newTlsKey()
  const holder = { fleet_uid, tenant_uid: newUid(), appliance_id: newUid() }
  const authority = await makeAuthority(fleet_uid, nowUs)
  const { certificate: cert } = await issue(authority, holder, { spki, names: ['localhost'], nowUs }) // biome-ignore format: one line
  const server = createServer({ cert, key, minVersion: 'TLSv1.3' }, (_, reply) => {
    reply.writeHead(408, { connection: 'close' }).end() // as Node does it by itself
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  try {
    const joined = join({ host: '127.0.0.1', port }, async () => ({}))
    await expect(joined).rejects.toThrow('The door answered 408.')
  } finally {
    server.closeAllConnections()
    server.close()
  }
})
