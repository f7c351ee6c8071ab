/** What is put on the short list: rules whose header is for this packet or flow. Whose is for other ends is not asked again between these. */
import type { Packet } from '../../decode/packet.ts'
import type { EngineOptions } from './engine-options.ts'
import { endsOfFlow, endsOfPacket, flowFits, packetFits } from './header-match.ts'
import type { FlowEnds, PacketEnds } from './packet-ends.ts'
import type { PacketTest, Signature } from './rule.ts'
import type { RuleSet } from './rule-set.ts'
import type { Shortlist } from './shortlist.ts'

export class Offers {
  readonly #rules: RuleSet
  readonly #list: Shortlist
  readonly #ends: FlowEnds
  readonly #options: EngineOptions

  constructor(rules: RuleSet, list: Shortlist, ends: FlowEnds, options: EngineOptions) {
    this.#rules = rules
    this.#list = list
    this.#ends = ends
    this.#options = options
  }

  /** A rule whose literal is in the packet, which has these ends. */
  found(index: number, packet: Packet, of: PacketEnds, ends: number): void {
    if (of.isOut(ends, index)) return
    const signature = this.#rules.signatures[index] as Signature
    if (!this.packet(signature, packet)) of.leaveOut(ends, signature, endsOfPacket(packet))
  }

  /** What is asked of the packet's own fields goes first: it costs least and leaves out most. False: its header does not fit. */
  packet(signature: Signature, packet: Packet): boolean {
    const { packetTests, appProto } = signature
    for (let i = 0; i < packetTests.length; i++)
      if (!(packetTests[i] as PacketTest)(packet)) return true
    if (appProto !== undefined && packet.flow >= 0) {
      const known = this.#options.appProto(packet.flow)
      if (known !== appProto && known !== 'unknown') return true
    }
    if (!packetFits(signature, packet, this.#options.flows)) return false
    this.#list.add(signature)
    return true
  }

  /** A rule that may be met in what the flow sends that way. */
  flow(index: number, flow: number, toServer: boolean): void {
    const { flows } = this.#options
    const of = this.#rules.endsOf(flows.protocol[flow] as number)
    const ends = this.#ends.known(flow * 2 + (toServer ? 1 : 0))
    if (ends >= 0 && of.isOut(ends, index)) return
    const signature = this.#rules.signatures[index] as Signature
    if (flowFits(signature, flow, toServer, flows)) this.#list.add(signature)
    else if (ends >= 0 && !signature.exchange)
      of.leaveOut(ends, signature, endsOfFlow(flow, toServer, flows))
  }
}
