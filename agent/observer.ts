/** Turns what one shard sees into observations for the baselines, which run once a box. */
import { type Packet, TCP } from './decode/packet.ts'
import type { AppProto, Transaction } from './decode/records.ts'
import type { ObservationBatch } from './detect/baselines/observation-batch.ts'
import { ICS_NAME, type IcsTransaction, icsWords } from './detect/eve-ics.ts'
import type { FlowTable } from './flow/table.ts'

const TCP_PROTOCOL = 6
const UDP_PROTOCOL = 17

export class Observer {
  readonly #table: FlowTable
  readonly #appProto: (flow: number) => AppProto
  readonly #seen: ObservationBatch

  constructor(table: FlowTable, appProto: (flow: number) => AppProto, seen: ObservationBatch) {
    this.#table = table
    this.#appProto = appProto
    this.#seen = seen
  }

  /** The first packet of a flow is an observation; all others are none. */
  packet(packet: Packet): void {
    const { flow, protocol, timeUs, tcpFlags } = packet
    if (this.#table.firstPacket[flow] !== packet.number) return
    if (protocol !== TCP_PROTOCOL && protocol !== UDP_PROTOCOL) return
    const syn = protocol === TCP_PROTOCOL && (tcpFlags & (TCP.SYN | TCP.ACK)) === TCP.SYN
    this.#seen.flowNew(this.#table, flow, timeUs, syn)
  }

  established(flow: number): void {
    this.#seen.flowEstablished(this.#table, flow, this.#table.lastUs(flow))
  }

  refused(flow: number): void {
    this.#seen.flowRefused(this.#table, flow, this.#table.lastUs(flow))
  }

  ended(flow: number): void {
    const table = this.#table
    const protocol = table.protocol[flow] as number
    if (protocol !== TCP_PROTOCOL && protocol !== UDP_PROTOCOL) return
    const timeUs = table.lastUs(flow)
    const answered = table.packets(flow, false) > 0
    this.#seen.flowClosed(table, flow, {
      timeUs,
      bytes: table.bytes(flow, true) + table.bytes(flow, false),
      packets: table.packets(flow, true) + table.packets(flow, false),
      durationMs: (timeUs - (table.startUs[flow] as number)) / 1000,
      established: protocol === TCP_PROTOCOL ? table.established[flow] === 1 : answered,
      app_proto: this.#appProto(flow),
    })
  }

  transaction(flow: number, tx: Transaction, timeUs: number): void {
    const [seen, table] = [this.#seen, this.#table]
    if (tx.proto === 'ssh' && tx.stage === 'response' && tx.ssh.serverHassh === '')
      seen.sshAttempt(table, flow, timeUs)
    else if (tx.proto === 'modbus' && tx.modbus.write && tx.modbus.toServer)
      seen.modbusWrite(table, flow, timeUs, tx.modbus)
    else if ('ics' in tx) this.#otWrite(flow, tx, timeUs)
    else if (tx.proto === 'dns' && tx.stage === 'request')
      for (const { name } of tx.dns.questions) seen.dnsQuery(table, flow, timeUs, name)
  }

  /** Who asks is the station, whichever side opened the flow. */
  #otWrite(flow: number, { proto, ics }: IcsTransaction, timeUs: number): void {
    if (!ics.write) return
    this.#seen.otWrite(this.#table, flow, {
      timeUs,
      protocol: ICS_NAME[proto],
      operation: icsWords(ics.operation),
      attackIds: ics.attackIds,
      toServer: ics.toServer,
    })
  }
}
