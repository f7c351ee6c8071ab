/** What the lake needs of picket-keys: it never holds a root, a KEK, a DEK or a signing key. */
import type { Json } from '../base/canonical.ts'
import type { Envelope, KnownKey } from '../base/signing.ts'
import type { Tenant } from '../tenancy/tenant.ts'

export interface LakeKeys {
  tenants(): Promise<Tenant[]>
  /** The subkey of one journal segment, from the salt in its header. */
  readSegment(segment: { tenant_uid: string; epoch: number; salt: Buffer }): Promise<Buffer>
  /** How many frames of an open segment were acknowledged, as far as picket-keys knows; else 0. */
  acknowledged(segment: { tenant_uid: string; segment_uid: string }): Promise<number>
  /** Without `epoch`: the one to write with. */
  parquetKey(of: { tenant_uid: string; epoch?: number }): Promise<{ epoch: number; key: Buffer }>
  catalogKey(of: { tenant_uid: string }): Promise<Buffer>
  /** Counts uses of a key ahead, on disk (D6). A `conflict` says: that epoch is used up. */
  reserveModules(of: { tenant_uid: string; epoch: number; count: number; bytes: number }): Promise<void> // biome-ignore format: one line
  sign(body: Json): Promise<Envelope>
  /** Keeps the generation that is on disk, outside the lake. `refused` when a later one was kept (D12). */
  anchorCatalog(of: { tenant_uid: string; generation: number; head: string }): Promise<void>
  /** Public keys that may sign catalog heads. */
  publicKeys(): Promise<ReadonlyMap<string, KnownKey>>
}
