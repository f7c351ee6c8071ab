/** The packet that a pass rule has let go: rules that go behind that one say nothing of it. */
import type { Packet } from '../../decode/packet.ts'
import type { Signature } from './rule.ts'

export class PassedPacket {
  #number = -1
  #by = 0

  by({ index }: Signature, packet: Packet | undefined): void {
    if (packet) this.#number = packet.number
    this.#by = index
  }

  /** Whether it is this one, if it is of this flow, and was let go before this rule. */
  before({ index }: Signature, flow: number, packet: Packet | undefined): boolean {
    return packet?.number === this.#number && packet.flow === flow && index > this.#by
  }
}
