/**
 * Cursors of lists: where a page ended, authenticated and bound to login, list and scope, so that one
 * made by hand or taken from another login opens nothing. The key is derived from the session's token:
 * this process holds no key of its own, and nothing needs to be stored.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { Failure } from '../../agent/base/failure.ts'
import type { Asker, Position } from '../base/ports.ts'

const MAC_BYTES = 16

export function sealPosition(asker: Asker, list: string, position: Position): string {
  const body = Buffer.from(JSON.stringify([position.at, position.id]))
  return Buffer.concat([mac(asker, list, body), body]).toString('base64url')
}

export function openPosition(asker: Asker, list: string, cursor: string): Position {
  const bytes = Buffer.from(cursor, 'base64url')
  const body = bytes.subarray(MAC_BYTES)
  const given = bytes.subarray(0, MAC_BYTES)
  if (given.length !== MAC_BYTES || !timingSafeEqual(given, mac(asker, list, body)))
    throw new Failure(
      'invalid',
      'This place in the list belongs to another login, scope or list. Start again at its first page.',
    )
  const [at, id] = JSON.parse(body.toString()) as [number, string]
  return { at, id }
}

function mac(asker: Asker, list: string, body: Buffer): Buffer {
  return createHmac('sha256', `picket cursor ${asker.token}`)
    .update(JSON.stringify([list, [...asker.scope].sort()]))
    .update(body)
    .digest()
    .subarray(0, MAC_BYTES)
}
