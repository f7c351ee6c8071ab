/**
 * Cursors of lists: where a page ended, encrypted and bound to login, list and scope, so that one made by hand or
 * taken from another login opens nothing, and none tells where in the whole a page ended. The key is derived from
 * the session's token: this process holds no key of its own, and nothing needs to be stored.
 */
import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto'
import { Failure } from '../../agent/base/failure.ts'
import type { Asker, Position } from '../base/ports.ts'

const NONCE_BYTES = 12
const TAG_BYTES = 16

export function sealPosition(asker: Asker, list: string, position: Position): string {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', keyOf(asker), nonce)
  cipher.setAAD(boundTo(asker, list))
  const body = cipher.update(JSON.stringify([position.at, position.id]))
  cipher.final()
  return Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64url')
}

export function openPosition(asker: Asker, list: string, cursor: string): Position {
  const bytes = Buffer.from(cursor, 'base64url')
  const body = NONCE_BYTES + TAG_BYTES
  try {
    const nonce = bytes.subarray(0, NONCE_BYTES)
    const opener = createDecipheriv('aes-256-gcm', keyOf(asker), nonce, {
      authTagLength: TAG_BYTES,
    })
    opener.setAAD(boundTo(asker, list))
    opener.setAuthTag(bytes.subarray(NONCE_BYTES, body))
    const plain = Buffer.concat([opener.update(bytes.subarray(body)), opener.final()])
    const [at, id] = JSON.parse(plain.toString()) as [number, string]
    return { at, id }
  } catch {
    throw new Failure(
      'invalid',
      'This place in the list belongs to another login, scope or list. Start again at its first page.',
    )
  }
}

function keyOf({ token }: Asker): Buffer {
  return createHmac('sha256', `picket cursor ${token}`).digest()
}

function boundTo({ scope }: Asker, list: string): Buffer {
  return Buffer.from(JSON.stringify([list, [...scope].sort()]))
}
