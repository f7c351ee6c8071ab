/** The lake's side of picket-keys with real cryptography and keys in memory. */
import { createPrivateKey, createPublicKey, hkdfSync, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Json } from '../../agent/base/canonical.ts'
import type { Disk } from '../../agent/base/disk.ts'
import { newUid } from '../../agent/base/ids.ts'
import { type KnownKey, keyId, signJson } from '../../agent/base/signing.ts'
import { Acknowledged } from '../../agent/keys/acknowledged.ts'
import { Anchors } from '../../agent/keys/anchors.ts'
import type { LakeKeys } from '../../agent/lake/keys.ts'
import type { SegmentKey } from '../../agent/lake/segment.ts'
import type { Tenant } from '../../agent/tenancy/tenant.ts'

export interface OwnKeys extends LakeKeys {
  noteAcknowledged(tenant_uid: string, at: { segment_uid: string; frames: number }): void
  openSegment(tenant_uid: string): SegmentKey
  keyFor(tenant_uid: string, epoch: number): Buffer
  /** Rows from now on are written under a new epoch. */
  rotate(): void
  reserved: number
}

/** RFC 8410: what stands before the 32 bytes of an Ed25519 private key. */
const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex')

/** `seed` makes the same keys again in another process; what must outlive one stands in `data`. */
export function ownKeys(tenants: Tenant[], data: string, seed: Buffer, disk?: Disk): OwnKeys {
  const derive = (info: string, salt: Buffer = Buffer.alloc(0)) =>
    Buffer.from(hkdfSync('sha256', seed, salt, info, 32))
  const der = Buffer.concat([PKCS8_ED25519, derive('signing')])
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  const publicKey = createPublicKey(privateKey)
  const known: KnownKey = { key: publicKey, owner: 'test', types: ['catalog'] }
  let epoch = 1
  const anchors = new Anchors(join(data, 'anchors'), disk)
  const acknowledged = new Acknowledged()
  const keys: OwnKeys = {
    reserved: 0,
    rotate: () => void epoch++,
    tenants: async () => tenants,
    openSegment: (tenant_uid) => {
      const salt = randomBytes(32)
      const key = derive(`journal ${tenant_uid} ${epoch}`, salt)
      return { segment_uid: newUid(), epoch, salt, key }
    },
    readSegment: async (of) => derive(`journal ${of.tenant_uid} ${of.epoch}`, of.salt),
    noteAcknowledged: (tenant_uid, { segment_uid, frames }) =>
      acknowledged.note(tenant_uid, segment_uid, frames),
    acknowledged: async ({ tenant_uid, segment_uid }) => acknowledged.of(tenant_uid, segment_uid),
    keyFor: (tenant_uid, of) => derive(`parquet ${tenant_uid} ${of}`),
    parquetKey: async (of) => {
      const wanted = of.epoch ?? epoch
      return { epoch: wanted, key: keys.keyFor(of.tenant_uid, wanted) }
    },
    catalogKey: async ({ tenant_uid }) => derive(`catalog ${tenant_uid}`),
    reserveModules: async ({ count }) => {
      keys.reserved += count
    },
    anchorCatalog: async ({ tenant_uid, ...anchor }) => anchors.raise(tenant_uid, anchor),
    sign: async (body: Json) => signJson(privateKey, 'catalog', body),
    publicKeys: async () => new Map([[keyId(publicKey), known]]),
  }
  return keys
}

export function tenant(tenant_id: string): Tenant {
  return {
    tenant_id,
    tenant_uid: newUid(),
    fleet_id: tenant_id,
    appliance_id: newUid(),
    created: 0,
  }
}
