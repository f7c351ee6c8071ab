/** Reading the small signed statements beside the summaries: what comes over the wire, and whose key may speak. */
import { createPublicKey } from 'node:crypto'
import { type KnownKey, keyId } from '../base/signing.ts'
import { keyOf } from '../summary/verify.ts'
import { PAYLOAD_BYTES_MAX } from './limits.ts'

/** JSON out of bytes from anywhere; nothing when it is none. Its shape is for the verifier to judge. */
export function readJson(bytes: Buffer): unknown {
  if (bytes.length > PAYLOAD_BYTES_MAX) return undefined
  try {
    return JSON.parse(bytes.toString())
  } catch {
    return undefined
  }
}

/** The one key that may speak for `owner`, out of its SPKI (base64). */
export function keyOfSpki(spki: string, owner: string): Map<string, KnownKey> {
  const key = createPublicKey({ key: Buffer.from(spki, 'base64'), format: 'der', type: 'spki' })
  return keyOf({ spki, key_id: keyId(key), owner })
}
