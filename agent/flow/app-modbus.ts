/** Modbus/TCP on one flow: ADUs out of the stream, answers given the address their question named. */
import type { Fault } from '../base/fault.ts'
import { bareModbus, decodeAdu, modbusBytes } from '../decode/modbus.ts'
import type { ModbusMessage } from '../decode/records.ts'
import { type FrameSink, FrameSplitter, type Framing } from './app-frames.ts'
import type { AppParser, AppSink, Verdict } from './app-parser.ts'

const ADU_BYTES_MAX = 260
/** Questions waiting for an answer; the specification lets a client have 16. */
const WAITING_MAX = 16

/** Where the next ADU begins after a broken one cannot be known: the segment is given up, the next is looked at. */
const FRAMING: Framing = { size: modbusBytes, resume: (bytes) => bytes.length }

export class ModbusFlow implements AppParser, FrameSink {
  readonly proto = 'modbus'
  readonly #sink: AppSink
  readonly #split: FrameSplitter
  /** The oldest first. A map would be made anew each time its last goes. */
  readonly #waiting: ModbusMessage[] = []
  /** The flow's client is the one that answers. */
  readonly #turned: boolean

  constructor(sink: AppSink, turned = false) {
    this.#sink = sink
    this.#turned = turned
    this.#split = new FrameSplitter(FRAMING, ADU_BYTES_MAX, this)
  }

  get held(): number {
    return this.#split.held + this.#waiting.length * 512
  }

  stream(toServer: boolean, bytes: Buffer): Verdict {
    return this.span(toServer, bytes, 0, bytes.length)
  }

  span(toServer: boolean, bytes: Buffer, start: number, end: number): Verdict {
    this.#split.add(toServer !== this.#turned, bytes, start, end)
    return 'more'
  }

  gap(toServer: boolean): Verdict {
    this.#split.forget(toServer !== this.#turned)
    return 'more' // an ADU begins with its segment in practice; if not, faults will say so
  }

  ended(): void {
    this.#split.endedShort(true)
    this.#split.endedShort(false)
  }

  fault(fault: Fault): void {
    this.#sink.fault(fault)
  }

  /** One ADU. */
  frame(bytes: Buffer, start: number, end: number, toServer: boolean): void {
    const decoded = decodeAdu(bytes, start, end, toServer)
    if (typeof decoded === 'string') this.#sink.fault(decoded)
    // Fields that disagree do not take the function back: what the controller makes of it is not known here.
    const modbus =
      typeof decoded === 'string' ? bareModbus(bytes, { start, end, toServer }) : decoded
    if (toServer) this.#wait(modbus)
    else this.#answer(modbus)
    const stage = toServer ? 'request' : 'response'
    this.#sink.transaction({ proto: 'modbus', stage, modbus })
  }

  #wait(request: ModbusMessage): void {
    if (this.#waiting.length >= WAITING_MAX) this.#waiting.shift()
    const at = this.#find(request)
    if (at < 0) this.#waiting.push(request)
    else this.#waiting[at] = request
  }

  #find({ transaction }: ModbusMessage): number {
    const waiting = this.#waiting
    for (let i = 0; i < waiting.length; i++) if (waiting[i]?.transaction === transaction) return i
    return -1
  }

  #answer(response: ModbusMessage): void {
    const at = this.#find(response)
    const request = this.#waiting[at]
    if (!request || request.function !== response.function) return
    if (at === this.#waiting.length - 1) this.#waiting.pop()
    else this.#waiting.splice(at, 1)
    response.address ??= request.address
    response.quantity ??= request.quantity
    response.readAddress ??= request.readAddress
    response.readQuantity ??= request.readQuantity
  }
}
