/** Rules against bytes, without a capture: flows of a real table, calls as the shard makes them. */
import { decodeFrame } from '../../agent/decode/frame.ts'
import { Packet } from '../../agent/decode/packet.ts'
import type { AppProto, HttpTransaction, Transaction } from '../../agent/decode/records.ts'
import type { AlertHit } from '../../agent/detect/alert.ts'
import { SignatureEngine } from '../../agent/detect/signatures/engine.ts'
import type { IncompleteReason } from '../../agent/detect/signatures/engine-options.ts'
import type { Refusal } from '../../agent/detect/signatures/rule-files.ts'
import { RuleLoading, RuleSet } from '../../agent/detect/signatures/rule-set.ts'
import { FLOW, FlowTable } from '../../agent/flow/table.ts'
import { RuleSwap } from '../../agent/rule-swap.ts'
import { type Ends, type TcpFields, tcp, udp } from './frames.ts'

export const CLIENT: Ends = { src: '10.0.0.5', dest: '203.0.113.9', srcPort: 40_000, destPort: 80 }
const PSH_ACK = 24

function reversed({ src, dest, srcPort = 0, destPort = 0 }: Ends): Ends {
  return { src: dest, dest: src, srcPort: destPort, destPort: srcPort }
}

export class SignatureLab {
  readonly fired: number[] = []
  /** All that was said, as it was said. */
  readonly hits: AlertHit[] = []
  readonly incomplete: IncompleteReason[] = []
  readonly refused: Refusal[]
  readonly engine: SignatureEngine
  rules: RuleSet
  readonly table = new FlowTable({ flowsMax: 64 })
  appProto: AppProto = 'unknown'
  #number = 0

  constructor(rules: string) {
    const { ruleSet, refused } = RuleSet.load([{ path: 'lab.rules', text: rules }])
    this.refused = refused
    this.rules = ruleSet
    this.engine = new SignatureEngine(ruleSet, {
      flows: this.table,
      appProto: () => this.appProto,
      onAlert: (hit) => {
        this.fired.push(hit.sid)
        this.hits.push(hit)
      },
      onIncomplete: (reason) => void this.incomplete.push(reason),
    })
  }

  /** Other rules take over, as a shard lets them; those before are given back. */
  replace(text: string): void {
    const swap = new RuleSwap(this.rules, (rules) => this.engine.swap(rules))
    swap.begin(new RuleLoading([{ path: 'lab.rules', text }], { before: this.rules }))
    while (swap.busy) swap.step(true)
    this.rules = swap.current
  }

  /** The sids that fired since the last call, in order. */
  take(): number[] {
    return this.fired.splice(0)
  }

  /** One frame through decode and the flow table, and the packet rules. */
  frame(frame: Uint8Array): Packet {
    const packet = new Packet()
    packet.bytes = frame
    packet.end = frame.length
    packet.wireBytes = frame.length
    packet.number = ++this.#number
    packet.timeUs = 1_700_000_000_000_000 + this.#number * 1000
    decodeFrame(packet, 1, -1)
    if (packet.ipVersion !== 0 && !packet.fragment) {
      let flow = this.table.find(packet)
      if (flow < 0) {
        flow = this.table.create(packet, true)
        packet.toServer = true
      } else this.table.state[flow] = FLOW.ESTABLISHED
      packet.flow = flow
      this.table.count(flow, packet)
    }
    this.engine.packet(packet)
    return packet
  }

  tcp(fields: TcpFields): Uint8Array {
    return tcp(CLIENT, fields)
  }

  /** What the client sends in one datagram. */
  datagram(payload: Uint8Array | string, ends = CLIENT): number[] {
    this.frame(udp(ends, payload))
    return this.take()
  }

  /** Segments of one established TCP connection, each `>` to the server or `<` to the client; `more`: the next is acknowledged with it. */
  segments(
    parts: readonly (readonly ['>' | '<', Uint8Array | string, more?: boolean])[],
    ends = CLIENT,
  ): number[] {
    let flow = this.#open(ends)
    for (const [way, data, more = false] of parts) {
      const toServer = way === '>'
      const fields = { seq: 1, ack: 1, flags: PSH_ACK, payload: Buffer.from(data as Uint8Array) }
      const packet = this.frame(tcp(toServer ? ends : reversed(ends), fields))
      flow = packet.flow
      const { bytes, payloadOffset, payloadBytes } = packet
      this.engine.stream(flow, toServer, bytes, payloadOffset, payloadOffset + payloadBytes, more)
    }
    return this.take()
  }

  #open(ends: Ends): number {
    const { flow } = this.frame(tcp(ends, { seq: 0, flags: 2 }))
    this.frame(tcp(reversed(ends), { seq: 0, ack: 1, flags: 18 }))
    this.table.state[flow] = FLOW.ESTABLISHED
    this.take()
    return flow
  }

  transaction(transaction: Transaction): number[] {
    this.appProto = transaction.proto
    const flow = this.#open({ ...CLIENT, destPort: transaction.proto === 'modbus' ? 502 : 80 })
    this.engine.transaction(flow, transaction, 1_700_000_000_000_000)
    return this.take()
  }
}

/** A whole exchange with nothing remarkable in it, and what is to be different. */
export function httpExchange(changes: Partial<HttpTransaction> = {}): HttpTransaction {
  return {
    id: 0,
    method: 'GET',
    rawUri: '/index.html',
    uri: '/index.html',
    version: 'HTTP/1.1',
    host: 'example.com',
    requestHeaders: [
      { name: 'Host', value: 'example.com' },
      { name: 'User-Agent', value: 'test/1.0' },
    ],
    rawRequestHeaders: Buffer.from('Host: example.com\r\nUser-Agent: test/1.0\r\n\r\n'),
    requestBody: new Uint8Array(0),
    requestBodyBytes: 0,
    status: 200,
    reason: 'OK',
    responseVersion: 'HTTP/1.1',
    responseHeaders: [{ name: 'Server', value: 'nothing' }],
    rawResponseHeaders: Buffer.from('Server: nothing\r\n\r\n'),
    responseBody: Buffer.from('hello'),
    responseBodyBytes: 5,
    requestDone: true,
    responseDone: true,
    gap: false,
    ...changes,
  }
}
