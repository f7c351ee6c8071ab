/**
 * SMB on one flow, over NetBIOS sessions or TCP alone: each request with its answer, of the commands that say who
 * opened what. Of other messages only the header is kept, so that a file that is copied costs nothing.
 */
import type { SmbExchange } from '../decode/records-it.ts'
import { decodeSmb2, SMB2, type SmbPart } from '../decode/smb.ts'
import { decodeSmb1, SMB1 } from '../decode/smb1.ts'
import { KeptBytes } from './app-bytes.ts'
import type { AppParser, AppSink, Verdict } from './app-parser.ts'

const FRAME_BYTES = 4
/** A message's first bytes: a login with a Kerberos ticket may be as long as its 16-bit size says. */
const MESSAGE_BYTES_MAX = 4096 + 65_536
const HEADER_BYTES = 64
const WAITING_MAX = 64
const TREES_MAX = 64
const FAULTS_MAX = 8
const STATE_BYTES = 1024
const PENDING = 0x103
const WANTED1: ReadonlySet<number> = new Set(Object.values(SMB1))
const WANTED2: ReadonlySet<number> = new Set(Object.values(SMB2))

interface Side {
  kept: KeptBytes
  /** Bytes of the message in hand that are still to come. */
  left: number
  /** Nothing more of it is wanted. */
  passing: boolean
}

export class SmbFlow implements AppParser {
  readonly proto = 'smb'
  readonly #sink: AppSink
  readonly #sides = [newSide(), newSide()] as const
  readonly #waiting = new Map<string, SmbExchange>()
  readonly #trees = new Map<string, string>()
  #dialects: string[] = []
  #dialect = ''
  #lastId = -1
  #faults = 0

  constructor(sink: AppSink) {
    this.#sink = sink
  }

  get held(): number {
    const states = this.#waiting.size + this.#trees.size
    return this.#sides[0].kept.held + this.#sides[1].kept.held + states * STATE_BYTES
  }

  stream(toServer: boolean, bytes: Buffer): Verdict {
    const side = this.#sides[toServer ? 0 : 1]
    let at = 0
    while (at < bytes.length) {
      if (side.left === 0) {
        const size = Math.min(FRAME_BYTES - side.kept.length, bytes.length - at)
        side.kept.append(bytes.subarray(at, at + size))
        at += size
        if (side.kept.length < FRAME_BYTES) break
        side.left = side.kept.view().readUIntBE(1, 3)
        // Only a session message (0) holds SMB; the others open and keep the session.
        side.passing = side.kept.view()[0] !== 0
        side.kept.clear()
        continue
      }
      const size = Math.min(side.left, bytes.length - at)
      if (!side.passing) this.#keep(side, bytes.subarray(at, at + size))
      side.left -= size
      at += size
      if (side.left === 0 && !this.#whole(side)) {
        this.ended()
        return 'done'
      }
    }
    return 'more'
  }

  gap(): Verdict {
    this.ended()
    return 'done' // where the next message begins is lost with it
  }

  ended(): void {
    for (const smb of this.#waiting.values()) this.#hand(smb)
    this.#waiting.clear()
    this.#trees.clear()
  }

  #keep(side: Side, bytes: Buffer): void {
    side.kept.append(bytes)
    if (side.kept.length < HEADER_BYTES) return
    const view = side.kept.view()
    const one = view[0] === 0xff
    const wanted = one
      ? WANTED1.has(view[4] as number)
      : view.readUInt32LE(20) !== 0 || WANTED2.has(view.readUInt16LE(12))
    if (wanted) return
    side.passing = true
    side.kept.clear()
  }

  /** False when nothing after it can be read. */
  #whole(side: Side): boolean {
    const view = side.kept.view()
    if (view.length === 0) return true
    const mark = view.toString('latin1', 1, 4) === 'SMB' ? view[0] : 0
    const parts =
      mark === 0xff ? decodeSmb1(view) : mark === 0xfe ? decodeSmb2(view) : 'bad-protocol-id'
    side.kept.clear()
    if (mark === 0xfd || mark === 0xfc) return false // encrypted, compressed
    if (typeof parts === 'string') {
      this.#sink.fault(parts)
      return ++this.#faults <= FAULTS_MAX
    }
    for (const part of parts) this.#part(part)
    return true
  }

  #part(part: SmbPart): void {
    if (!(part.version === 1 ? WANTED1 : WANTED2).has(part.command)) return
    const key = `${part.version} ${part.command} ${part.messageId}`
    if (!part.response) {
      if (part.dialects) this.#dialects = part.dialects
      if (this.#waiting.size >= WAITING_MAX) this.#oldest()
      this.#waiting.set(key, this.#exchange(part))
      return
    }
    if (part.version === 2 && part.status === PENDING) return
    const smb = this.#waiting.get(key) ?? this.#exchange(part)
    this.#waiting.delete(key)
    this.#answer(smb, part)
    this.#hand(smb)
  }

  #answer(smb: SmbExchange, part: SmbPart): void {
    smb.answered = true
    smb.status = part.status
    smb.sessionId = part.sessionId
    smb.treeId = part.treeId
    if (part.dialectIndex !== undefined) this.#dialect = this.#dialects[part.dialectIndex] ?? ''
    if (part.dialect !== undefined) this.#dialect = part.dialect
    smb.dialect = this.#dialect
    smb.serverGuid = part.guid ?? ''
    smb.serverOs = part.nativeOs ?? ''
    smb.serverLm = part.nativeLm ?? ''
    smb.service = part.service ?? smb.service
    smb.fileId = part.fileId ?? ''
    if (part.ntlm?.type === 2) smb.challenge = part.ntlm
    const tree = `${part.sessionId} ${part.treeId}`
    if (smb.share !== '' && part.status === 0) {
      if (this.#trees.size < TREES_MAX) this.#trees.set(tree, smb.share)
    } else if (smb.filename !== '') smb.share = this.#trees.get(tree) ?? ''
  }

  #exchange(part: SmbPart): SmbExchange {
    const asks = !part.response
    return {
      id: ++this.#lastId,
      version: part.version,
      command: part.command,
      answered: false,
      status: 0,
      sessionId: part.sessionId,
      treeId: part.treeId,
      dialect: this.#dialect,
      dialects: part.dialects ?? [],
      clientGuid: (asks && part.guid) || '',
      serverGuid: '',
      login: asks ? part.ntlm : undefined,
      challenge: undefined,
      user: part.ntlm?.user ?? part.user ?? '',
      domain: part.ntlm?.domain ?? part.domain ?? '',
      clientOs: (asks && part.nativeOs) || '',
      clientLm: (asks && part.nativeLm) || '',
      serverOs: '',
      serverLm: '',
      share: part.share ?? '',
      service: part.service ?? '',
      filename: part.filename ?? '',
      disposition: part.disposition,
      deleteOnClose: ((part.options ?? 0) & 0x1000) !== 0,
      fileId: '',
      connect: asks && part.share !== undefined,
      dcerpc: undefined,
    }
  }

  #oldest(): void {
    this.#sink.fault('transactions-full')
    for (const [key, smb] of this.#waiting) {
      this.#waiting.delete(key)
      this.#hand(smb)
      break
    }
  }

  #hand(smb: SmbExchange): void {
    this.#sink.transaction({ proto: 'smb', stage: 'done', smb })
  }
}

function newSide(): Side {
  return { kept: new KeptBytes(MESSAGE_BYTES_MAX), left: 0, passing: false }
}
