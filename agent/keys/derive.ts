/**
 * Subkeys of a DEK (D5). One key a layer and purpose, so that bytes of one layer can never be replayed
 * as another's. A place that is not in LAYERS cannot be opened for writing: the list of a shred receipt
 * is generated from it.
 */
import { hkdfSync } from 'node:crypto'

export const LAYERS = [
  'journal',
  'parquet',
  'catalog',
  'state', // tenant.db: cases, the text behind audit digests
  'graph',
  'ring', // raw packets
  'model', // baselines, assets, rule state
  'queue', // outbox, notifications, dead letters
  'export',
  'cache',
  'backup',
] as const
export type Layer = (typeof LAYERS)[number]

export const KEY_BYTES = 32
export const SALT_BYTES = 32
const PURPOSE = /^[a-z][a-z0-9-]{0,30}$/

/** `HKDF-SHA256(DEK, salt = tenant_uid as 16 bytes, info = "picket/v1/<layer>/<purpose>")`. */
export function layerKey(dek: Buffer, tenantUid: string, layer: Layer, purpose = 'main'): Buffer {
  if (!LAYERS.includes(layer) || !PURPOSE.test(purpose))
    throw new Error(`no such layer: ${layer}/${purpose}`)
  return expand(dek, Buffer.from(tenantUid, 'hex'), `picket/v1/${layer}/${purpose}`)
}

/**
 * The key of one journal or ring segment (D6): the salt is 32 random bytes in its header, the nonce is
 * the frame's counter. A restart makes a new segment, so no (key, nonce) pair can come twice.
 */
export function segmentKey(layer: Buffer, salt: Buffer): Buffer {
  if (salt.length !== SALT_BYTES) throw new Error(`a segment salt has ${SALT_BYTES} bytes`)
  return expand(layer, salt, 'picket/v1/segment')
}

/**
 * Tells whether an unwrapped key is the one that was wrapped (a custodian may lie or answer for another
 * tenant). Bound to the owner: equal keys of two owners give different values, so it is no oracle.
 */
export function checkValue(key: Buffer, owner: string): string {
  return expand(key, Buffer.from(owner), 'picket/v1/check').toString('hex', 0, 16)
}

function expand(key: Buffer, salt: Buffer, info: string): Buffer {
  if (key.length !== KEY_BYTES) throw new Error(`a key has ${KEY_BYTES} bytes`)
  return Buffer.from(hkdfSync('sha256', key, salt, info, KEY_BYTES))
}
