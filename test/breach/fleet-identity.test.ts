/** Attempts of whoever holds a good code, or is a member, to be taken for another site: by its ids, or by its name. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { Json } from '../../agent/base/canonical.ts'
import { newUid } from '../../agent/base/ids.ts'
import { signJson } from '../../agent/base/signing.ts'
import { newTlsKey } from '../../agent/keys/certificates.ts'
import { claimKey, proveClaim } from '../../agent/keys/claim.ts'
import { refusal } from './box.ts'
import { type Site, startPrimary } from './fleet-sites.ts'

const HOUR_MS = 3_600_000
let london: Site
beforeAll(async () => {
  london = await startPrimary()
})
afterEach(() => {
  london.clock.aheadMs += HOUR_MS // twenty tries an hour
})
afterAll(() => london.close())

let made = 0
/** A box of the attacker's own making, that says of itself what it likes. */
function attacker() {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const spki = publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
  const who = { tenant_id: `site-${++made}`, tenant_uid: newUid(), appliance_id: newUid() }
  return { key: privateKey, says: { ...who, fleet_id: 'acme', site: `Site ${made}`, spki } }
}

async function join(
  { key, says }: { key: KeyObject; says: Record<string, Json> },
  change: Record<string, Json> = {},
  site: string | null = null,
): Promise<string> {
  const { code } = await london.cli.fleetClaim(site === null ? {} : { site })
  const exporter = 'a'.repeat(64)
  const at = london.clock.nowUs()
  const rest = { version: 1, kind: 'join', tlsSpki: newTlsKey().spki, binding: exporter, at }
  const proof = signJson(key, 'claim', { ...says, ...rest, ...change })
  const mac = proveClaim(await claimKey(code), 'branch', [exporter, proof.body, proof.signature])
  const body = { proof: { ...proof }, mac }
  return refusal(london.link.joinBegin({ body, source: `10.0.0.${made}`, exporter }))
}

const siteNames = async () => (await london.link.members()).members.map(({ site }) => site)

test('control: a new box with a good code joins', async () => {
  expect(await join(attacker())).toBe('allowed')
})

test('mqtt-04 nobody joins under the appliance of a member, live or revoked: its sessions stay its own', async () => {
  const victim = attacker()
  expect(await join(victim)).toBe('allowed')
  const { appliance_id, tenant_id } = victim.says
  const taken = 'conflict: This appliance is a member of this fleet already'
  expect(await join(attacker(), { appliance_id })).toContain(taken)
  expect(await join(attacker(), { appliance_id: london.tenant.appliance_id })).toContain(taken)
  await london.cli.fleetRevoke({ tenant_id })
  expect(await join(attacker(), { appliance_id })).toContain(taken)
  const { primary } = await london.link.primary()
  expect(primary?.revokedAppliances).toEqual([appliance_id]) // a thief would have made it live again
  expect(await join(victim)).toBe('allowed') // control: by a new claim, itself
})

test('a name that is another site’s, or looks like it, is told apart by its tenant', async () => {
  const own = 'The london site'
  for (const site of [
    own,
    'THE LONDON  SITE',
    'The Lоndon site',
    'Thé lóndon-site',
    'The l0ndon site',
  ]) {
    const thief = attacker()
    expect(await join(thief, { site })).toBe('allowed')
    const names = await siteNames()
    expect(names.filter((name) => name === own)).toHaveLength(1)
    expect(names.at(-1)).toContain(`(${thief.says.tenant_id})`)
  }
  const plain = attacker()
  expect(await join(plain, { site: 'Sydney' })).toBe('allowed') // control
  expect((await siteNames()).at(-1)).toBe('Sydney')
  const named = attacker()
  expect(await join(named, { site: own }, 'Perth')).toBe('allowed') // the claim's name counts
  expect((await siteNames()).at(-1)).toBe('Perth')
})

test('a name of nothing, of marks heaped up, or with turns in it is no name', async () => {
  for (const site of [
    '\u3164',
    '\u2800',
    '\u200b',
    'a\u034fb',
    `a${'\u0301'.repeat(40)}`,
    'a\u202eb',
    ' ',
  ])
    expect(await join(attacker(), { site })).toMatch(/^refused: The join was refused/)
})
