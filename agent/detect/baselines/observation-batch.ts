/**
 * Observations on their way from a shard to the baselines: numbers side by side in one piece of memory, and the few texts beside it. As
 * objects they would be made, copied field by field and thrown away on both threads. `observation-reader.ts` is the other end.
 */
import { type AppProto, TRANSACTION_PROTOS } from '../../decode/records.ts'
import type { FlowClosed, Observation, OtWrite } from './observation.ts'

/** Of one batch: 295 KB. */
export const OBSERVATIONS_MAX = 4096

/** Where the parts of one observation are: words, of which the last eight are four numbers of 64 bits. */
export const AT = {
  /** Which kind, what is true of it, and the port. */
  head: 0,
  more: 1,
  client: 2,
  server: 6,
  words: 18,
  timeUs: 5,
  bytes: 6,
  packets: 7,
  durationMs: 8,
  numbers: 9,
} as const

/** What may be true of one. `so`: it began with a SYN, or was established. `turned`: the server of the flow is who asked. */
export const FLAG = { udp: 1 << 8, so: 1 << 9, turned: 1 << 10 } as const

export const KINDS = [
  'flow-new',
  'flow-established',
  'flow-refused',
  'flow-closed',
  'ssh-attempt',
  'modbus-write',
  'ot-write',
  'dns-query',
] as const satisfies readonly Observation['what'][]
const [NEW, ESTABLISHED, REFUSED, CLOSED, SSH, MODBUS, OT, DNS] = KINDS.map((_, code) => code) as [number, number, number, number, number, number, number, number] // biome-ignore format: one list

export const PROTOS: readonly AppProto[] = ['unknown', 'failed', ...TRANSACTION_PROTOS]
const PROTO_CODES = new Map(PROTOS.map((proto, code) => [proto, code]))
const UDP_PROTOCOL = 17

/** Whose flow it is: of the flow table. */
export interface FlowEnds {
  readonly client: Uint32Array
  readonly server: Uint32Array
  readonly serverPort: Uint16Array
  readonly protocol: Uint8Array
}

/** What a batch holds. Plain data: it crosses threads. */
export interface Observations {
  readonly count: number
  readonly words: Uint32Array<ArrayBuffer>
  /** In the same memory. */
  readonly numbers: Float64Array<ArrayBuffer>
  readonly texts: readonly string[]
}

export class ObservationBatch implements Observations {
  count = 0
  texts: string[] = []
  readonly words: Uint32Array<ArrayBuffer>
  readonly numbers: Float64Array<ArrayBuffer>
  readonly #max: number
  readonly #full: (batch: ObservationBatch) => void

  /** Who is told that it is full empties it, so that there is always room for one. */
  constructor(full: (batch: ObservationBatch) => void, max: number = OBSERVATIONS_MAX) {
    this.#max = max
    this.#full = full
    const memory = new ArrayBuffer(max * AT.words * 4)
    this.words = new Uint32Array(memory)
    this.numbers = new Float64Array(memory)
  }

  flowNew(ends: FlowEnds, flow: number, timeUs: number, syn: boolean): void {
    this.#add(ends, flow, timeUs, NEW | (syn ? FLAG.so : 0))
  }

  flowEstablished(ends: FlowEnds, flow: number, timeUs: number): void {
    this.#add(ends, flow, timeUs, ESTABLISHED)
  }

  flowRefused(ends: FlowEnds, flow: number, timeUs: number): void {
    this.#add(ends, flow, timeUs, REFUSED)
  }

  flowClosed(ends: FlowEnds, flow: number, closed: Omit<FlowClosed, OfFlow>): void {
    const at = this.count * AT.numbers
    this.numbers[at + AT.bytes] = closed.bytes
    this.numbers[at + AT.packets] = closed.packets
    this.numbers[at + AT.durationMs] = closed.durationMs
    const proto = PROTO_CODES.get(closed.app_proto) as number
    this.#add(ends, flow, closed.timeUs, CLOSED | (closed.established ? FLAG.so : 0), proto)
  }

  sshAttempt(ends: FlowEnds, flow: number, timeUs: number): void {
    this.#add(ends, flow, timeUs, SSH)
  }

  modbusWrite(
    ends: FlowEnds,
    flow: number,
    timeUs: number,
    write: { function: number; unit: number },
  ): void {
    // biome-ignore format: one line
    this.#add(ends, flow, timeUs, MODBUS, write.function | (write.unit << 8))
  }

  /** `toServer`: the client of the flow asked the server. */
  otWrite(
    ends: FlowEnds,
    flow: number,
    write: Omit<OtWrite, OfFlow | 'station'> & { toServer: boolean },
  ): void {
    const { timeUs, protocol, operation, attackIds, toServer } = write
    this.texts.push(protocol, operation, ...attackIds)
    this.#add(ends, flow, timeUs, OT | (toServer ? 0 : FLAG.turned), attackIds.length)
  }

  dnsQuery(ends: FlowEnds, flow: number, timeUs: number, name: string): void {
    this.texts.push(name)
    this.#add(ends, flow, timeUs, DNS)
  }

  /** For another thread, which is handed the memory. */
  take(): Observations {
    const { count, texts } = this
    const words = this.words.slice(0, count * AT.words)
    this.clear()
    return { count, words, numbers: new Float64Array(words.buffer), texts }
  }

  clear(): void {
    this.count = 0
    this.texts = []
  }

  #add(ends: FlowEnds, flow: number, timeUs: number, head: number, more = 0): void {
    const words = this.words
    const at = this.count * AT.words
    const udp = ends.protocol[flow] === UDP_PROTOCOL ? FLAG.udp : 0
    words[at + AT.head] = head | udp | ((ends.serverPort[flow] as number) << 16)
    words[at + AT.more] = more
    for (let i = 0; i < 4; i++) {
      words[at + AT.client + i] = ends.client[flow * 4 + i] as number
      words[at + AT.server + i] = ends.server[flow * 4 + i] as number
    }
    this.numbers[this.count * AT.numbers + AT.timeUs] = timeUs
    if (++this.count === this.#max) this.#full(this)
  }
}

/** What the table knows of a flow by itself. */
type OfFlow = 'what' | 'src' | 'dest' | 'port' | 'proto'
