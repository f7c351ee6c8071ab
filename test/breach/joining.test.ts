/** Attempts on the way into a fleet (D21): each beside a control that shows the same way open to who may take it. */
import { spawnSync } from 'node:child_process'
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { Json } from '../../agent/base/canonical.ts'
import { newUid } from '../../agent/base/ids.ts'
import { silentLog } from '../../agent/base/log.ts'
import { signJson } from '../../agent/base/signing.ts'
import { join as joinAt } from '../../agent/control/commands/fleet-door.ts'
import { keyIdOf } from '../../agent/control/join-messages.ts'
import { openKeysBox } from '../../agent/control/keys-box.ts'
import type { Joined } from '../../agent/control/keys-client.ts'
import { setEdition } from '../../agent/control/keys-fleet.ts'
import { JOIN_REFUSED, RENEWAL_REFUSED } from '../../agent/control/keys-joining.ts'
import type { Uplink } from '../../agent/control/link-keys.ts'
import { connect } from '../../agent/control/rpc.ts'
import { socketPath } from '../../agent/control/sockets.ts'
import { newTlsKey, spkiOf } from '../../agent/keys/certificates.ts'
import { claimKey, proveClaim } from '../../agent/keys/claim.ts'
import { refusal, TestClock } from './box.ts'
import {
  falseDoor,
  type Listening,
  openDoor,
  type Site,
  standBetween,
  startPrimary,
  startSite,
} from './fleet-sites.ts'

const ACT = fileURLToPath(new URL('./keys-act.ts', import.meta.url))
const POINTS_MAX = 500
const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000
const NOT_THEIRS = 'refused: This caller may not use that method.'
const REFUSED = `refused: ${JOIN_REFUSED}`

let london: Site
let door: Listening
const open: { close(): Promise<void> }[] = []

beforeAll(async () => {
  london = await startPrimary()
  door = await openDoor(london.link)
})
afterEach(() => {
  london.clock.aheadMs += HOUR_MS // every test has its own twenty tries
})
afterAll(async () => {
  for (const each of open) await each.close()
  await door.close()
  await london.close()
})

/** Named anew each time: a name that was in the fleet is not used twice. */
let made = 0
async function branch(options: Parameters<typeof startSite>[1] = {}): Promise<Site> {
  const site = await startSite(`branch-${++made}`, { clock: london.clock, ...options })
  open.push(site)
  return site
}

async function joinFleet(
  site: Site,
  code: string,
  at: Pick<Listening, 'host' | 'port'> = door,
): Promise<Joined> {
  let id = ''
  const reply = await joinAt(at, async (exporter) => {
    const { join_id, body } = await site.cli.joinRequest({ code, exporter })
    id = join_id
    return body
  })
  return site.cli.joinFinish({ join_id: id, reply })
}

const claim = (tenant_id?: string) => london.cli.fleetClaim(tenant_id ? { tenant_id } : {})
const memberOf = async (site: Site) =>
  (await london.link.members()).members.find(
    ({ tenant_uid }) => tenant_uid === site.tenant.tenant_uid,
  )
const uplinkOf = async (site: Site) => (await site.link.uplinks()).uplinks[0] as Uplink

test('control: the right code joins, both ends show the same digits and know each other', async () => {
  const site = await branch()
  const { code } = await claim(site.tenant.tenant_id)
  const joined = await joinFleet(site, code.toLowerCase().replaceAll('-', ' '))
  const { members } = await london.cli.fleetJoins()
  const row = members.find(({ tenant_id }) => tenant_id === site.tenant.tenant_id)
  expect(joined.digits).toMatch(/^\d{6}$/)
  expect(row).toMatchObject({ digits: joined.digits, site: `The ${site.tenant.tenant_id} site` })
  const uplink = await uplinkOf(site)
  const { primary } = await london.link.primary()
  expect(uplink).toMatchObject({ ca: primary?.ca, fleet_uid: primary?.fleet_uid })
  expect(uplink.receiver.appliance_id).toBe(london.tenant.appliance_id)
  expect((await memberOf(site))?.spki).not.toBe(uplink.receiver.spki)
})

test('joining-01 a wrong code, a used one, one that is over, and one for another tenant look alike', async () => {
  const [first, second] = [await branch(), await branch()]
  expect(await refusal(joinFleet(first, '0000-0000-0000'))).toBe(REFUSED)
  const foreign = await claim('somebody-else')
  expect(await refusal(joinFleet(first, foreign.code))).toBe(REFUSED)
  const used = await claim()
  await joinFleet(first, used.code) // control
  expect(await refusal(joinFleet(second, used.code))).toBe(REFUSED)
  const late = await claim()
  london.clock.aheadMs += 11 * MINUTE_MS
  expect(await refusal(joinFleet(second, late.code))).toBe(REFUSED)
  expect(await refusal(joinFleet(second, (await claim()).code))).toBe('allowed')
})

test('joining-02 five wrong tries end a code, also for who has it', async () => {
  const site = await branch()
  const { code } = await claim(site.tenant.tenant_id)
  for (let i = 0; i < 5; i++)
    expect(await refusal(joinFleet(site, `0000-0000-000${i}`))).toBe(REFUSED)
  expect(await refusal(joinFleet(site, code))).toBe(REFUSED)
  const next = await claim(site.tenant.tenant_id)
  for (let i = 0; i < 4; i++)
    expect(await refusal(joinFleet(site, `0000-0000-000${i}`))).toBe(REFUSED)
  expect(await refusal(joinFleet(site, next.code))).toBe('allowed') // control
})

test('joining-03 twenty tries an hour and source', async () => {
  const site = await branch()
  for (let i = 0; i < 20; i++)
    expect(await refusal(joinFleet(site, '0000-0000-0000'))).toBe(REFUSED)
  const { code } = await claim(site.tenant.tenant_id)
  expect(await refusal(joinFleet(site, code))).toMatch(/^too-many: /)
})

test('joining-04 somebody in between, with a second TLS hop, gets nothing', async () => {
  const site = await branch()
  const middle = await standBetween(door)
  const { code } = await claim(site.tenant.tenant_id)
  expect(await refusal(joinFleet(site, code, middle))).toBe(REFUSED)
  await middle.close()
  expect(await refusal(joinFleet(site, code))).toBe('allowed') // control
})

test('joining-05 a false primary that answers by itself is not believed', async () => {
  const site = await branch()
  const { primary } = await london.link.primary()
  const reply = JSON.stringify({ version: 1, fleet_id: 'acme', ca: primary?.ca })
  const answer = { reply, mac: Buffer.alloc(32).toString('base64') }
  const other = await falseDoor(async () => answer)
  expect(await refusal(joinFleet(site, '7QK2-M0XV-9RTD', other))).toMatch(/does not know the code/)
  await other.close()
  expect((await site.link.uplinks()).uplinks).toEqual([])
})

/** The branch's message with parts exchanged; where `code` is given, proved anew by who knows it. */
async function forged(
  site: Site,
  code: string,
  change: (request: Record<string, Json>) => Record<string, Json>,
  { key, proveAnew }: { key?: KeyObject; proveAnew: boolean },
): Promise<string> {
  return refusal(
    joinAt(door, async (exporter) => {
      const { body } = await site.cli.joinRequest({ code, exporter })
      const { proof, mac } = body as { proof: { body: string; signature: string }; mac: string }
      const request = change(JSON.parse(proof.body) as Record<string, Json>)
      const signed = key
        ? signJson(key, 'claim', request)
        : { ...proof, body: JSON.stringify(request) }
      const words = [exporter, signed.body, signed.signature]
      const proved = proveAnew ? proveClaim(await claimKey(code), 'branch', words) : mac
      return { proof: { ...signed }, mac: proved }
    }),
  )
}

test('joining-06 an exchanged key is refused, with and without the code', async () => {
  const site = await branch()
  const { code } = await claim(site.tenant.tenant_id)
  const mine = newTlsKey().spki
  const own = generateKeyPairSync('ed25519')
  const spki = own.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
  const swap = (request: Record<string, Json>) => ({ ...request, tlsSpki: mine })
  const identity = (request: Record<string, Json>) => ({ ...request, spki })
  expect(await forged(site, code, swap, { proveAnew: false })).toBe(REFUSED)
  expect(await forged(site, code, swap, { proveAnew: true })).toBe(REFUSED)
  expect(await forged(site, code, identity, { proveAnew: true })).toBe(REFUSED) // no possession
  expect(await forged(site, code, identity, { proveAnew: false, key: own.privateKey })).toBe(
    REFUSED,
  )
  expect(await refusal(joinFleet(site, code))).toBe('allowed') // control: the fifth try
})

test('joining-07 an identity of small order proves nothing', async () => {
  const site = await branch()
  const { code } = await claim(site.tenant.tenant_id)
  const head = Buffer.from('302a300506032b6570032100', 'hex')
  const point = Buffer.from(`01${'00'.repeat(31)}`, 'hex')
  const spki = Buffer.concat([head, point]).toString('base64')
  const answer = await refusal(
    joinAt(door, async (exporter) => {
      const { body } = await site.cli.joinRequest({ code, exporter })
      const { proof } = body as { proof: { body: string } }
      const request = JSON.stringify({ ...JSON.parse(proof.body), spki })
      // R = identity, S = 0: verifies for every message under the identity point.
      const signature = Buffer.concat([point, Buffer.alloc(32)]).toString('base64')
      const key_id = keyIdOf(spki)
      const envelope = { type: 'claim', body: request, key_id, signature }
      const mac = proveClaim(await claimKey(code), 'branch', [exporter, request, signature])
      return { proof: envelope, mac }
    }),
  )
  expect(answer).toBe(REFUSED)
})

test('joining-08 a site of another fleet, a member, and a name in use are told so, and stay out', async () => {
  const stranger = await branch({ fleet_id: 'globex' })
  const told = await refusal(joinFleet(stranger, (await claim()).code))
  expect(told).toContain('belongs to the fleet globex, and this primary to acme')
  expect(await memberOf(stranger)).toBeUndefined()
  const site = await branch()
  await joinFleet(site, (await claim()).code)
  expect(await refusal(joinFleet(site, (await claim()).code))).toContain(
    'is a member of this fleet already',
  )
  const twin = await startSite(site.tenant.tenant_id, { clock: london.clock })
  open.push(twin)
  expect(await refusal(joinFleet(twin, (await claim()).code))).toContain('Another site was called')
  await expect(claim(site.tenant.tenant_id)).rejects.toThrow('is a member of this fleet already')
})

/** What picket-link does at two thirds of a certificate's life. */
async function renew(site: Site, change: Record<string, Json> = {}): Promise<string> {
  return refusal(
    renewal(site, change).then((body) => london.link.renewCertificate({ body, source: 'x' })),
  )
}
async function renewal(site: Site, change: Record<string, Json> = {}): Promise<Json> {
  const { tenant_uid, appliance_id } = site.tenant
  const tlsSpki = spkiOf((await uplinkOf(site)).privateKey)
  const at = site.clock.nowUs()
  const body = { tenant_uid, appliance_id, tlsSpki, at, nonce: newUid(), ...change }
  return { ...(await site.link.sign({ type: 'cert-renew', body })) }
}

test('joining-09 a renewal: by its own key, once, a year late at most, never after a revocation', async () => {
  const [site, other] = [await branch(), await branch()]
  for (const each of [site, other]) await joinFleet(each, (await claim()).code)
  const { uplink_id, certificateNotAfter: before } = await uplinkOf(site)
  london.clock.aheadMs += 60 * DAY_MS
  const body = await renewal(site)
  const { reply } = await london.link.renewCertificate({ body, source: 'x' }) // control
  const { certificate } = reply as { certificate: string }
  const { certificateNotAfter } = await site.link.renewed({ uplink_id, certificate })
  expect(certificateNotAfter).toBeGreaterThan(before)
  const again = london.link.renewCertificate({ body, source: 'x' })
  expect(await refusal(again)).toBe(`refused: ${RENEWAL_REFUSED}`)
  const thief = generateKeyPairSync('ed25519').privateKey
  const { body: text } = (await renewal(site)) as { body: string }
  const stolen = { ...signJson(thief, 'cert-renew', JSON.parse(text) as Json) }
  expect(await refusal(london.link.renewCertificate({ body: stolen, source: 'x' }))).toBe(
    `refused: ${RENEWAL_REFUSED}`,
  )
  const ofOther = (await renewal(other)) as { body: string }
  const mixed = { ...ofOther, body: text }
  expect(await refusal(london.link.renewCertificate({ body: mixed, source: 'x' }))).toBe(
    `refused: ${RENEWAL_REFUSED}`,
  )
  const foreign = { uplink_id, certificate: (await uplinkOf(other)).certificate }
  expect(await refusal(site.link.renewed(foreign))).toContain('not for this box')
  london.clock.aheadMs += (90 + 360) * DAY_MS
  expect(await renew(site)).toBe('allowed') // a year away bricks nobody
  expect(await renew(other)).toBe(`refused: ${RENEWAL_REFUSED}`) // that one was away for longer
  await london.cli.fleetRevoke({ tenant_id: site.tenant.tenant_id, epoch: 3, sequence: 700 })
  expect(await renew(site)).toBe(`refused: ${RENEWAL_REFUSED}`)
  expect((await memberOf(site))?.revoked).toMatchObject({ epoch: 3, sequence: 700 })
})

test('joining-10 who was revoked comes back by a claim made after it, and by no other', async () => {
  const site = await branch()
  const { tenant_id } = site.tenant
  await joinFleet(site, (await claim()).code)
  const early = await claim() // for any site, made before the revocation
  await london.cli.fleetRevoke({ tenant_id })
  const { primary } = await london.link.primary()
  expect(primary?.revokedAppliances).toContain(site.tenant.appliance_id)
  expect(await refusal(joinFleet(site, early.code))).toContain('make a new claim for it')
  const before = (await memberOf(site)) as { storeKey: string }
  expect(await refusal(joinFleet(site, (await claim(tenant_id)).code))).toBe('allowed')
  expect(await memberOf(site)).toMatchObject({ revoked: null, storeKey: before.storeKey })
  await expect(london.cli.fleetRevoke({ tenant_id: 'london' })).rejects.toThrow('cannot be revoked')
})

test('joining-11 leaving is its own, once', async () => {
  const [site, other] = [await branch(), await branch()]
  for (const each of [site, other]) await joinFleet(each, (await claim()).code)
  const { envelope, uplink_id } = await site.cli.leaveRequest({})
  const forged = signJson(
    generateKeyPairSync('ed25519').privateKey,
    'revocation',
    JSON.parse(envelope.body) as Json,
  )
  const leave = (body: object) => refusal(london.link.leave({ body: body as Json, source: 'x' }))
  expect(await leave(forged)).toContain('not its own')
  const { tenant_uid } = other.tenant
  const ofOther = site.box.signer.sign('revocation', { ...JSON.parse(envelope.body), tenant_uid })
  expect(await leave(ofOther)).toContain('not its own')
  expect(await leave(envelope)).toBe('allowed')
  expect(await leave(envelope)).toContain('not its own')
  await site.cli.leaveFinish({ uplink_id })
  expect((await site.link.uplinks()).uplinks).toEqual([])
  expect((await memberOf(site))?.revoked).toMatchObject({ epoch: 0, sequence: 0 })
  expect((await memberOf(other))?.revoked).toBeNull()
})

test('joining-12 by file: the answer fits its request, its signer and its fleet, or nothing is joined', async () => {
  const site = await branch()
  const { envelope } = await site.cli.fileRequest({})
  const other = await branch()
  const changed = { ...envelope, body: envelope.body.replace(site.tenant.tenant_uid, newUid()) }
  await expect(london.cli.fileAccept({ envelope: changed })).rejects.toThrow('was refused')
  const overDoor = {
    ...(await other.cli.joinRequest({ code: '0'.repeat(12), exporter: 'a'.repeat(64) })),
  }
  const { proof } = overDoor.body as { proof: unknown }
  await expect(london.cli.fileAccept({ envelope: proof })).rejects.toThrow('no request to join')
  const accepted = await london.cli.fileAccept({ envelope })
  await expect(london.cli.fileAccept({ envelope })).rejects.toThrow('is a member')
  await expect(other.cli.fileFinish({ envelope: accepted.envelope })).rejects.toThrow(
    'another request',
  )
  const attacker = generateKeyPairSync('ed25519').privateKey
  const resigned = signJson(attacker, 'claim', JSON.parse(accepted.envelope.body) as Json)
  await expect(site.cli.fileFinish({ envelope: resigned })).rejects.toThrow(
    'signed by a key we know',
  )
  await expect(
    site.cli.fileFinish({ envelope: accepted.envelope, fingerprint: 'f'.repeat(32) }),
  ).rejects.toThrow('another key than the one named')
  const fingerprint = accepted.envelope.key_id
  const joined = await site.cli.fileFinish({ envelope: accepted.envelope, fingerprint })
  expect(joined).toMatchObject({ fleet_id: 'acme', receiver: 'The london site', fingerprint })
  await expect(site.cli.fileFinish({ envelope: accepted.envelope })).rejects.toThrow(
    'another request',
  )
})

test('joining-13 the link signs summaries, acks and last wills of this box and nothing else', async () => {
  const { tenant_uid, appliance_id } = london.tenant
  const lwt = { version: 1, tenant_uid, appliance_id, nonce: newUid(), state: 'gone', at: 1 }
  const sign = (type: string, body: Json) =>
    refusal(london.link.sign({ type: type as 'lwt', body }))
  expect(await sign('lwt', lwt)).toBe('allowed') // control
  expect(await sign('lwt', { ...lwt, tenant_uid: newUid() })).toContain('speaks of another')
  expect(await sign('lwt', { ...lwt, appliance_id: newUid() })).toContain('speaks of another')
  for (const type of ['decision', 'catalog', 'accounts', 'claim', 'revocation', 'checkpoint'])
    expect(await sign(type, lwt)).toMatch(/^invalid: type is not as it must be/)
  expect(await sign('summary', lwt)).toMatch(/^invalid: /)
  const ack = {
    version: 1,
    tenant_uid,
    appliance_id,
    receiver_id: appliance_id,
    epoch: 1,
    whole_up_to: 1,
  }
  const rest = { also: [], at: 1, audit_seq: 1, audit_head: null }
  expect(await sign('ack', { ...ack, ...rest })).toBe('allowed') // of its own membership
  expect(await sign('ack', { ...ack, ...rest, receiver_id: newUid() })).toContain('of another')
  expect(await sign('ack', { ...ack, ...rest, tenant_uid: newUid() })).toContain('of another')
  const raw = await connect(socketPath(london.data, 'keys', 'link'))
  for (const call of [
    'decide',
    'fleetClaim',
    'fleetRevoke',
    'fileAccept',
    'addTenant',
    'parquetKey',
  ])
    expect(await refusal(raw.call(call, {}))).toBe(NOT_THEIRS)
  raw.close()
  const tlsSpki = newTlsKey().spki
  const foreign = { tenant_uid, appliance_id, tlsSpki, at: 1, nonce: newUid() }
  expect(await sign('cert-renew', foreign)).toContain('speaks of another')
})

test('joining-14 the web signs nothing of the fleet, and steers it by an admin session only', async () => {
  const { web, cli } = london
  const raw = await connect(socketPath(london.data, 'keys', 'web'))
  for (const call of ['sign', 'joinBegin', 'joinRequest', 'members', 'primary', 'openSeal'])
    expect(await refusal(raw.call(call, {}))).toBe(NOT_THEIRS)
  raw.close()
  const { code } = await cli.oneTimeLogin({})
  const { token } = await web.redeem({ code, source: '127.0.0.1' })
  const admin = (await web.setPassword({ token, next: 'correct horse battery' })).token
  const word = 'correct horse battery 2'
  await web.addUser({ token: admin, name: 'vera', role: 'viewer', password: word })
  const vera = (await web.login({ name: 'vera', password: word, source: 'x' })).token
  expect(await refusal(web.fleetClaim({ token: vera, site: 'X' }))).toMatch(/^refused: Your role/)
  expect(await refusal(web.fleetEdition({ token: vera, on: false }))).toMatch(/^refused: Your role/)
  expect(await refusal(london.link.joins({ token: vera }))).toMatch(/^refused: Your role/)
  expect(await refusal(london.link.fleetScope({ token: 'x'.repeat(43) }))).toMatch(/^unauthorized/)
  expect((await london.link.fleetScope({ token: vera })).tenant_ids).toContain('london')
  const made = await web.fleetClaim({ token: admin, tenant_id: null, site: 'Sydney' }) // control
  expect(
    (await london.link.joins({ token: admin })).claims.map(({ claim_id }) => claim_id),
  ).toContain(made.claim_id)
})

test('joining-15 off is off at once: no door, no seal, no scope; on again, the members are there', async () => {
  const count = (await london.link.members()).members.length
  await london.cli.fleetEdition({ on: false })
  expect((await london.link.primary()).primary).toBeNull()
  expect((await london.link.members()).members).toEqual([])
  expect((await london.link.uplinks()).uplinks).toEqual([])
  const site = await branch()
  expect(await refusal(joinFleet(site, '0000-0000-0000'))).toMatch(
    /^not-found: Fleet Command is off/,
  )
  await london.cli.fleetEdition({ on: true })
  expect((await london.link.members()).members).toHaveLength(count)
  expect((await london.link.uplinks()).uplinks[0]?.url).toBe('mqtts://127.0.0.1:8883')
})

test('joining-16 kill -9 at each write of enabling, accepting and revoking: whole, or not begun', async () => {
  const site = await branch({ clock: new TestClock() })
  const primary = await startSite('cairo')
  await primary.close()
  const { envelope } = await site.cli.fileRequest({})
  writeFileSync(join(primary.data, 'ask.json'), JSON.stringify(envelope))
  const counts = new Set<number>()
  for (let n = 1; n < POINTS_MAX; n++) {
    const data = mkdtempSync(join(tmpdir(), 'picket-kill-'))
    cpSync(primary.data, data, { recursive: true })
    const act = [ACT, data, 'fleet', String(n), site.tenant.tenant_id]
    const { signal, status, stderr } = spawnSync(process.execPath, act)
    const box = await openKeysBox({ data, log: silentLog }) // heads fit, or this refuses
    const members = box.fleet.members('cairo')
    counts.add(members.length + (members[1]?.revoked_at ? 1 : 0))
    const whole = members.length > 0 ? 1 : 0
    expect([box.fleet.primary() ? 1 : 0, box.fleet.uplinks().length]).toEqual([whole, whole])
    expect(box.chain.intact).toBe(true)
    await setEdition(box, primary.tenant, true, 'console') // and it goes on from there
    expect(box.fleet.members('cairo').length).toBeGreaterThan(0)
    box.close()
    rmSync(data, { recursive: true })
    if (signal !== null) continue
    expect(status, String(stderr)).toBe(0) // control: with no kill left, it ends
    break
  }
  expect([...counts].sort()).toEqual([0, 1, 2, 3])
})
