/** A primary's own acts: Fleet Command on and off, claims, members in and out, the certificate that it serves with. */
import { randomBytes } from 'node:crypto'
import { Failure } from '../base/failure.ts'
import { newUid } from '../base/ids.ts'
import {
  type Holder,
  isDue,
  issue,
  makeAuthority,
  newTlsKey,
  spkiOf,
} from '../keys/certificates.ts'
import { claimKey, newCode } from '../keys/claim.ts'
import { newReceiverKey, receiverPoint } from '../keys/receiver-key.ts'
import type { FleetRow, MemberRow, UplinkRow } from '../tenancy/fleet.ts'
import { nameBeside } from '../tenancy/site-name.ts'
import { parseSlug, type Tenant } from '../tenancy/tenant.ts'
import type { JoinReply, JoinRequest } from './join-messages.ts'
import { keyIdOf } from './join-messages.ts'
import { changeAccounts } from './keys-acts.ts'
import type { KeysBox } from './keys-box.ts'
import type { ClaimView } from './keys-client.ts'
import {
  doorOf,
  identityOf,
  isLive,
  mustBePrimary,
  mustFind,
  placeOf,
  siteOf,
} from './keys-fleet-views.ts'
import type { Primary } from './link-keys.ts'

const STORE_KEY_BYTES = 32
const ACTOR = 'process:keys'

/** The flag counts at once; keys and members stay when it goes off, for the day it comes on again. */
export async function setEdition(
  box: KeysBox,
  tenant: Tenant,
  on: boolean,
  actor: string,
): Promise<void> {
  const { fleet } = box
  const present = fleet.primary()
  if (on && present && present.tenant_id !== tenant.tenant_id)
    throw new Failure('conflict', `${present.tenant_id} is the primary on this box already.`)
  if ((present !== undefined) === on) return
  const begun = on && !fleet.of(tenant.tenant_id) ? await begin(box, tenant) : undefined
  const { tenant_id } = tenant
  const act = { actor, tenant, verb: on ? 'fleet.on' : 'fleet.off' } as const
  changeAccounts(box, act, (witness) =>
    fleet.change(tenant_id, witness(), (rows) => {
      if (begun && !fleet.of(tenant_id)) {
        rows.found(begun.row)
        rows.putMember(begun.member)
        rows.putUplink(begun.uplink)
      }
      rows.edition(tenant_id, on)
    }),
  )
}

/** A fleet of one: the authority, and the primary as its first member, who sends to itself like any other. */
async function begin(box: KeysBox, tenant: Tenant) {
  const nowUs = box.clock.nowUs()
  const { tenant_id, tenant_uid, fleet_id, appliance_id } = tenant
  const fleet_uid = newUid()
  const holder = { fleet_uid, tenant_uid, appliance_id }
  const authority = await makeAuthority(fleet_uid, nowUs)
  const { names, ownUrl, ownDoor } = placeOf(box.config())
  const serving = newTlsKey()
  const served = await issue(authority, holder, { spki: serving.spki, names, nowUs })
  const row: FleetRow = {
    ...{ tenant_id, fleet_uid, ca: authority.certificate, ca_key: authority.privateKey },
    ...{ certificate: served.certificate, tls_key: serving.privateKey },
    ...{ names: JSON.stringify(names), not_after: served.notAfter },
  }
  const own = newTlsKey()
  const site = siteOf(box, tenant)
  const spki = identityOf(box)
  const request = { tenant_id, tenant_uid, fleet_id, appliance_id, spki, tlsSpki: own.spki }
  const { member, reply } = await prepare(box, row, request, site)
  const uplink: UplinkRow = {
    ...{ uplink_id: newUid(), tenant_id, fleet_uid, own: 1, url: ownUrl, door: ownDoor },
    ...{ ca: row.ca, certificate: reply.certificate, tls_key: own.privateKey },
    ...{ not_after: member.not_after as number, receiver: JSON.stringify(reply.receiver) },
  }
  return { row, member: { ...member, is_primary: 1 }, uplink }
}

/** What a new member gets, and the row that makes it one; nothing is written yet. */
export async function prepare(
  box: KeysBox,
  fleet: FleetRow,
  request: Omit<JoinRequest, 'version' | 'kind' | 'binding' | 'at' | 'site'>,
  site: string,
): Promise<{ member: MemberRow; reply: JoinReply }> {
  const owner = mustFind(box, fleet.tenant_id)
  const { tenant_id, tenant_uid, fleet_id, appliance_id, spki, tlsSpki } = request
  const joined = box.clock.nowUs()
  const { certificate, notAfter } = await certify(box, fleet, { ...request, joined }, tlsSpki)
  const rows = box.fleet.members(fleet.tenant_id)
  const before = rows.find((row) => row.tenant_uid === tenant_uid)
  const others = rows.filter((row) => row !== before)
  const seal_key = newReceiverKey()
  const member: MemberRow = {
    ...{ owner_id: fleet.tenant_id, tenant_id, tenant_uid, fleet_id, appliance_id, spki },
    site: nameBeside(site, tenant_id, others),
    ...{ is_primary: 0, key_id: keyIdOf(spki), joined, digits: null },
    ...{ revoked_at: null, revoked_epoch: null, revoked_sequence: null, not_after: notAfter },
    renewals_floor: before?.renewals_floor ?? 0,
    // What was received of a site before it joined anew stays readable.
    store_key: before?.store_key ?? randomBytes(STORE_KEY_BYTES),
    seal_key,
  }
  const { url, door } = placeOf(box.config())
  const reply: JoinReply = {
    ...{ version: 1, fleet_id, fleet_uid: fleet.fleet_uid, ca: fleet.ca, certificate, url, door },
    receiver: {
      tenant_uid: owner.tenant_uid,
      appliance_id: owner.appliance_id,
      site: siteOf(box, owner),
      spki: identityOf(box),
      sealKey: receiverPoint(seal_key),
    },
  }
  return { member, reply }
}

/** Never one that looks older than the membership: it would not be admitted. */
export function certify(
  { clock }: KeysBox,
  { fleet_uid, ca, ca_key }: FleetRow,
  { tenant_uid, appliance_id, joined }: Omit<Holder, 'fleet_uid'> & { joined: number },
  spki: string,
) {
  const authority = { certificate: ca, privateKey: ca_key }
  const holder = { fleet_uid, tenant_uid, appliance_id }
  return issue(authority, holder, { spki, nowUs: Math.max(clock.nowUs(), joined) })
}

export async function makeClaim(
  box: KeysBox,
  wanted: { tenant_id?: string | null | undefined; site?: string | null | undefined },
  actor: string,
): Promise<ClaimView> {
  const { fleet, tenant } = mustBePrimary(box)
  const forTenant = wanted.tenant_id ? parseSlug(wanted.tenant_id, 'tenant') : null
  const present = forTenant && box.fleet.memberByName(fleet.tenant_id, forTenant)
  if (present && present.revoked_at === null)
    throw new Failure('conflict', `${forTenant} is a member of this fleet already.`)
  const code = newCode()
  const code_key = await claimKey(code)
  const act = { actor, tenant, verb: 'fleet.claim', subject: forTenant ?? '*' } as const
  box.trail.write(act)
  const site = wanted.site?.trim() || null
  const claim = box.claims.make({ tenant_id: fleet.tenant_id, code_key, wanted: forTenant, site })
  box.trail.write({ ...act, outcome: 'done' })
  const { claim_id, ends } = claim
  return { claim_id, code, tenant_id: forTenant, site, endsAt: ends, door: doorOf(box, fleet) }
}

/** From `from` on nothing of that site counts; without it, from now on. What was received before stays. */
export function revoke(
  box: KeysBox,
  {
    tenant_id,
    epoch = 0,
    sequence = 0,
  }: { tenant_id: string; epoch?: number | undefined; sequence?: number | undefined },
  actor: string,
): void {
  const { fleet, tenant } = mustBePrimary(box)
  const member = box.fleet.memberByName(fleet.tenant_id, tenant_id)
  if (!member) throw new Failure('not-found', `There is no ${tenant_id} in this fleet.`)
  if (member.is_primary)
    throw new Failure('conflict', 'The primary cannot be revoked: picket fleet disable')
  if (member.revoked_at !== null)
    throw new Failure('conflict', `${tenant_id} is revoked, or left, already.`)
  const act = { actor, tenant, verb: 'fleet.revoked', subject: tenant_id, count: sequence } as const
  changeAccounts(box, act, (witness) =>
    box.fleet.change(fleet.tenant_id, witness(), (rows) =>
      rows.revoke(fleet.tenant_id, member.tenant_uid, { epoch, sequence }),
    ),
  )
}

/** With a certificate that is fresh and has the names that this box has now. */
export async function primaryView(box: KeysBox): Promise<Primary | null> {
  if (!box.fleet.primary()) return null
  const { fleet, tenant } = mustBePrimary(box)
  const { tenant_id, tenant_uid, fleet_id, appliance_id } = tenant
  const certificate = await servingCertificate(box, fleet, tenant)
  const rows = box.fleet.members(tenant_id)
  const live = new Set(rows.filter(isLive).map((row) => row.appliance_id))
  const revoked = rows.map((row) => row.appliance_id).filter((id) => !live.has(id))
  return {
    ...{ tenant_id, tenant_uid, fleet_id, fleet_uid: fleet.fleet_uid, appliance_id },
    ...{ ca: fleet.ca, certificate, privateKey: fleet.tls_key },
    revokedAppliances: [...new Set(revoked)],
  }
}

/** Its own membership is never stranded, however long Fleet Command was off. */
export async function renewOwn(box: KeysBox): Promise<void> {
  const fleet = box.fleet.primary()
  const row = box.fleet
    .uplinks()
    .find((each) => each.own === 1 && each.tenant_id === fleet?.tenant_id)
  if (!fleet || !row || !isDue(row.not_after, box.clock.nowUs())) return
  const tenant = mustFind(box, fleet.tenant_id)
  const member = box.fleet.member(fleet.tenant_id, tenant.tenant_uid)
  if (!member) return
  const act = { actor: ACTOR, tenant, verb: 'uplink.renewed', subject: fleet.fleet_uid } as const
  box.trail.write(act)
  const { certificate, notAfter } = await certify(box, fleet, member, spkiOf(row.tls_key))
  box.fleet.renewed(row.uplink_id, certificate, notAfter)
  box.fleet.certified(fleet.tenant_id, tenant.tenant_uid, notAfter)
  box.trail.write({ ...act, outcome: 'done' })
}

async function servingCertificate(box: KeysBox, fleet: FleetRow, tenant: Tenant): Promise<string> {
  const nowUs = box.clock.nowUs()
  const { names } = placeOf(box.config())
  const wanted = JSON.stringify(names)
  if (fleet.names === wanted && !isDue(fleet.not_after, nowUs)) return fleet.certificate
  const act = { actor: ACTOR, tenant, verb: 'fleet.served' } as const
  box.trail.write(act)
  const authority = { certificate: fleet.ca, privateKey: fleet.ca_key }
  const { tenant_uid, appliance_id } = tenant
  const holder = { fleet_uid: fleet.fleet_uid, tenant_uid, appliance_id }
  const made = await issue(authority, holder, { spki: spkiOf(fleet.tls_key), names, nowUs })
  box.fleet.served(fleet.tenant_id, made.certificate, wanted, made.notAfter)
  box.trail.write({ ...act, outcome: 'done' })
  return made.certificate
}
