/** Of a fleet what others see: where its door is, who belongs to it, and whom this box is in it. */
import { createHash } from 'node:crypto'
import { hostname } from 'node:os'
import type { Config } from '../base/config.ts'
import { Failure } from '../base/failure.ts'
import { notBeforeOf, spkiOf } from '../keys/certificates.ts'
import type { FleetJoins } from '../summary/fleet-view.ts'
import type { FleetRow, MemberRow } from '../tenancy/fleet.ts'
import type { Tenant } from '../tenancy/tenant.ts'
import type { KeysBox } from './keys-box.ts'
import type { Member } from './link-keys.ts'

/** Where others find this primary, and where it finds itself. */
export function placeOf({ fleet }: Config) {
  const { host, announce, mqttPort, doorPort, broker } = fleet
  const everywhere = host === '0.0.0.0' || host === '::'
  const told = announce ?? (everywhere ? hostname() : host)
  const own = everywhere ? '127.0.0.1' : host
  const at = (scheme: string, name: string, port: number) =>
    `${scheme}://${name.includes(':') ? `[${name}]` : name}:${port}`
  return {
    host: told,
    port: doorPort,
    url: broker ?? at('mqtts', told, mqttPort),
    door: at('https', told, doorPort),
    ownUrl: broker ?? at('mqtts', own, mqttPort),
    ownDoor: at('https', own, doorPort),
    names: [...new Set([told, own, hostname(), 'localhost', '127.0.0.1'])].filter(isName),
  }
}

const isName = (name: string) => /^[\w.:-]{1,253}$/.test(name)

/** The fleet of this box while Fleet Command is on, with the primary's tenant. */
export function mustBePrimary(box: KeysBox): { fleet: FleetRow; tenant: Tenant } {
  const fleet = box.fleet.primary()
  const tenant = box.accounts.tenants().find(({ tenant_id }) => tenant_id === fleet?.tenant_id)
  if (fleet && tenant) return { fleet, tenant }
  throw new Failure(
    'not-found',
    'Fleet Command is off on this box. Turn it on: picket fleet enable',
  )
}

export function identityOf({ signer }: KeysBox): string {
  return signer.records.find(({ owner }) => owner === 'appliance')?.spki as string
}

export function siteOf(box: KeysBox, tenant: Tenant): string {
  const name = (box.config().siteName ?? '')
    .replaceAll(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, '')
    .trim()
  return name || tenant.tenant_id
}

export function doorOf(box: KeysBox, fleet: FleetRow): NonNullable<FleetJoins['door']> {
  const { host, port } = placeOf(box.config())
  const spki = Buffer.from(spkiOf(fleet.tls_key), 'base64')
  return { host, port, fingerprint: createHash('sha256').update(spki).digest('hex') }
}

export function joinsOf(box: KeysBox): FleetJoins {
  const { fleet, tenant } = mustBePrimary(box)
  const claims = box.claims.live(fleet.tenant_id).map((claim) => ({
    claim_id: claim.claim_id,
    tenant_id: claim.wanted ?? '',
    site: claim.site ?? '',
    endsAt: claim.ends,
    triesLeft: claim.tries_left,
  }))
  const members = box.fleet.members(fleet.tenant_id).map((row) => ({
    ...{ tenant_id: row.tenant_id, site: row.site, appliance_id: row.appliance_id },
    ...{ joinedAt: row.joined, revokedAt: row.revoked_at, certificateNotAfter: row.not_after },
    ...{ primary: row.is_primary === 1, digits: row.digits },
  }))
  return { fleet_id: tenant.fleet_id, door: doorOf(box, fleet), claims, members }
}

export const isLive = (row: MemberRow) => row.revoked_at === null

export function memberView(row: MemberRow): Member {
  const { tenant_id, tenant_uid, fleet_id, appliance_id, site, spki, key_id } = row
  return {
    ...{ tenant_id, tenant_uid, fleet_id, appliance_id, site, spki, key_id },
    ...{ primary: row.is_primary === 1, joinedAt: row.joined, certificateNotAfter: row.not_after },
    revoked:
      row.revoked_at === null
        ? null
        : {
            at: row.revoked_at,
            epoch: row.revoked_epoch as number,
            sequence: row.revoked_sequence as number,
          },
    certificatesFrom: notBeforeOf(row.joined),
    storeKey: row.store_key.toString('base64'),
  }
}

export function mustFind({ accounts }: KeysBox, tenantId: string | undefined): Tenant {
  const tenants = accounts.tenants()
  const tenant =
    tenantId === undefined ? tenants[0] : tenants.find(({ tenant_id }) => tenant_id === tenantId)
  if (!tenant) throw new Failure('not-found', 'There is no such tenant on this box.')
  return tenant
}
