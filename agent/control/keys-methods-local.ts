/** What picket-agent, picket-guard and picket-lake may ask picket-keys: each its own few things (D2, D8). */

import { randomBytes } from 'node:crypto'
import * as v from 'valibot'
import { verbOf } from '../audit/verb.ts'
import type { Json } from '../base/canonical.ts'
import { Failure } from '../base/failure.ts'
import { newUid } from '../base/ids.ts'
import { SALT_BYTES, segmentKey } from '../keys/derive.ts'
import { openModel, sealModel } from '../keys/model.ts'
import type { Tenant } from '../tenancy/tenant.ts'
import { writingEpoch } from './keys-acts.ts'
import type { KeysBox } from './keys-box.ts'
import type { AgentCalls, GuardCalls, LakeCalls, SegmentKey } from './keys-client.ts'
import {
  announcement,
  Count,
  Epoch,
  type Handlers,
  Hex64,
  None,
  parse,
  Uid,
} from './keys-params.ts'

const OfTenant = v.object({ tenant_uid: Uid })
/** base64 of at most 24 MiB. */
const Model = v.pipe(v.string(), v.maxLength(32 << 20), v.base64())
const Announcement = v.object({ ...announcement, tenant_uid: v.optional(Uid) })

export function agentMethods(box: KeysBox): Handlers<AgentCalls> {
  return {
    tenants: (params) => tenants(box, params),
    publicKeys: (params) => publicKeys(box, params),
    openSegment: (params) => newSegment(box, 'journal', params),
    openRing: (params) => newSegment(box, 'ring', params),
    acknowledged: (params) => {
      const shape = v.object({ tenant_uid: Uid, segment_uid: Uid, frames: Count })
      const { tenant_uid, segment_uid, frames } = parse(shape, params)
      mustFind(box, tenant_uid)
      box.ring.acknowledged.note(tenant_uid, segment_uid, frames)
      return { frames }
    },
    sealModel: (params) => {
      const { tenant_uid, plain } = parse(v.object({ tenant_uid: Uid, plain: Model }), params)
      mustFind(box, tenant_uid)
      return { sealed: sealModel(box.ring, tenant_uid, writingEpoch(box, tenant_uid), plain) }
    },
    openModel: (params) => {
      const { tenant_uid, sealed } = parse(v.object({ tenant_uid: Uid, sealed: Model }), params)
      mustFind(box, tenant_uid)
      return { plain: openModel(box.ring, tenant_uid, sealed) }
    },
  }
}

/** The subkey of a segment that nobody has yet: all that a writer ever holds (D8). */
function newSegment(box: KeysBox, layer: 'journal' | 'ring', params: unknown): SegmentKey {
  const { tenant_uid } = parse(OfTenant, params)
  const { appliance_id } = mustFind(box, tenant_uid)
  const epoch = writingEpoch(box, tenant_uid)
  const salt = randomBytes(SALT_BYTES)
  const key = segmentKey(box.ring.layer(tenant_uid, epoch, layer), salt).toString('base64')
  return { segment_uid: newUid(), appliance_id, epoch, salt: salt.toString('hex'), key }
}

export function guardMethods(box: KeysBox): Handlers<GuardCalls> {
  return {
    publicKeys: (params) => publicKeys(box, params),
    audit: (params) => announce(box, 'guard', params),
  }
}

export function lakeMethods(box: KeysBox): Handlers<LakeCalls> {
  const { ring, clock, signer } = box
  return {
    tenants: (params) => tenants(box, params),
    publicKeys: (params) => publicKeys(box, params),
    audit: (params) => announce(box, 'lake', params),
    readSegment: (params) => {
      const shape = v.object({ tenant_uid: Uid, epoch: Epoch, salt: Hex64 })
      const { tenant_uid, epoch, salt } = parse(shape, params)
      mustFind(box, tenant_uid)
      const layer = ring.layer(tenant_uid, epoch, 'journal')
      return { key: segmentKey(layer, Buffer.from(salt, 'hex')).toString('base64') }
    },
    acknowledged: (params) => {
      const { tenant_uid, segment_uid } = parse(v.object({ tenant_uid: Uid, segment_uid: Uid }), params) // biome-ignore format: one line
      mustFind(box, tenant_uid)
      return { frames: ring.acknowledged.of(tenant_uid, segment_uid) }
    },
    parquetKey: (params) => {
      const shape = v.object({ tenant_uid: Uid, epoch: v.optional(Epoch) })
      const { tenant_uid, epoch = 0 } = parse(shape, params)
      mustFind(box, tenant_uid)
      const chosen = epoch || writingEpoch(box, tenant_uid)
      return { epoch: chosen, key: ring.layer(tenant_uid, chosen, 'parquet').toString('base64') }
    },
    catalogKey: (params) => {
      const { tenant_uid } = parse(OfTenant, params)
      const { tenant_id } = mustFind(box, tenant_uid)
      const epoch = box.accounts.storeEpoch(tenant_id, 'catalog', () =>
        writingEpoch(box, tenant_uid),
      )
      return { epoch, key: ring.layer(tenant_uid, epoch, 'catalog').toString('base64') }
    },
    reserveModules: (params) => {
      const shape = v.object({
        tenant_uid: Uid,
        epoch: Epoch,
        count: Count,
        bytes: v.optional(Count, 0),
      })
      const { tenant_uid, epoch, count, bytes } = parse(shape, params)
      mustFind(box, tenant_uid)
      const writable = ring.isWritable(tenant_uid, epoch, clock.nowUs())
      if (!writable || !ring.usage.reserve(tenant_uid, epoch, { count, bytes }))
        throw new Failure(
          'conflict',
          `Key epoch ${epoch} takes no more: write with the present epoch.`,
        )
      return { reserved: count }
    },
    sign: (params) => {
      const shape = v.object({ type: v.literal('catalog'), body: v.unknown() })
      const { type, body } = parse(shape, params)
      return signer.sign(type, body as Json)
    },
    anchorCatalog: (params) => {
      const shape = v.object({
        tenant_uid: Uid,
        generation: Count,
        head: v.union([v.literal(''), Hex64]),
      })
      const { tenant_uid, ...anchor } = parse(shape, params)
      mustFind(box, tenant_uid)
      ring.anchors.raise(tenant_uid, anchor)
      return { kept: anchor.generation }
    },
  }
}

export function tenants({ accounts }: KeysBox, params: unknown): { tenants: Tenant[] } {
  parse(None, params)
  return { tenants: accounts.tenants() }
}

function publicKeys({ signer }: KeysBox, params: unknown) {
  parse(None, params)
  return { keys: [...signer.records] }
}

/** Keys are for tenants that have a row; orphans of an interrupted init are nobody's. */
export function mustFind({ accounts }: KeysBox, tenantUid: string): Tenant {
  const tenant = accounts.tenants().find(({ tenant_uid }) => tenant_uid === tenantUid)
  if (!tenant) throw new Failure('refused', 'There are no keys for that tenant on this box.')
  return tenant
}

/** A process tells what it did: only its own verbs, under its own name. */
export function announce(
  box: KeysBox,
  process: 'guard' | 'lake' | 'link',
  params: unknown,
): { seq: number } {
  const request = parse(Announcement, params)
  const { verb, subject, text, count, tenant_id, tenant_uid, outcome = 'intent' } = request
  if (!verbOf(verb)?.by?.includes(process))
    throw new Failure('refused', `picket-${process} does not announce ${verb}.`)
  const named = tenant_id ?? tenant_uid
  const tenant = box.accounts
    .tenants()
    .find((each) => named === (tenant_id === undefined ? each.tenant_uid : each.tenant_id))
  if (named !== undefined && !tenant)
    throw new Failure('refused', 'There is no such tenant on this box.')
  const { seq } = box.trail.write({
    actor: `process:${process}`,
    tenant,
    verb,
    subject,
    text,
    count,
    outcome,
  })
  return { seq }
}
