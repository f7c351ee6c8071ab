/** What picket-link gets from a real picket-keys: seals, outbox keys, anchors, evidence; and heads over the fleet. */
import { diffieHellman, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { refusal } from '../../test/breach/box.ts'
import { type Site, startSite } from '../../test/breach/fleet-sites.ts'
import { Failure } from '../base/failure.ts'
import { silentLog } from '../base/log.ts'
import { verifyJson } from '../base/signing.ts'
import { openPlatform } from '../tenancy/platform.ts'
import { tablesWithoutTenant } from '../tenancy/sealed-db.ts'
import { openKeysBox } from './keys-box.ts'
import type { QueryRunner } from './keys-client.ts'

const asked: Parameters<QueryRunner['query']>[0][] = []
const AWAY = 'Nothing answers at /var/lib/picket/run/lake/keys.sock. Is that process running?'
let broken = false
const runner: QueryRunner = {
  query: async (request) => {
    asked.push(request)
    if (broken) throw new Failure('unavailable', AWAY)
    return {
      scope: ['london'],
      columns: ['id', 'value'],
      rows: [
        ['telnet', 2],
        ['rules', null],
      ],
    }
  },
}
let london: Site
beforeAll(async () => {
  const controls = { ids: ['telnet', 'rules', 'clock'], sql: 'SELECT 1' }
  london = await startSite('london', { runner, controls })
  await london.cli.fleetEdition({ on: true })
})
afterAll(() => london.close())

const uid = () => london.tenant.tenant_uid

/** The raw point of an X25519 key. */
const point = (key: KeyObject) => key.export({ type: 'spki', format: 'der' }).subarray(12)

test('a primary is the first member of its fleet and has an uplink to itself', async () => {
  const { members } = await london.link.members()
  expect(members).toHaveLength(1)
  expect(members[0]).toMatchObject({ tenant_id: 'london', primary: true, revoked: null })
  const { uplinks } = await london.link.uplinks()
  expect(uplinks[0]).toMatchObject({
    url: 'mqtts://127.0.0.1:8883',
    door: 'https://127.0.0.1:8884',
    receiver: { site: 'The london site', tenant_uid: uid() },
  })
  expect(
    tablesWithoutTenant(openPlatform(london.data, await london.box.ring.box('platform'))),
  ).toEqual([])
})

test('a seal to a member opens by its own key, and a point of small order opens nothing', async () => {
  const [uplink] = (await london.link.uplinks()).uplinks
  const ephemeral = generateKeyPairSync('x25519')
  const head = Buffer.from('302a300506032b656e032100', 'hex')
  const receiver = Buffer.concat([head, Buffer.from(uplink?.receiver.sealKey ?? '', 'base64')])
  const { createPublicKey } = await import('node:crypto')
  const publicKey = createPublicKey({ key: receiver, format: 'der', type: 'spki' })
  const shared = diffieHellman({ privateKey: ephemeral.privateKey, publicKey }).toString('base64')
  const ask = { tenant_uid: uid(), ephemeral: point(ephemeral.publicKey).toString('base64') }
  expect(await london.link.openSeal(ask)).toEqual({ shared, receiverKey: uplink?.receiver.sealKey })
  const small = { ...ask, ephemeral: Buffer.alloc(32).toString('base64') }
  expect(await refusal(london.link.openSeal(small))).toMatch(/^refused: The point/)
  const foreign = { ...ask, tenant_uid: 'f'.repeat(32) }
  expect(await refusal(london.link.openSeal(foreign))).toMatch(/of no member/)
})

test('the outbox key is that of its epoch, and of no other tenant', async () => {
  const first = await london.link.queueKey({ tenant_uid: uid() })
  await london.cli.rotateEpoch({ tenant_id: 'london' })
  const second = await london.link.queueKey({ tenant_uid: uid() })
  expect(second.epoch).toBe(first.epoch + 1)
  expect(second.key).not.toBe(first.key)
  expect(await london.link.queueKey({ tenant_uid: uid(), epoch: first.epoch })).toEqual(first)
  expect(await refusal(london.link.queueKey({ tenant_uid: 'f'.repeat(32) }))).toMatch(/^refused/)
})

test('anchors rise and name the present head of the chain', async () => {
  const before = await london.link.anchors({ tenant_uid: uid() })
  await london.cli.rotateEpoch({ tenant_id: 'london' })
  const after = await london.link.anchors({ tenant_uid: uid() })
  expect(after.audit_seq).toBeGreaterThan(before.audit_seq)
  expect(after.key_epoch).toBe(before.key_epoch + 1)
  expect(after).toMatchObject({ audit_head: london.box.chain.head.hash, root_generation: 1 })
})

test('evidence comes from the own lake, with one line for many looks; what is not known says why', async () => {
  const before = london.box.chain.head.seq
  const { values } = await london.link.controlEvidence({ tenant_uid: uid() })
  await london.link.controlEvidence({ tenant_uid: uid() })
  expect(london.box.chain.head.seq).toBe(before + 1)
  expect(values).toEqual([
    { id: 'telnet', value: 2, because: null },
    { id: 'rules', value: null, because: 'The lake has nothing to tell it by.' },
    { id: 'clock', value: null, because: 'The lake has nothing to tell it by.' },
  ])
  expect(asked[0]?.tenants.map(({ tenant_id }) => tenant_id)).toEqual(['london'])
  expect(() => asked[0]?.keyFor('f'.repeat(32), 1)).toThrow('not of this question')
  broken = true
  const failed = await london.link.controlEvidence({ tenant_uid: uid() })
  expect(failed.values.map(({ value, because }) => [value, because])).toEqual(
    Array(3).fill([null, 'The lake does not answer.']),
  )
})

test('what this box signs verifies under its published key', async () => {
  const { tenant_uid, appliance_id } = london.tenant
  const body = { version: 1, tenant_uid, appliance_id, nonce: 'a'.repeat(32), state: 'here', at: 1 }
  const envelope = await london.link.sign({ type: 'lwt', body })
  expect(verifyJson(envelope, 'lwt', london.box.signer.known(), 1)).toEqual(body)
})

test('the certificates of the primary itself are made anew when their time comes', async () => {
  const [own] = (await london.link.uplinks()).uplinks
  const first = (await london.link.primary()).primary
  expect((await london.link.primary()).primary?.certificate).toBe(first?.certificate)
  london.clock.aheadMs += 61 * 86_400_000
  const second = (await london.link.primary()).primary
  expect(second?.certificate).not.toBe(first?.certificate)
  expect(second?.privateKey).toBe(first?.privateKey)
  expect((await london.link.uplinks()).uplinks[0]?.certificate).not.toBe(own?.certificate)
  london.clock.aheadMs = 0
})

test('a member that was slipped in, or a receiver exchanged, behind our back stops the start', async () => {
  const site = await startSite('paris')
  await site.cli.fleetEdition({ on: true })
  const key = Buffer.from(await site.box.ring.box('platform'))
  await site.close()
  const change = (sql: string) => {
    const db = openPlatform(site.data, key)
    db.exec(sql)
    db.close()
  }
  const open = () => openKeysBox({ data: site.data, log: silentLog, clock: site.clock })
  ;(await open()).close() // control
  change("UPDATE members SET spki = 'x'")
  await expect(open()).rejects.toThrow('not what was last signed')
  change(`UPDATE members SET spki = '${site.box.signer.records[0]?.spki}'`)
  ;(await open()).close()
  change('UPDATE uplinks SET receiver = replace(receiver, \'"sealKey":"\', \'"sealKey":"A\')')
  await expect(open()).rejects.toThrow('not what was last signed')
})
