/** AES-256-GCM for wrapped keys: `nonce (12 random bytes) | ciphertext | tag (16)`; what it is for stands in the AAD (D7). */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { KEY_BYTES } from './derive.ts'

const NONCE_BYTES = 12
const TAG_BYTES = 16

export function seal(key: Buffer, plain: Buffer, aad: Buffer): Buffer {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  cipher.setAAD(aad)
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

/** The plain bytes, or nothing when key, bytes or AAD are not what they were. */
export function unseal(key: Buffer, sealed: Buffer, aad: Buffer): Buffer | undefined {
  if (sealed.length < NONCE_BYTES + TAG_BYTES || key.length !== KEY_BYTES) return undefined
  const cut = sealed.length - TAG_BYTES
  const cipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  })
  cipher.setAAD(aad)
  cipher.setAuthTag(sealed.subarray(cut))
  const plain = cipher.update(sealed.subarray(NONCE_BYTES, cut))
  try {
    cipher.final()
    return plain
  } catch {
    plain.fill(0)
    return undefined
  }
}

/** AADs are words of fixed grammar (uids, numbers) joined by a mark that none of them can hold. */
export function aad(...words: (string | number)[]): Buffer {
  return Buffer.from(words.join('|'))
}
