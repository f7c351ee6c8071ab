/** S7comm on one flow: PDUs out of ISO transport data, which may come in several packets. */
import type { Fault } from '../base/fault.ts'
import type { IcsSpan } from '../decode/ics.ts'
import type { IcsMessage } from '../decode/records.ts'
import { COTP, cotpMessage, decodeCotp, decodeS7, TPKT_BYTES_MAX, tpktBytes } from '../decode/s7.ts'
import { KeptBytes } from './app-bytes.ts'
import type { IcsFrames } from './app-ics.ts'

const PDU_BYTES_MAX = 65_536

export class S7Frames implements IcsFrames {
  readonly proto = 's7'
  readonly frameBytesMax = TPKT_BYTES_MAX
  readonly #begun = [new KeptBytes(PDU_BYTES_MAX), new KeptBytes(PDU_BYTES_MAX)] as const
  readonly size = tpktBytes

  get held(): number {
    return this.#begun[0].held + this.#begun[1].held
  }

  frame(bytes: Buffer, { start, end, toServer }: IcsSpan): IcsMessage | Fault | undefined {
    const cotp = decodeCotp(bytes, start, end)
    if (typeof cotp === 'string') return cotp
    if (cotp.type !== COTP.data) return cotpMessage(cotp, toServer)
    const begun = this.#begun[toServer ? 0 : 1]
    if (!cotp.last) {
      begun.append(bytes.subarray(cotp.at, end))
      if (begun.dropped === 0) return undefined
      begun.dropped = 0
      begun.clear()
      return 'body-too-long'
    }
    if (begun.length === 0)
      return cotp.at === end ? undefined : decodeS7(bytes, { start: cotp.at, end, toServer })
    const whole = Buffer.concat([begun.view(), bytes.subarray(cotp.at, end)])
    begun.clear()
    return decodeS7(whole, { start: 0, end: whole.length, toServer })
  }

  /** A packet has no mark of its own. */
  resume(bytes: Buffer): number {
    return bytes.length
  }

  lost(toServer: boolean): void {
    this.#begun[toServer ? 0 : 1].clear()
  }
}
