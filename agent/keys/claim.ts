/**
 * What both ends of a join compute from the code (D21). The code never travels; each end proves that it knows it,
 * over this very TLS connection (its exporter) and over the keys of both, so nobody stands in between.
 */
import { createHmac, scrypt, timingSafeEqual } from 'node:crypto'
import { canonical } from '../base/canonical.ts'
import { Failure } from '../base/failure.ts'
import { readTypedCode } from '../base/typed-code.ts'

const SALT = 'picket/v1/claim'
const SCRYPT = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 << 20 }
/** The label of the TLS exporter, and its length. */
export const EXPORTER_LABEL = 'EXPORTER-picket-claim'
export const EXPORTER_BYTES = 32

export { newTypedCode as newCode } from '../base/typed-code.ts'

/** As typed by people. */
export function readCode(typed: string): string {
  const code = readTypedCode(typed)
  if (code === undefined)
    throw new Failure('invalid', 'A claim code has 12 letters and digits, such as 7QK2-M0XV-9RTD.')
  return code
}

/** What both ends know of the code: 32 bytes, slow to make. */
export function claimKey(code: string): Promise<Buffer> {
  return new Promise((done, fail) =>
    scrypt(readCode(code), SALT, 32, SCRYPT, (error, key) => (error ? fail(error) : done(key))),
  )
}

/** base64. `words` are joined as canonical JSON, so that no two lists look alike. */
export function proveClaim(key: Buffer, side: 'branch' | 'primary', words: string[]): string {
  return hmac(key, [side, ...words]).toString('base64')
}

export function claimFits(
  mac: string,
  key: Buffer,
  side: 'branch' | 'primary',
  words: string[],
): boolean {
  const given = Buffer.from(mac, 'base64')
  const right = hmac(key, [side, ...words])
  return given.length === right.length && timingSafeEqual(given, right)
}

/** Six digits for two pairs of eyes. */
export function claimDigits(key: Buffer, words: string[]): string {
  const number = hmac(key, ['digits', ...words]).readUIntBE(0, 6) % 1_000_000
  return String(number).padStart(6, '0')
}

function hmac(key: Buffer, words: string[]): Buffer {
  return createHmac('sha256', key)
    .update(canonical(['picket/v1/claim', ...words]))
    .digest()
}
