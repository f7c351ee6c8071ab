/**
 * The rules that look at TCP segments. Most ask for something at the beginning, as what they say of a stream is looked for there:
 * they are found by it, and the rest of the segment is looked through only for those that are left, where one of them may be
 * about its ports.
 */
import type { Packet } from '../../decode/packet.ts'
import type { Candidates } from '../prefilter/prefilter.ts'
import type { ScanRoom } from '../prefilter/scan-room.ts'
import { WasmPrefilter } from '../prefilter/wasm-grams.ts'
import { PacketRules } from './lanes.ts'
import { nearStart } from './near-start.ts'
import type { PortGroup } from './port-group.ts'
import type { FastPattern, Signature } from './rule.ts'

/** What is the beginning of a segment. */
const HEAD_BYTES = 256
/** So many rules with one beginning are told apart by what else they ask for: every segment of SMB begins as they do. */
const SAME_MAX = 16
const PORTS = 65_536

export class SegmentRules extends PacketRules {
  readonly #added: Signature[] = []
  readonly #head: WasmPrefilter
  readonly #whole: WasmPrefilter
  /** Those of certain ports alone, and whether there is one for a port at either end. */
  readonly #ported: WasmPrefilter
  readonly #from = new Uint8Array(PORTS)
  readonly #to = new Uint8Array(PORTS)

  constructor(room: ScanRoom) {
    super()
    this.#head = new WasmPrefilter(room)
    this.#whole = new WasmPrefilter(room)
    this.#ported = new WasmPrefilter(room)
  }

  override add(signature: Signature): void {
    if (signature.fast) this.#added.push(signature)
    else super.add(signature)
  }

  override *parts(): Generator<void> {
    const leads = new Map(this.#added.map((each) => [each, nearStart(each, HEAD_BYTES)]))
    const alike = new Map<string, number>()
    for (const lead of leads.values()) {
      const key = keyOf(lead)
      alike.set(key, (alike.get(key) ?? 0) + 1)
    }
    for (const [signature, lead] of leads) {
      const near = lead === signature.fast || (alike.get(keyOf(lead)) ?? 0) <= SAME_MAX
      if (lead && near) this.#head.add(lead.bytes, lead.nocase, signature.index)
      else yield* this.#addElsewhere(signature)
    }
    this.#added.length = 0
    for (const prefilter of [this.#head, this.#whole, this.#ported]) yield* prefilter.parts()
  }

  *#addElsewhere({ header, index, fast }: Signature): Generator<void> {
    const { bytes, nocase } = fast as FastPattern
    const { sourcePorts, destinationPorts, bothWays } = header
    const one = destinationPorts.any ? sourcePorts : destinationPorts
    if (one.any) {
      this.#whole.add(bytes, nocase, index)
      return
    }
    this.#ported.add(bytes, nocase, index)
    if (bothWays || one === destinationPorts) mark(this.#to, one)
    if (bothWays || one === sourcePorts) mark(this.#from, one)
    yield
  }

  override find(packet: Packet, start: number, end: number, found: Candidates): void {
    const { bytes, srcPort, destPort } = packet
    this.#head.scan(bytes, start, Math.min(end, start + HEAD_BYTES), found, start)
    this.#whole.scan(bytes, start, end, found, start)
    if (this.#to[destPort] === 1 || this.#from[srcPort] === 1)
      this.#ported.scan(bytes, start, end, found, start)
  }
}

const keyOf = (lead: FastPattern | undefined) =>
  lead ? `${lead.nocase} ${Buffer.from(lead.bytes).toString('latin1')}` : ''

function mark(marks: Uint8Array, ports: PortGroup): void {
  for (let port = 0; port < PORTS; port++) if (ports.has(port)) marks[port] = 1
}
