import { randomBytes, randomFillSync } from 'node:crypto'

/** Slug of a tenant or fleet (D23): a label, immutable, never what keys or paths bind. */
export const SLUG = /^[a-z][a-z0-9-]{1,30}$/

/** A random 128-bit id as 32 hex digits: tenant_uid, appliance_uid, segment and file uids (D23). */
export const UID = /^[0-9a-f]{32}$/

/** Any UUID as text (RFC 9562 §4), lower case. */
export const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

export function newUid(): string {
  return randomBytes(16).toString('hex')
}

let lastMs = 0
let counter = 0

/** Random bits of many ids at once: a call for each would take longer than all else that a row needs. */
const RANDOM_BYTES = 8
const random = Buffer.alloc(512 * RANDOM_BYTES)
let randomAt = random.length

/**
 * UUID version 7 (RFC 9562 §5.7): 48 bits of milliseconds, 12 bits of counter within the
 * millisecond, 62 random bits. Ids made by one process sort in the order they were made.
 */
export function uuidV7(nowMs = Date.now()): string {
  if (nowMs > lastMs) {
    lastMs = nowMs
    counter = 0
  } else if (++counter > 0xfff) {
    lastMs++ // borrow from the next millisecond rather than repeat
    counter = 0
  }
  if (randomAt === random.length) {
    randomFillSync(random)
    randomAt = 0
  }
  const bytes = Buffer.allocUnsafe(16)
  randomAt += random.copy(bytes, 16 - RANDOM_BYTES, randomAt, randomAt + RANDOM_BYTES)
  bytes.writeUIntBE(lastMs, 0, 6)
  bytes.writeUInt16BE(0x7000 | counter, 6)
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
