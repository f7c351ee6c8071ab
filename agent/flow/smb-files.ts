/** Files that are read and written over SMB: one transfer a file and direction, from its first bytes to its closing. */
import type { AppEvent } from '../decode/app-events.ts'
import type { CarriedFile, SmbExchange } from '../decode/records-it.ts'
import { FileBytes } from './file-bytes.ts'

/** Transfers at one time; the oldest is told and forgotten. */
const TRANSFERS_MAX = 32

interface Transfer {
  bytes: FileBytes
  smb: SmbExchange
}

export interface FileSink {
  file(smb: SmbExchange, file: CarriedFile): void
  event(event: AppEvent, toServer: boolean): void
}

export interface Piece {
  toServer: boolean
  offset: number
  data: Buffer
  /** How many bytes it has, of which `data` are those that were kept. */
  count: number
}

export class SmbFiles {
  readonly #sink: FileSink
  readonly #transfers = new Map<string, Transfer>()
  /** Bytes of memory that all of them keep. */
  held = 0

  constructor(sink: FileSink) {
    this.#sink = sink
  }

  begun(id: string, toServer: boolean): boolean {
    return this.#transfers.has(key(id, toServer))
  }

  /** Whether bytes of this file are of use still. */
  wants(id: string, toServer: boolean): boolean {
    return this.#transfers.get(key(id, toServer))?.bytes.full !== true
  }

  /** `message`: the exchange that stands for the transfer when it begins here. */
  add(id: string, piece: Piece, message: () => SmbExchange): void {
    const { toServer } = piece
    const transfer = this.#transfers.get(key(id, toServer)) ?? this.#begin(id, toServer, message())
    const { bytes } = transfer
    this.held -= bytes.held
    this.#put(bytes, piece)
    this.held += bytes.held
  }

  #put(bytes: FileBytes, { toServer, offset, data, count }: Piece): void {
    if (offset < bytes.bytes) {
      this.#sink.event('smb.file_overlap', toServer)
      const known = bytes.bytes - offset
      if (known < count) bytes.add(data.subarray(known), count - known)
      return
    }
    // A file need not be read from its beginning; a hole within what is read is one.
    if (offset > bytes.bytes && bytes.bytes > 0) bytes.missed(offset - bytes.bytes)
    bytes.add(data, count)
  }

  close(id: string, whole = true): void {
    for (const toServer of [true, false]) {
      const transfer = this.#transfers.get(key(id, toServer))
      if (transfer) this.#done(key(id, toServer), transfer, whole)
    }
  }

  ended(): void {
    for (const [id, transfer] of [...this.#transfers]) this.#done(id, transfer, false)
  }

  #begin(id: string, toServer: boolean, smb: SmbExchange): Transfer {
    if (this.#transfers.size >= TRANSFERS_MAX) {
      const [oldest] = this.#transfers
      if (oldest) this.#done(oldest[0], oldest[1], false)
    }
    const transfer = { bytes: new FileBytes(toServer), smb }
    this.#transfers.set(key(id, toServer), transfer)
    return transfer
  }

  #done(id: string, { bytes, smb }: Transfer, whole: boolean): void {
    this.#transfers.delete(id)
    this.held -= bytes.held
    bytes.carry(0, smb.filename, whole, (file) => this.#sink.file(smb, file))
  }
}

const key = (id: string, toServer: boolean) => `${toServer ? '>' : '<'}${id}`
