/** What the agent, the lake and the guard get from a real picket-keys over its sockets. */
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../base/clock.ts'
import { silentLog } from '../base/log.ts'
import { verifyJson } from '../base/signing.ts'
import { readPublicKeys } from '../keys/signer.ts'
import { MODULES_MAX } from '../keys/usage.ts'
import type { Tenant } from '../tenancy/tenant.ts'
import { initTenant } from './init-tenant.ts'
import { type KeysBox, openKeysBox } from './keys-box.ts'
import {
  keysForAgent,
  keysForCli,
  keysForGuard,
  keysForLake,
  type QueryRunner,
} from './keys-client.ts'
import { type KeysServer, serveKeys } from './keys-server.ts'

const data = mkdtempSync(join(tmpdir(), 'keys-'))
const agent = keysForAgent(data)
const lake = keysForLake(data)
const guard = keysForGuard(data)
const cli = keysForCli(data)
let alfa: Tenant
let box: KeysBox
let server: KeysServer
let asked: Parameters<QueryRunner['query']>[0][]

const runner: QueryRunner = {
  query: async (request) => {
    asked.push(request)
    return { scope: request.tenants.map(({ tenant_id }) => tenant_id), columns: [], rows: [] }
  },
}

beforeAll(async () => {
  alfa = await initTenant(data, { tenant_id: 'alfa', fleet_id: 'acme' })
  box = await openKeysBox({ data, log: silentLog })
  server = await serveKeys(box, runner, silentLog)
  asked = []
})
afterAll(async () => {
  for (const client of [agent, lake, guard, cli]) client.close()
  await server.close()
  box.close()
})

test('each segment has its own key, which the lake derives again from the header', async () => {
  const one = await agent.openSegment(alfa)
  const two = await agent.openSegment(alfa)
  expect(one).toMatchObject({ epoch: 1, appliance_id: alfa.appliance_id })
  expect(one.key).not.toBe(two.key)
  const { tenant_uid } = alfa
  const { key } = await lake.readSegment({ tenant_uid, epoch: one.epoch, salt: one.salt })
  expect(key).toBe(one.key)
  const other = await lake.readSegment({ tenant_uid, epoch: one.epoch, salt: two.salt })
  expect(other.key).toBe(two.key)
})

test('the lake writes with the present epoch, reads the old, and a full one ends', async () => {
  const { tenant_uid } = alfa
  const old = await lake.parquetKey({ tenant_uid })
  const catalog = await lake.catalogKey({ tenant_uid })
  expect(await lake.reserveModules({ tenant_uid, epoch: old.epoch, count: 100, bytes: 9 })).toEqual(
    {
      reserved: 100,
    },
  )
  const tooMany = lake.reserveModules({ tenant_uid, epoch: old.epoch, count: MODULES_MAX })
  await expect(tooMany).rejects.toMatchObject({ kind: 'conflict' })
  const present = await lake.parquetKey({ tenant_uid })
  expect(present.epoch).toBe(old.epoch + 1)
  expect(await lake.parquetKey({ tenant_uid, epoch: old.epoch })).toEqual(old)
  await expect(
    lake.reserveModules({ tenant_uid, epoch: old.epoch, count: 1 }),
  ).rejects.toMatchObject({ kind: 'conflict' })
  expect(await lake.catalogKey({ tenant_uid })).toEqual(catalog) // catalog.db stays readable
  expect((await agent.openSegment(alfa)).epoch).toBe(present.epoch)
  await expect(lake.parquetKey({ tenant_uid, epoch: 99 })).rejects.toThrow(/no key epoch 99/)
})

test('the lake has catalogs signed and nothing else', async () => {
  const body = { tenant_uid: alfa.tenant_uid, generation: 1 }
  const envelope = await lake.sign({ type: 'catalog', body })
  const known = readPublicKeys(join(data, 'keys'))
  expect(verifyJson(envelope, 'catalog', known, systemClock.nowUs())).toEqual(body)
  const decision = lake.sign({ type: 'decision' as 'catalog', body })
  await expect(decision).rejects.toThrow('type is not as it must be')
})

test('a process announces its own acts only', async () => {
  await guard.audit({ verb: 'action.applied', subject: 'a1', outcome: 'done' })
  await expect(guard.audit({ verb: 'action.approve', subject: 'a1' })).rejects.toThrow(
    'does not announce',
  )
  await expect(lake.audit({ verb: 'action.applied', subject: 'a1' })).rejects.toThrow(
    'does not announce',
  )
  await lake.audit({
    verb: 'lake.deleted',
    subject: 'older than 180 days',
    count: 3,
    tenant_id: 'alfa',
    outcome: 'done',
  })
  const { items } = await cli.auditList({ limit: 2 })
  expect(items.map(({ sentence }) => sentence)).toEqual([
    'picket-lake deleted 3 files older than the retention.',
    'picket-guard put action a1 in force.',
  ])
})

test('a question reaches the lake with its scope and keys of that scope only', async () => {
  await cli.query({ scope: ['alfa'], sql: 'SELECT 1', partial: true })
  const request = asked.at(-1)
  expect(request).toMatchObject({
    sql: 'SELECT 1',
    partial: true,
    tenants: [{ tenant_id: 'alfa', fleet_id: 'acme' }],
  })
  expect(request?.keyFor(alfa.tenant_uid, 1)).toHaveLength(32)
  expect(() => request?.keyFor('f'.repeat(32), 1)).toThrow('not of this question')
  await expect(cli.query({ scope: ['alfa'], sql: 'SELECT 1', named: 'flows' })).rejects.toThrow(
    'one of the two',
  )
  await expect(cli.query({ scope: [], sql: 'SELECT 1' })).rejects.toThrow('Name 1 to')
})

test('looking again at the same page is one line', async () => {
  const before = box.chain.head.seq
  for (let i = 0; i < 5; i++) await cli.query({ scope: ['alfa'], named: 'findings' })
  expect(box.chain.head.seq).toBe(before + 1)
})

test('a tenant is added to a running box, once', async () => {
  const golf = await initTenant(data, { tenant_id: 'golf' })
  expect(golf).toMatchObject({ fleet_id: 'golf', appliance_id: alfa.appliance_id })
  expect((await agent.openSegment(golf)).epoch).toBe(1)
  await expect(initTenant(data, { tenant_id: 'golf' })).rejects.toMatchObject({ kind: 'conflict' })
})

test('a root is changed under running callers', async () => {
  const { tenant_uid } = alfa
  const before = await lake.parquetKey({ tenant_uid })
  expect(await cli.rotateRoot()).toEqual({ generation: 2 })
  expect(await lake.parquetKey({ tenant_uid })).toEqual(before)
})

test('a wrong request is refused by field, without its value', async () => {
  const secret = 'hunter2-hunter2-hunter2'
  for (const wrong of [{ tenant_uid: secret }, { tenant_uid: 5 }, { [secret]: 1 }, secret, null]) {
    const call = agent.openSegment(wrong as unknown as { tenant_uid: string })
    await expect(call).rejects.toMatchObject({
      kind: 'invalid',
      message: expect.not.stringContaining(secret),
    })
  }
  expect(readFileSync(join(data, 'keys', 'public.json'), 'utf8')).not.toContain(secret)
})
