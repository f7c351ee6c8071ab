/** Turns what one shard sees into observations for the baselines, which run once a box. */
import { addressText } from './base/address.ts'
import { type Packet, TCP } from './decode/packet.ts'
import type { AppProto, Transaction } from './decode/records.ts'
import type { Observation } from './detect/baselines/observation.ts'
import { ICS_NAME, type IcsTransaction, icsWords } from './detect/eve-ics.ts'
import type { FlowTable } from './flow/table.ts'

const TCP_PROTOCOL = 6
const UDP_PROTOCOL = 17
const ROOT_BYTES = 2 // of a DNS name on the wire besides its text: the first length and the root

export class Observer {
  readonly #table: FlowTable
  readonly #appProto: (flow: number) => AppProto
  readonly #say: (observation: Observation) => void

  constructor(
    table: FlowTable,
    appProto: (flow: number) => AppProto,
    say: (observation: Observation) => void,
  ) {
    this.#table = table
    this.#appProto = appProto
    this.#say = say
  }

  /** The first packet of a flow is an observation; all others are none. */
  packet(packet: Packet): void {
    const { flow, protocol, timeUs, tcpFlags } = packet
    if (this.#table.firstPacket[flow] !== packet.number) return
    if (protocol !== TCP_PROTOCOL && protocol !== UDP_PROTOCOL) return
    const syn = protocol === TCP_PROTOCOL && (tcpFlags & (TCP.SYN | TCP.ACK)) === TCP.SYN
    this.#say({ what: 'flow-new', ...this.#ends(flow), proto: protoOf(protocol), timeUs, syn })
  }

  established(flow: number): void {
    const timeUs = this.#table.lastUs(flow)
    this.#say({ what: 'flow-established', ...this.#ends(flow), proto: 'TCP', timeUs })
  }

  refused(flow: number): void {
    const timeUs = this.#table.lastUs(flow)
    this.#say({ what: 'flow-refused', ...this.#ends(flow), proto: 'TCP', timeUs })
  }

  ended(flow: number): void {
    const table = this.#table
    const protocol = table.protocol[flow] as number
    if (protocol !== TCP_PROTOCOL && protocol !== UDP_PROTOCOL) return
    const timeUs = table.lastUs(flow)
    const answered = table.packets(flow, false) > 0
    this.#say({
      what: 'flow-closed',
      ...this.#ends(flow),
      proto: protoOf(protocol),
      timeUs,
      bytes: table.bytes(flow, true) + table.bytes(flow, false),
      packets: table.packets(flow, true) + table.packets(flow, false),
      durationMs: (timeUs - (table.startUs[flow] as number)) / 1000,
      established: protocol === TCP_PROTOCOL ? table.established[flow] === 1 : answered,
      app_proto: this.#appProto(flow),
    })
  }

  transaction(flow: number, tx: Transaction, timeUs: number): void {
    const { src, dest, port } = this.#ends(flow)
    if (tx.proto === 'ssh' && tx.stage === 'response' && tx.ssh.serverHassh === '')
      this.#say({ what: 'ssh-attempt', client: src, server: dest, port, timeUs })
    else if (tx.proto === 'modbus' && tx.modbus.write && tx.modbus.toServer) {
      const { unit, quantity } = tx.modbus
      this.#say({ what: 'modbus-write', station: src, dest, function: tx.modbus.function, unit, count: quantity ?? 1, timeUs, port }) // biome-ignore format: one fact
    } else if ('ics' in tx) this.#otWrite(flow, tx, timeUs)
    else if (tx.proto === 'dns' && tx.stage === 'request')
      for (const { name, type } of tx.dns.questions)
        this.#say({
          what: 'dns-query',
          client: src,
          name,
          type,
          bytes: name.length + ROOT_BYTES,
          timeUs,
          server: dest,
        })
  }

  /** Who asks is the station, whichever side opened the flow. */
  #otWrite(flow: number, { proto, ics }: IcsTransaction, timeUs: number): void {
    if (!ics.write) return
    const { src, dest, port } = this.#ends(flow)
    this.#say({
      what: 'ot-write',
      protocol: ICS_NAME[proto],
      operation: icsWords(ics.operation),
      attackIds: ics.attackIds,
      station: ics.toServer ? src : dest,
      dest: ics.toServer ? dest : src,
      port,
      proto: protoOf(this.#table.protocol[flow] as number),
      timeUs,
    })
  }

  #ends(flow: number): { src: string; dest: string; port: number } {
    const { client, server, serverPort } = this.#table
    return {
      src: addressText(client, flow * 4),
      dest: addressText(server, flow * 4),
      port: serverPort[flow] as number,
    }
  }
}

function protoOf(protocol: number): 'TCP' | 'UDP' {
  return protocol === TCP_PROTOCOL ? 'TCP' : 'UDP'
}
