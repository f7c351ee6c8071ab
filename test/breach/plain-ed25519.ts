/** Ed25519 (RFC 8032) checked by its equation alone, which looks at no point: an engine as some are. For tests, and slow. */
import { createHash } from 'node:crypto'

const P = (1n << 255n) - 19n
const ORDER = (1n << 252n) + 27742317777372353535851937790883648493n
const D = mod(-121665n * power(121666n, P - 2n))
const ROOT = power(2n, (P - 1n) / 4n)
type Point = readonly [x: bigint, y: bigint]
const NEUTRAL: Point = [0n, 1n]
const BASE = decoded(Buffer.from(`58${'66'.repeat(31)}`, 'hex'))

/** S·B = R + h·A. */
export function fits(key: Buffer, bytes: Buffer, signature: Buffer): boolean {
  const r = signature.subarray(0, 32)
  const hash = createHash('sha512').update(r).update(key).update(bytes).digest()
  const right = sum(decoded(r), times(number(hash) % ORDER, decoded(key)))
  const left = times(number(signature.subarray(32)), BASE)
  return left[0] === right[0] && left[1] === right[1]
}

function sum([a, b]: Point, [c, d]: Point): Point {
  const k = mod(D * mod(a * c) * mod(b * d))
  const x = mod((a * d + b * c) * power(mod(1n + k), P - 2n))
  return [x, mod((b * d + a * c) * power(mod(1n - k), P - 2n))]
}

function times(count: bigint, point: Point): Point {
  let total = NEUTRAL
  let each = point
  for (let left = count; left > 0n; left >>= 1n) {
    if (left & 1n) total = sum(total, each)
    each = sum(each, each)
  }
  return total
}

function decoded(bytes: Buffer): Point {
  const all = number(bytes)
  const [y, sign] = [mod(all & ((1n << 255n) - 1n)), all >> 255n]
  const square = mod((y * y - 1n) * power(mod(D * y * y + 1n), P - 2n))
  const root = power(square, (P + 3n) / 8n)
  const x = mod(root * root) === square ? root : mod(root * ROOT)
  return [(x & 1n) === sign ? x : mod(-x), y]
}

function number(bytes: Buffer): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`)
}

function mod(value: bigint): bigint {
  const rest = value % P
  return rest < 0n ? rest + P : rest
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  let each = base % P
  for (let left = exponent; left > 0n; left >>= 1n) {
    if (left & 1n) result = (result * each) % P
    each = (each * each) % P
  }
  return mod(result)
}
