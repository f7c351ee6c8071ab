/**
 * What a box has learned, sealed under the layer key `model` (D5): `epoch (4 bytes, big endian) | sealed`. The epoch
 * and the tenant stand in the AAD, so a file of another tenant or another epoch does not open.
 */
import { Failure } from '../base/failure.ts'
import type { Keyring } from './keyring.ts'
import { aad, seal, unseal } from './seal.ts'

const EPOCH_BYTES = 4

export function sealModel(ring: Keyring, uid: string, epoch: number, plainBase64: string): string {
  const head = Buffer.alloc(EPOCH_BYTES)
  head.writeUInt32BE(epoch)
  const plain = Buffer.from(plainBase64, 'base64')
  return Buffer.concat([
    head,
    seal(ring.layer(uid, epoch, 'model'), plain, aadOf(uid, epoch)),
  ]).toString('base64')
}

export function openModel(ring: Keyring, uid: string, sealedBase64: string): string {
  const sealed = Buffer.from(sealedBase64, 'base64')
  const epoch = sealed.length >= EPOCH_BYTES ? sealed.readUInt32BE(0) : 0
  const key = ring.layer(uid, epoch, 'model') // refuses an epoch that is not there
  const plain = unseal(key, sealed.subarray(EPOCH_BYTES), aadOf(uid, epoch))
  if (!plain)
    throw new Failure(
      'refused',
      'What was learned does not open: it was changed or is not of this tenant.',
    )
  return plain.toString('base64')
}

function aadOf(uid: string, epoch: number): Buffer {
  return aad('model', 1, uid, epoch)
}
