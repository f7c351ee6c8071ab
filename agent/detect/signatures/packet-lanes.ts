/**
 * The rules that look at TCP segments. Most ask for something near the beginning, or for certain ports, or for few bytes: a segment is
 * looked through only as far as a rule goes that it may satisfy.
 */
import type { Packet } from '../../decode/packet.ts'
import type { Candidates } from '../prefilter/prefilter.ts'
import { PIECE_BYTES_MAX, type ScanRoom } from '../prefilter/scan-room.ts'
import { WasmPrefilter } from '../prefilter/wasm-grams.ts'
import { PacketRules } from './lanes.ts'
import { nearStart } from './near-start.ts'
import { isByPort, OpenPorts } from './open-ports.ts'
import type { FastPattern, Signature } from './rule.ts'

/** What is the beginning of a segment: what says whose it is, and what a rule may look into. */
const BEGINNINGS = [16, 512] as const // through the second once for whatever ports: a few literals more cost nothing
/** Of no more bytes: what is looked for in it is looked for at once, for a look costs more than its bytes do. */
const SMALL_BYTES = 64
/** So many rules with one beginning are told apart by what else they ask for: every segment of SMB begins as they do. */
const SAME_MAX = 16
/** Of a short beginning so many, if what else they ask for is long. */
const SAME_SHORT_MAX = 3
const SHORT_BYTES = 3
const LONG_BYTES = 4
const WHOLE = Number.POSITIVE_INFINITY

/** Literals that are looked for in so much of a segment, of these ports. */
interface Stretch {
  prefilter: WasmPrefilter
  bytes: number
  ports: OpenPorts | undefined
  /** Its bit among the ends of a packet; 0: whatever ports. */
  bit: number
}

/** Of one direction: for small segments everything, for larger ones by what is to be looked through. */
interface Way {
  small: WasmPrefilter
  stretches: Stretch[]
}

export class SegmentRules extends PacketRules {
  readonly #room: ScanRoom
  readonly #added: Signature[] = []
  readonly #toServer: Way
  readonly #toClient: Way

  constructor(room: ScanRoom) {
    super()
    this.#room = room
    this.#toServer = { small: new WasmPrefilter(room), stretches: [] }
    this.#toClient = { small: new WasmPrefilter(room), stretches: [] }
  }

  override add(signature: Signature): void {
    if (signature.fast) this.#added.push(signature)
    else super.add(signature)
  }

  override *parts(): Generator<void> {
    const leads = new Map(this.#added.map((each) => [each, leadOf(each)]))
    this.#added.length = 0
    const alike = new Map<string, number>()
    for (const lead of leads.values()) alike.set(keyOf(lead), (alike.get(keyOf(lead)) ?? 0) + 1)
    for (const [signature, lead] of leads) {
      const own = (alike.get(keyOf(lead)) ?? 0) <= sameMax(lead, signature)
      const found = own || lead.pattern === signature.fast ? lead : wholeLead(signature)
      if (isByPort(signature, found.pattern)) super.add(signature)
      else yield* this.#place(signature, found)
    }
    for (const { small, stretches } of [this.#toServer, this.#toClient]) {
      yield* small.parts()
      for (const { prefilter } of stretches) yield* prefilter.parts()
    }
  }

  *#place({ header, index, side, sizeMost }: Signature, { pattern, bytes }: Lead): Generator<void> {
    const { sourcePorts, destinationPorts } = header
    const one = destinationPorts.any ? sourcePorts : destinationPorts
    const ported = !one.any && bytes !== BEGINNINGS[1]
    for (const { small, stretches } of [this.#toServer, this.#toClient]) {
      if (side === (small === this.#toServer.small ? 2 : 1)) continue
      small.add(pattern.bytes, pattern.nocase, index)
      if (sizeMost > SMALL_BYTES) {
        const { prefilter, ports } = this.#stretch(stretches, bytes, ported)
        prefilter.add(pattern.bytes, pattern.nocase, index)
        ports?.open(one === destinationPorts ? 'to' : 'from', one)
      }
      yield
    }
  }

  #stretch(stretches: Stretch[], bytes: number, ported: boolean): Stretch {
    const known = stretches.find(
      (each) => each.bytes === bytes && ported === (each.ports !== undefined),
    )
    if (known) return known
    const prefilter = new WasmPrefilter(this.#room)
    const ports = ported ? new OpenPorts() : undefined
    const made = { prefilter, bytes, ports, bit: ports ? 1 << this.opened.length : 0 }
    if (ports) this.opened.push(ports)
    stretches.push(made)
    // What was put into the room for the longest serves the others.
    stretches.sort((a, b) => b.bytes - a.bytes)
    return made
  }

  override find(packet: Packet, start: number, end: number, found: Candidates, open: number): void {
    const { bytes, toServer } = packet
    const { small, stretches } = toServer ? this.#toServer : this.#toClient
    if (end - start <= SMALL_BYTES) {
      small.scan(bytes, start, end, found, start)
      return
    }
    let at = 0
    let there = 0
    for (let i = 0; i < stretches.length; i++) {
      const { prefilter, bit, bytes: long } = stretches[i] as Stretch
      if ((open & bit) !== bit) continue
      const stop = Math.min(end, start + long)
      if (stop - start > PIECE_BYTES_MAX) {
        prefilter.scan(bytes, start, stop, found, start)
        continue
      }
      if (there < stop - start) {
        at = this.#room.put(bytes, start, stop)
        there = stop - start
      }
      prefilter.look(at, at + stop - start, found, at)
    }
  }
}

interface Lead {
  pattern: FastPattern
  bytes: number
}

function wholeLead({ fast }: Signature): Lead {
  return { pattern: fast as FastPattern, bytes: WHOLE }
}

function leadOf(signature: Signature): Lead {
  const near = nearStart(signature, BEGINNINGS[1])
  const bytes = near && BEGINNINGS.find((each) => near.end <= each)
  return near === undefined || bytes === undefined
    ? wholeLead(signature)
    : { pattern: near.pattern, bytes }
}

function sameMax({ pattern }: Lead, { fast }: Signature): number {
  const long = fast !== undefined && fast.bytes.length >= LONG_BYTES
  return long && pattern.bytes.length <= SHORT_BYTES ? SAME_SHORT_MAX : SAME_MAX
}

function keyOf({ pattern: { bytes, nocase } }: Lead): string {
  return `${nocase} ${Buffer.from(bytes).toString('latin1')}`
}
