/** SSH on one flow: both banners, whether keys were exchanged, and from where on it is encrypted. */
import { NOTED, type SshBanners } from '../decode/records.ts'
import {
  BANNER_BYTES_MAX,
  decodeSshBanner,
  decodeSshOffer,
  hassh,
  hasshText,
  LINES_BEFORE_MAX,
  type SshOffer,
  sshChoice,
} from '../decode/ssh.ts'
import { KeptBytes } from './app-bytes.ts'
import type { AppParser, AppSink, Verdict } from './app-parser.ts'
import { SealedPackets } from './app-ssh-sealed.ts'

const LINE_BYTES_MAX = 4096
const KEXINIT = 20 // RFC 4253 §12
const PACKET_HEAD_BYTES = 6 // length, padding length, message number
const PACKET_BYTES_MAX = 35_000 // RFC 4253 §6.1

interface Side {
  kept: KeptBytes
  banner: boolean
  keys: boolean
  /** Its offer was read, or cannot be. */
  offered: boolean
  offer: SshOffer | undefined
  lines: number
  /** Of what follows its offer. */
  sealed: SealedPackets
}

export class SshFlow implements AppParser {
  readonly proto = 'ssh'
  readonly #sink: AppSink
  readonly #sides = [newSide(), newSide()] as const
  readonly #ssh: SshBanners = {
    clientProtocol: '',
    clientSoftware: '',
    clientComment: '',
    serverProtocol: '',
    serverSoftware: '',
    serverComment: '',
    clientHassh: '',
    clientHasshText: '',
    serverHassh: '',
    serverHasshText: '',
    chosen: [],
    keyExchange: false,
    [NOTED]: undefined,
  }
  #done = false

  constructor(sink: AppSink) {
    this.#sink = sink
  }

  get held(): number {
    return this.#sides[0].kept.held + this.#sides[1].kept.held
  }

  get sealed(): boolean {
    return this.#sides[0].sealed.begun && this.#sides[1].sealed.begun
  }

  /** In pieces that always fit behind a line that is not too long, so that nothing of a large segment is lost. */
  stream(toServer: boolean, bytes: Buffer): Verdict {
    for (let at = 0; at < bytes.length; at += BANNER_BYTES_MAX) {
      const verdict = this.#piece(toServer, bytes.subarray(at, at + BANNER_BYTES_MAX))
      if (verdict !== 'more') return verdict
    }
    return 'more'
  }

  #piece(toServer: boolean, bytes: Buffer): Verdict {
    const side = this.#sides[toServer ? 0 : 1]
    if (side.offered) {
      side.sealed.add(bytes)
      return this.#verdict()
    }
    side.kept.append(bytes)
    while (!side.banner) {
      const view = side.kept.view()
      const end = view.indexOf(10)
      if (end === -1) {
        if (side.kept.length < LINE_BYTES_MAX) return 'more'
        this.#sink.fault('line-too-long')
        return this.#finish()
      }
      const line = view.subarray(0, view[end - 1] === 13 ? end - 1 : end)
      if (!this.#line(toServer, side, line)) return this.#finish()
      side.kept.drop(end + 1)
    }
    if (side.kept.length >= PACKET_HEAD_BYTES) {
      side.keys = side.kept.view()[5] === KEXINIT
      if (!side.keys) return this.#finish()
      this.#offer(toServer, side)
    }
    return this.#verdict()
  }

  gap(): Verdict {
    return this.#finish()
  }

  ended(): void {
    this.#finish()
  }

  /** False when there is nothing more to expect. */
  #line(toServer: boolean, side: Side, line: Buffer): boolean {
    const banner = decodeSshBanner(line)
    if (banner === undefined) {
      if (!toServer && ++side.lines <= LINES_BEFORE_MAX) return true
      this.#sink.fault('bad-banner')
      return false
    }
    if (typeof banner === 'string') {
      this.#sink.fault(banner)
      return false
    }
    side.banner = true
    const ssh = this.#ssh
    const { protocol, software, comment } = banner
    if (toServer)
      [ssh.clientProtocol, ssh.clientSoftware, ssh.clientComment] = [protocol, software, comment] // biome-ignore format: one side a line
    else [ssh.serverProtocol, ssh.serverSoftware, ssh.serverComment] = [protocol, software, comment]
    if (toServer) this.#sink.transaction({ proto: 'ssh', stage: 'request', ssh })
    if (this.#sides[0].banner && this.#sides[1].banner)
      this.#sink.transaction({ proto: 'ssh', stage: 'response', ssh })
    return true
  }

  /** The first packet, once it is whole. */
  #offer(toServer: boolean, side: Side): void {
    const packet = side.kept.view()
    const end = 4 + packet.readUInt32BE(0)
    if (end <= PACKET_BYTES_MAX && packet.length < end) return
    side.offered = true
    const padding = packet[4] as number
    const whole = end <= PACKET_BYTES_MAX && end - padding > PACKET_HEAD_BYTES
    side.offer = whole ? decodeSshOffer(packet.subarray(5, end - padding)) : undefined
    if (whole) side.sealed.add(packet.subarray(end))
    else side.sealed.settled = true
    side.kept.clear()
    if (!side.offer) return
    const ssh = this.#ssh
    const text = hasshText(side.offer, !toServer)
    const [client, server] = this.#sides
    if (client.offer && server.offer) ssh.chosen = sshChoice(client.offer, server.offer)
    if (toServer) [ssh.clientHassh, ssh.clientHasshText] = [hassh(text), text]
    else [ssh.serverHassh, ssh.serverHasshText] = [hassh(text), text]
    if (toServer) this.#sink.transaction({ proto: 'ssh', stage: 'request', ssh })
    else this.#sink.transaction({ proto: 'ssh', stage: 'response', ssh })
  }

  #verdict(): Verdict {
    this.#ssh.keyExchange = this.#sides[0].keys && this.#sides[1].keys
    const [client, server] = this.#sides
    if (!client.offered || !server.offered) return 'more'
    this.#tell()
    return client.sealed.settled && server.sealed.settled ? 'done' : 'more'
  }

  #finish(): Verdict {
    this.#tell()
    return 'done'
  }

  #tell(): void {
    if (!this.#done && (this.#sides[0].banner || this.#sides[1].banner)) {
      this.#done = true
      this.#sink.transaction({ proto: 'ssh', stage: 'done', ssh: this.#ssh })
    }
  }
}

function newSide(): Side {
  return {
    kept: new KeptBytes(PACKET_BYTES_MAX + BANNER_BYTES_MAX),
    banner: false,
    keys: false,
    offered: false,
    offer: undefined,
    lines: 0,
    sealed: new SealedPackets(),
  }
}
