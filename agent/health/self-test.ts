/**
 * The hourly self-test (E7): an attack frame is made with a secret of this run, goes through the real path
 * from decode to journal, and must come back as the finding it is. A frame on the wire that copies the
 * form without the secret is a finding like any other (somebody plays with us).
 */
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { span } from './sentence.ts'
import type { SelfTestStatus } from './status.ts'

/** What the shipped self-test rule looks for; the secret follows it. */
export const SELF_TEST_PREFIX = 'PICKET-SELF-TEST-'
export const SELF_TEST_SID = 1_000_000
const WAIT_MS_MAX = 5_000
const SECRET_BYTES = 16

/** Documentation addresses (RFC 5737): no host of anybody. */
const SOURCE = [192, 0, 2, 66]
const DEST = [198, 51, 100, 66]

/** An Ethernet frame: UDP to the discard port, its payload the tag. */
export function selfTestFrame(secret: string): Uint8Array {
  const payload = Buffer.from(SELF_TEST_PREFIX + secret, 'latin1')
  const frame = Buffer.alloc(14 + 20 + 8 + payload.length)
  frame.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00])
  frame.set([0x45, 0], 14)
  frame.writeUInt16BE(28 + payload.length, 16)
  frame.set([0, 1, 0, 0, 64, 17], 18)
  frame.set([...SOURCE, ...DEST], 26)
  frame.writeUInt16BE(ipChecksum(frame, 14), 24)
  frame.writeUInt16BE(40_000, 34)
  frame.writeUInt16BE(9, 36)
  frame.writeUInt16BE(8 + payload.length, 38)
  payload.copy(frame, 42)
  return frame
}

function ipChecksum(frame: Buffer, at: number): number {
  let sum = 0
  for (let i = 0; i < 20; i += 2) if (i !== 10) sum += frame.readUInt16BE(at + i)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

/** Whether the payload carries exactly this run's secret; constant time. */
export function carriesSecret(payload: Uint8Array, secret: string): boolean {
  const wanted = Buffer.from(SELF_TEST_PREFIX + secret, 'latin1')
  return payload.length === wanted.length && timingSafeEqual(payload, wanted)
}

export class SelfTest {
  readonly secret = randomBytes(SECRET_BYTES).toString('hex')
  #sentAtMs: number | undefined
  #status: SelfTestStatus = { sentence: 'self-test not run yet' }

  /** Called when the frame is handed to the path; `nowMs` is steady. */
  sent(nowMs: number): void {
    this.#sentAtMs = nowMs
  }

  /** Called when a self-test hit with the right secret comes back. */
  found(nowMs: number, wallUs: number): void {
    if (this.#sentAtMs === undefined) return
    const foundAfterMs = Math.round(nowMs - this.#sentAtMs)
    this.#sentAtMs = undefined
    const sentence = `self-test attack found in ${foundAfterMs < 1000 ? `${Math.round(foundAfterMs)} ms` : `${(foundAfterMs / 1000).toFixed(1)} s`}`
    this.#status = { lastAt: wallUs, ok: true, foundAfterMs, sentence }
  }

  /** Called each second: a frame that is not found in time is a failure. */
  tick(nowMs: number, wallUs: number): void {
    if (this.#sentAtMs === undefined || nowMs - this.#sentAtMs < WAIT_MS_MAX) return
    this.#sentAtMs = undefined
    const sentence = `self-test attack not found within ${span(WAIT_MS_MAX / 1000)}`
    this.#status = { lastAt: wallUs, ok: false, sentence }
  }

  get status(): SelfTestStatus {
    return this.#status
  }
}
