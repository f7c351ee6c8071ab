/**
 * The key that a site seals its summaries to: X25519, one a site, kept by the primary's picket-keys (D17). Others
 * get the shared secret of one seal, never the key.
 */
import {
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto'
import { Failure } from '../base/failure.ts'

// RFC 8410: SubjectPublicKeyInfo of an X25519 point.
const SPKI_HEAD = Buffer.from('302a300506032b656e032100', 'hex')
const POINT_BYTES = 32

/** PKCS #8 of the private half. */
export function newReceiverKey(): Buffer {
  const { privateKey } = generateKeyPairSync('x25519')
  return privateKey.export({ type: 'pkcs8', format: 'der' })
}

/** base64 of the point. */
export function receiverPoint(pkcs8: Buffer): string {
  const spki = createPublicKey(keyOf(pkcs8)).export({ type: 'spki', format: 'der' })
  return spki.subarray(SPKI_HEAD.length).toString('base64')
}

/** base64 of the secret that both points share. A point of small order shares nothing, and is refused. */
export function sharedSecret(privateKey: KeyObject, point: string): string {
  const raw = Buffer.from(point, 'base64')
  try {
    if (raw.length !== POINT_BYTES) throw new Error('another length')
    const der = Buffer.concat([SPKI_HEAD, raw])
    const publicKey = createPublicKey({ key: der, format: 'der', type: 'spki' })
    const shared = diffieHellman({ privateKey, publicKey })
    if (shared.every((byte) => byte === 0)) throw new Error('small order')
    return shared.toString('base64')
  } catch (error) {
    throw new Failure('refused', 'The point of this seal proves nothing.', {}, error)
  }
}

/** Refuses a receiver's point that would make every seal readable. */
export function checkReceiverPoint(point: string): void {
  sharedSecret(generateKeyPairSync('x25519').privateKey, point)
}

export function keyOf(pkcs8: Buffer): KeyObject {
  return createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
}
