/**
 * SMB on one flow, over NetBIOS sessions or TCP alone: each request with its answer, what is read and written, and the
 * calls in pipes. Of messages that say nothing else only the header is kept.
 */

import { uuidText } from '../decode/little.ts'
import type { SmbExchange } from '../decode/records-it.ts'
import { decodeSmb2, PIPE_TRANSCEIVE, SMB2, type SmbPart } from '../decode/smb.ts'
import { decodeSmb1, SMB1 } from '../decode/smb1.ts'
import type { AppParser, AppSink, Inside, Verdict } from './app-parser.ts'
import { SmbFiles } from './smb-files.ts'
import { COMPRESSED, SEALED, SmbFrames } from './smb-frames.ts'
import { SmbPipes } from './smb-pipes.ts'
import { type SmbOpened, SmbTrees } from './smb-trees.ts'

const WAITING_MAX = 64
const FAULTS_MAX = 8
const STATE_BYTES = 1024
const NOTHING = Buffer.alloc(0)
/** `SMB` behind a byte that says which. */
const SMB_NAME = 0x424d_53ff
const PENDING = 0x103
const OF_COMPOUND = 'ffffffff-ffff-ffff-ffff-ffffffffffff'

/** A request whose answer has not come. */
interface Asked {
  part: SmbPart
  /** Of those that are told. */
  smb: SmbExchange | undefined
}

export class SmbFlow implements AppParser {
  readonly proto = 'smb'
  readonly #sink: AppSink
  readonly #frames: SmbFrames
  readonly #waiting = new Map<string, Asked>()
  readonly #trees = new SmbTrees()
  readonly #pipes: SmbPipes
  readonly #files: SmbFiles
  /** By the message in hand. */
  #created: SmbOpened | undefined
  #dialects: string[] = []
  #dialect = ''
  #lastId = -1
  #faults = 0

  constructor(sink: AppSink) {
    this.#sink = sink
    this.#frames = new SmbFrames(
      (bytes) => this.#whole(bytes),
      (toServer, bytes) => this.#wants(toServer, bytes),
    )
    this.#pipes = new SmbPipes({
      call: (smb, stage) => sink.transaction({ proto: 'smb', stage, smb }),
      fault: (fault) => sink.fault(fault),
    })
    this.#files = new SmbFiles({
      file: (smb, file) => {
        sink.transaction({ proto: 'smb', stage: 'file', smb, file })
        sink.transaction({ proto: 'smb', stage: 'done', smb })
      },
      event: (event, toServer) => sink.event(event, toServer),
    })
  }

  get held(): number {
    const states = this.#waiting.size + this.#trees.size
    return this.#frames.held + this.#pipes.held + this.#files.held + states * STATE_BYTES
  }

  stream(toServer: boolean, bytes: Buffer): Verdict {
    if (this.#frames.add(toServer, bytes)) return 'more'
    this.ended()
    return 'done'
  }

  inside(toServer: boolean, bytes: Uint8Array, start: number, end: number): Inside {
    return this.#frames.inside(toServer, bytes, start, end)
  }

  gap(): Verdict {
    this.ended()
    return 'done' // where the next message begins is lost with it
  }

  ended(): void {
    for (const { smb } of this.#waiting.values()) if (smb) this.#hand(smb)
    this.#waiting.clear()
    this.#pipes.ended()
    this.#files.ended()
    this.#trees.clear()
  }

  /** Bytes of a file that is kept as far as it will be are only counted. */
  #wants(toServer: boolean, bytes: Buffer): boolean {
    const command = bytes.readUInt16LE(12)
    if (command === SMB2.write && toServer)
      return this.#files.wants(uuidText(bytes.subarray(80, 96)), true)
    if (command !== SMB2.read || toServer) return true
    const fileId = this.#waiting.get(`2 ${command} ${bytes.readBigUInt64LE(24)}`)?.part.fileId
    return fileId === undefined || this.#files.wants(fileId, false)
  }

  /** False when nothing after it can be read. */
  #whole(view: Buffer): boolean {
    if (view.length === 0) return true
    const named = view.length >= 4 && (view.readUInt32LE(0) | 0xff) === SMB_NAME
    const mark = named ? view[0] : 0
    if (mark === SEALED || mark === COMPRESSED) return true
    const parts =
      mark === 0xff ? decodeSmb1(view) : mark === 0xfe ? decodeSmb2(view) : 'bad-protocol-id'
    if (typeof parts === 'string') {
      this.#sink.fault(parts)
      return ++this.#faults <= FAULTS_MAX
    }
    this.#created = undefined
    for (const part of parts) this.#part(part)
    return true
  }

  #part(part: SmbPart): void {
    const key = `${part.version} ${part.command} ${part.messageId}`
    if (!part.response) {
      if (part.dialects) this.#dialects = part.dialects
      if (this.#waiting.size >= WAITING_MAX) this.#oldest()
      const smb = this.#ask(part)
      if (part.data) part.data = NOTHING // it is of a packet, and the rest waits
      this.#waiting.set(key, { part, smb })
      return
    }
    if (part.version === 2 && part.status === PENDING) return
    const asked = this.#waiting.get(key) ?? this.#offered(part)
    this.#waiting.delete(key)
    this.#answered(part, asked)
  }

  /** A client that speaks both versions asks in the first, and is answered in the second. */
  #offered(part: SmbPart): Asked | undefined {
    if (part.version !== 2 || part.command !== SMB2.negotiate) return undefined
    for (const [key, asked] of this.#waiting) {
      if (asked.part.version !== 1 || asked.part.command !== SMB1.negotiate) continue
      this.#waiting.delete(key)
      return asked
    }
    return undefined
  }

  /** What the request itself carries; the exchange that its answer completes, if it is told. */
  #ask(part: SmbPart): SmbExchange | undefined {
    const { data, fileId } = part
    const opened = fileId === undefined ? undefined : this.#opened(fileId)
    if (data !== undefined && fileId !== undefined && carries(part)) {
      const piece = { toServer: true, offset: part.offset ?? 0, data, count: part.dataBytes ?? 0 }
      this.#carried(part, opened, piece)
    }
    if (!isTold(part)) return undefined
    const smb = this.#exchange(part, opened)
    if (part.filename !== undefined)
      this.#created = { name: smb.filename, share: smb.share, pipe: false }
    if (part.fileId !== undefined && isClose(part)) this.#close(part.fileId)
    this.#sink.transaction({ proto: 'smb', stage: 'request', smb })
    return smb
  }

  /** In a compound, a file that is created in it has no number yet. */
  #opened(fileId: string): SmbOpened | undefined {
    return fileId === OF_COMPOUND ? this.#created : this.#trees.opened(fileId)
  }

  #answered(part: SmbPart, asked: Asked | undefined): void {
    const fileId = asked?.part.fileId
    if (asked && fileId !== undefined && part.data !== undefined && carries(asked.part)) {
      const { offset = 0 } = asked.part
      const piece = { toServer: false, offset, data: part.data, count: part.dataBytes ?? 0 }
      if (piece.count > 0) this.#carried(asked.part, this.#trees.opened(fileId), piece)
    }
    if (asked ? !asked.smb : !isTold(part)) return
    const smb = asked?.smb ?? this.#exchange(part, undefined)
    this.#answer(smb, part)
    if (isTreeDisconnect(part)) this.#trees.disconnect(part)
    this.#hand(smb)
  }

  /** Bytes of a file, or of a pipe. */
  #carried(
    part: SmbPart,
    opened: SmbOpened | undefined,
    piece: { toServer: boolean; offset: number; data: Buffer; count: number },
  ): void {
    const { fileId = '' } = part
    if (piece.data.length === 0 && !this.#files.begun(fileId, piece.toServer)) return
    const message = () => this.#exchange(part, opened)
    if (this.#trees.isPipe(part, fileId, piece.data))
      this.#pipes.add(fileId, piece.toServer, piece.data, message)
    else if (part.command !== SMB1.trans || part.version !== 1) {
      const begun = () => ({ ...message(), answered: true })
      if (isFileOp(part)) this.#files.add(fileId, piece, begun)
    }
  }

  #close(fileId: string): void {
    this.#files.close(fileId)
    this.#pipes.close(fileId)
    this.#trees.close(fileId)
  }

  #answer(smb: SmbExchange, part: SmbPart): void {
    smb.answered = true
    smb.status = part.status
    smb.dosError = part.dosError ?? false
    smb.sessionId = part.sessionId
    smb.treeId = part.treeId
    if (part.dialectIndex !== undefined) this.#dialect = this.#dialects[part.dialectIndex] ?? ''
    if (part.dialect !== undefined) this.#dialect = part.dialect
    smb.dialect = this.#dialect
    smb.serverGuid = part.guid ?? ''
    smb.serverOs = part.nativeOs ?? ''
    smb.serverLm = part.nativeLm ?? ''
    smb.service = part.service ?? smb.service
    smb.fileId = part.fileId ?? smb.fileId
    smb.times = part.times
    smb.fileSize = part.fileSize ?? 0
    if (part.ntlm?.type === 2) smb.challenge = part.ntlm
    this.#trees.answered(smb, part)
  }

  #exchange(part: SmbPart, opened: SmbOpened | undefined): SmbExchange {
    const asks = !part.response
    return {
      id: ++this.#lastId,
      version: part.version,
      command: part.command,
      answered: false,
      status: 0,
      dosError: false,
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
      share: part.share ?? opened?.share ?? '',
      service: part.service ?? '',
      filename: part.filename ?? opened?.name ?? '',
      disposition: part.disposition,
      deleteOnClose: part.deletes ?? ((part.options ?? 0) & 0x1000) !== 0,
      renamedTo: part.renamedTo ?? '',
      times: undefined,
      fileSize: 0,
      fileId: opened ? (part.fileId ?? '') : '',
      connect: asks && part.share !== undefined,
      dcerpc: undefined,
    }
  }

  #oldest(): void {
    this.#sink.fault('transactions-full')
    for (const [key, { smb }] of this.#waiting) {
      this.#waiting.delete(key)
      if (smb) this.#hand(smb)
      break
    }
  }

  #hand(smb: SmbExchange): void {
    this.#sink.transaction({ proto: 'smb', stage: 'done', smb })
  }
}

const is = ({ version, command }: SmbPart, one: number, two: number) =>
  command === (version === 1 ? one : two)
const isClose = (part: SmbPart) => is(part, SMB1.close, SMB2.close)
const isTreeDisconnect = (part: SmbPart) => is(part, SMB1.treeDisconnect, SMB2.treeDisconnect)
const isFileOp = (part: SmbPart) =>
  is(part, SMB1.read, SMB2.read) || is(part, SMB1.write, SMB2.write)
const isPipeOp = (part: SmbPart) =>
  part.version === 1 ? part.command === SMB1.trans : part.control === PIPE_TRANSCEIVE
const carries = (part: SmbPart) => isFileOp(part) || isPipeOp(part)

/** As Suricata tells them: reads and writes as a file or a call, questions about files not at all. */
function isTold(part: SmbPart): boolean {
  if (carries(part)) return false
  if (part.version === 1) return part.command !== SMB1.trans && part.command !== SMB1.trans2
  if (part.command === SMB2.setInfo) return part.renamedTo !== undefined || part.deletes === true
  return part.command !== SMB2.getInfo
}
