/** What picket-link may ask: signatures about this box alone, keys of its own outbox, one seal at a time (D2, D17). */
import type { KeyObject } from 'node:crypto'
import * as v from 'valibot'
import { canonical, type Json } from '../base/canonical.ts'
import { crossTenant, Failure } from '../base/failure.ts'
import { spkiOf } from '../keys/certificates.ts'
import { keyOf, receiverPoint, sharedSecret } from '../keys/receiver-key.ts'
import { Ack, LastWill, SUMMARY_BYTES_MAX, Summary } from '../summary/summary.ts'
import { atomsOf } from '../tenancy/role.ts'
import type { Tenant } from '../tenancy/tenant.ts'
import { Renewal } from './join-messages.ts'
import { writingEpoch } from './keys-acts.ts'
import type { KeysBox } from './keys-box.ts'
import { renewed, uplinksOf } from './keys-branch.ts'
import { primaryView, renewOwn } from './keys-fleet.ts'
import { joinsOf, memberView, mustBePrimary } from './keys-fleet-views.ts'
import { AskedByMember, AskedToJoin, joinBegin, leave, renewCertificate } from './keys-joining.ts'
import { announce, mustFind, tenants } from './keys-methods-local.ts'
import { Epoch, type Handlers, None, parse, Uid, WithToken } from './keys-params.ts'
import type { Questions } from './keys-query.ts'
import { type Asker, authorize, resolve } from './keys-session.ts'
import type { LinkCalls } from './link-keys.ts'

const OfTenant = v.object({ tenant_uid: Uid })
const Sign = v.object({
  type: v.picklist(['summary', 'ack', 'lwt', 'cert-renew']),
  body: v.unknown(),
})
const Renewed = v.object({ uplink_id: Uid, certificate: v.pipe(v.string(), v.maxLength(8192)) })
const Seal = v.object({ tenant_uid: Uid, ephemeral: v.pipe(v.string(), v.maxLength(64)) })
const OfEpoch = v.object({ tenant_uid: Uid, epoch: v.optional(Epoch) })

export function linkMethods(box: KeysBox, questions: Questions): Handlers<LinkCalls> {
  const { ring, chain, fleet } = box
  const receiving = new Receiving(box)
  return {
    tenants: (params) => tenants(box, params),
    audit: (params) => announce(box, 'link', params),
    sign: (params) => {
      const { type, body } = parse(Sign, params)
      return box.signer.sign(type, ownWords(box, receiving, type, body))
    },
    queueKey: (params) => {
      const { tenant_uid, epoch } = parse(OfEpoch, params)
      mustFind(box, tenant_uid)
      const chosen = epoch ?? writingEpoch(box, tenant_uid)
      return { epoch: chosen, key: ring.layer(tenant_uid, chosen, 'queue').toString('base64') }
    },
    anchors: (params) => {
      const { tenant_uid } = parse(OfTenant, params)
      mustFind(box, tenant_uid)
      const epochs = ring.inventory(tenant_uid).epochs.map(({ epoch }) => epoch)
      return {
        audit_seq: chain.head.seq,
        audit_head: chain.head.hash,
        key_epoch: Math.max(0, ...epochs),
        root_generation: ring.describe().generation,
      }
    },
    controlEvidence: async (params) => {
      const { tenant_uid } = parse(OfTenant, params)
      return { values: await questions.controls(mustFind(box, tenant_uid)) }
    },
    uplinks: async (params) => {
      parse(None, params)
      await renewOwn(box)
      return { uplinks: uplinksOf(box) }
    },
    renewed: (params) => renewed(box, parse(Renewed, params)),
    primary: async (params) => {
      parse(None, params)
      return { primary: await primaryView(box) }
    },
    members: (params) => {
      parse(None, params)
      const primary = fleet.primary()
      const rows = primary ? fleet.members(primary.tenant_id) : []
      return { members: rows.map(memberView) }
    },
    openSeal: (params) => receiving.openSeal(parse(Seal, params)),
    joinBegin: (params) => joinBegin(box, parse(AskedToJoin, params)),
    renewCertificate: (params) => renewCertificate(box, parse(AskedByMember, params)),
    leave: (params) => leave(box, parse(AskedByMember, params)),
    fleetScope: (params) => fleetScope(box, parse(WithToken, params).token),
    joins: (params) => {
      const asker = authorize(box, parse(WithToken, params).token, 'settings')
      mustSeeFleet(box, asker)
      return joinsOf(box)
    },
  }
}

/** The body when it speaks of this box and of nothing else; a signature of ours under anything more would be a forgery. */
function ownWords(
  box: KeysBox,
  receiving: Receiving,
  type: v.InferOutput<typeof Sign>['type'],
  body: unknown,
): Json {
  const said = readWords(type, body)
  if (Buffer.byteLength(canonical(said.body)) > SUMMARY_BYTES_MAX)
    throw new Failure('invalid', `A ${type} is longer than ${SUMMARY_BYTES_MAX} bytes.`)
  if (type === 'ack' ? receiving.mayAcknowledge(said) : isAboutUs(box, said)) return said.body
  throw new Failure('refused', `This box does not sign that ${type}: it speaks of another.`)
}

interface Words {
  body: Json
  tenant_uid: string
  appliance_id: string
  tenant_id?: string
  fleet_id?: string
  receiver_id?: string
  tlsSpki?: string
}

function readWords(type: v.InferOutput<typeof Sign>['type'], body: unknown): Words {
  const read = <S extends v.GenericSchema>(schema: S) => parse(schema, body)
  switch (type) {
    case 'summary': {
      const { tenant_uid, appliance_id, tenant_id, fleet_id } = read(Summary)
      return { body: body as Json, tenant_uid, appliance_id, tenant_id, fleet_id }
    }
    case 'ack': {
      const { tenant_uid, appliance_id, receiver_id } = read(Ack)
      return { body: body as Json, tenant_uid, appliance_id, receiver_id }
    }
    case 'lwt': {
      const { tenant_uid, appliance_id } = read(LastWill)
      return { body: body as Json, tenant_uid, appliance_id }
    }
    case 'cert-renew': {
      const { tenant_uid, appliance_id, tlsSpki } = read(Renewal)
      return { body: body as Json, tenant_uid, appliance_id, tlsSpki }
    }
  }
}

function isAboutUs(box: KeysBox, said: Words): boolean {
  const tenant = box.accounts.tenants().find(({ tenant_uid }) => tenant_uid === said.tenant_uid)
  if (!tenant || tenant.appliance_id !== said.appliance_id) return false
  if ((said.tenant_id ?? tenant.tenant_id) !== tenant.tenant_id) return false
  if ((said.fleet_id ?? tenant.fleet_id) !== tenant.fleet_id) return false
  return said.tlsSpki === undefined || isOwnTlsKey(box, tenant, said.tlsSpki)
}

function isOwnTlsKey(box: KeysBox, { tenant_id }: Tenant, spki: string): boolean {
  const own = box.fleet.uplinks().filter((row) => row.tenant_id === tenant_id)
  return own.some(({ tls_key }) => spkiOf(tls_key) === spki)
}

/**
 * What a primary asks at every summary, thousands a second: its own name, and a member's name and seal key.
 * Remembered until the fleet changes.
 */
class Receiving {
  readonly #box: KeysBox
  #version = -1
  #own: { tenant_id: string; appliance_id: string } | undefined
  readonly #members = new Map<string, { appliance_id: string; key: KeyObject; point: string }>()

  constructor(box: KeysBox) {
    this.#box = box
  }

  /** Opens one seal: the key is a member's own, so it opens what that member sent and nothing else. */
  openSeal({ tenant_uid, ephemeral }: v.InferOutput<typeof Seal>) {
    const member = this.#member(tenant_uid)
    if (!member) throw new Failure('refused', 'The seal is of no member of this fleet.')
    return { shared: sharedSecret(member.key, ephemeral), receiverKey: member.point }
  }

  /** A primary acknowledges what its members send, in its own name. */
  mayAcknowledge({ receiver_id, tenant_uid, appliance_id }: Words): boolean {
    const member = this.#member(tenant_uid)
    return member?.appliance_id === appliance_id && receiver_id === this.#own?.appliance_id
  }

  #member(tenantUid: string) {
    const { fleet } = this.#box
    if (this.#version !== fleet.version) {
      this.#version = fleet.version
      this.#members.clear()
      this.#own = fleet.primary() && mustBePrimary(this.#box).tenant
    }
    const known = this.#members.get(tenantUid)
    const row = known || !this.#own ? undefined : fleet.member(this.#own.tenant_id, tenantUid)
    if (!row) return known
    const { appliance_id, seal_key } = row
    const found = { appliance_id, key: keyOf(seal_key), point: receiverPoint(seal_key) }
    this.#members.set(tenantUid, found)
    return found
  }
}

/** Who may see the primary's own site sees its fleet: that is what a primary is for. */
function fleetScope(box: KeysBox, token: string) {
  const asker = resolve(box, token, false) // a stream asks at every event: no use in the sense of D25
  const { fleet, fleet_id } = mustSeeFleet(box, asker)
  const tenant_ids = box.fleet.members(fleet.tenant_id).map(({ tenant_id }) => tenant_id)
  return { tenant_ids, atoms: atomsOf(asker.user.role), fleet_id }
}

export function mustSeeFleet(box: KeysBox, { scope }: Pick<Asker, 'scope'>) {
  const { fleet, tenant } = mustBePrimary(box)
  if (!scope.has(tenant.tenant_uid)) throw crossTenant()
  return { fleet, fleet_id: tenant.fleet_id }
}
