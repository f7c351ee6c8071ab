/** Modbus/TCP on one flow: ADUs out of the stream, answers given the address their question named. */
import { bareModbus, decodeModbus, modbusBytes } from '../decode/modbus.ts'
import type { ModbusMessage } from '../decode/records.ts'
import { KeptBytes } from './app-bytes.ts'
import type { AppParser, AppSink, Verdict } from './app-parser.ts'

const ADU_BYTES_MAX = 260
/** Questions waiting for an answer; the specification lets a client have 16. */
const WAITING_MAX = 16

export class ModbusFlow implements AppParser {
  readonly proto = 'modbus'
  readonly #sink: AppSink
  readonly #partial = [new KeptBytes(ADU_BYTES_MAX), new KeptBytes(ADU_BYTES_MAX)] as const
  readonly #waiting = new Map<number, ModbusMessage>()

  constructor(sink: AppSink) {
    this.#sink = sink
  }

  get held(): number {
    return this.#partial[0].held + this.#partial[1].held + this.#waiting.size * 512
  }

  stream(toServer: boolean, bytes: Buffer): Verdict {
    const kept = this.#partial[toServer ? 0 : 1]
    const whole = kept.length === 0 ? bytes : Buffer.concat([kept.view(), bytes])
    kept.clear()
    let at = 0
    while (at < whole.length) {
      const size = modbusBytes(whole, at, whole.length)
      if (typeof size === 'string') {
        // Where the next ADU begins cannot be known: give up this segment, look again at the next.
        this.#sink.fault(size)
        break
      }
      if (size === 0 || at + size > whole.length) {
        kept.append(whole.subarray(at))
        break
      }
      this.#adu(whole, { start: at, end: at + size, toServer })
      at += size
    }
    // Never done: a controller passes over what is broken and acts on what follows.
    return 'more'
  }

  gap(toServer: boolean): Verdict {
    this.#partial[toServer ? 0 : 1].clear()
    return 'more' // an ADU begins with its segment in practice; if not, faults will say so
  }

  /** What was cut short says so: a length that promises more than ever comes is one way to lie. */
  ended(): void {
    if (this.#partial[0].length > 0 || this.#partial[1].length > 0) this.#sink.fault('truncated')
  }

  #adu(bytes: Buffer, span: { start: number; end: number; toServer: boolean }): void {
    const decoded = decodeModbus(bytes, span)
    if (typeof decoded === 'string') this.#sink.fault(decoded)
    // Fields that disagree do not take the function back: what the controller makes of it is not known here.
    const modbus = typeof decoded === 'string' ? bareModbus(bytes, span) : decoded
    if (span.toServer) this.#wait(modbus)
    else this.#answer(modbus)
    const stage = span.toServer ? 'request' : 'response'
    this.#sink.transaction({ proto: 'modbus', stage, modbus })
  }

  #wait(request: ModbusMessage): void {
    if (this.#waiting.size >= WAITING_MAX)
      for (const oldest of this.#waiting.keys()) {
        this.#waiting.delete(oldest)
        break
      }
    this.#waiting.set(request.transaction, request)
  }

  #answer(response: ModbusMessage): void {
    const request = this.#waiting.get(response.transaction)
    if (!request || request.function !== response.function) return
    this.#waiting.delete(response.transaction)
    response.address ??= request.address
    response.quantity ??= request.quantity
    response.readAddress ??= request.readAddress
    response.readQuantity ??= request.readQuantity
  }
}
