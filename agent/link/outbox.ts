/**
 * The box's own signed summaries until every receiver has them: one encrypted file each, written whole
 * before its sequence counts. Sequence and previous hash come from the disk, never from memory alone: a
 * crash cannot give one sequence two contents.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { Failure } from '../base/failure.ts'
import { writeWhole } from '../base/files.ts'
import type { Log } from '../base/log.ts'
import type { Envelope } from '../base/signing.ts'
import { aad, seal, unseal } from '../keys/seal.ts'
import type { Cursors } from './cursors.ts'
import { OUTBOX_SUMMARIES_MAX } from './limits.ts'

const MAGIC = Buffer.from('PKO1')
const HEAD_BYTES = 8 // magic, key epoch
const NAME = /^(\d{1,16})-(\d{1,16})\.sum$/
const DIGITS = 10
export const NO_HASH = '0'.repeat(64)

export interface Place {
  epoch: number
  sequence: number
}

/** What the next summary must say of its place. */
export interface NextPlace extends Place {
  previous: string
  outbox_from: number
}

export interface OutboxOptions {
  folder: string
  cursors: Cursors
  tenant_uid: string
  /** Layer `queue`: the writing key, or that of an epoch of the keys. */
  key(epoch?: number): Promise<{ epoch: number; key: Buffer }>
  clock: Clock
  log: Log
  summariesMax?: number
}

export class Outbox {
  readonly #options: OutboxOptions
  /** In order; the last one stays on disk though everybody has it: it holds sequence and previous hash. */
  #places: Place[] = []
  #epoch = 0
  #sequence = 0
  #previous = NO_HASH
  #writing = false
  /** Summaries that went unsent because the outbox was full. */
  dropped = 0
  /** Files that did not open and were put into `aside`. */
  aside = 0

  private constructor(options: OutboxOptions) {
    this.#options = options
  }

  static async open(options: OutboxOptions): Promise<Outbox> {
    const outbox = new Outbox(options)
    await outbox.#recover()
    return outbox
  }

  get epoch(): number {
    return this.#epoch
  }

  /** The last sequence that counts; 0 at the start of an epoch. */
  get sequence(): number {
    return this.#sequence
  }

  get size(): number {
    return this.#places.length
  }

  async #recover(): Promise<void> {
    const { folder, cursors, clock, log } = this.#options
    mkdirSync(join(folder, 'aside'), { recursive: true, mode: 0o700 })
    for (const name of readdirSync(folder)) if (name.endsWith('.part')) rmSync(join(folder, name))
    this.#places = placesIn(folder)
    const lost = placesIn(join(folder, 'aside'))
    this.aside = lost.length
    const known = Math.max(cursors.epoch, ...[...lost, ...this.#places].map(({ epoch }) => epoch))
    const newest = this.#places.at(-1)
    const body = newest && (await this.read(newest))?.body
    const after = lost.some((each) => !newest || inOrder(newest, each) < 0)
    if (newest && body !== undefined && newest.epoch === known && !after) {
      this.#epoch = newest.epoch
      this.#sequence = newest.sequence
      this.#previous = hashOf(body)
    } else {
      // Nothing says where the chain stood: going on could give a sequence a second content.
      this.#epoch = known > 0 ? known + 1 : Math.floor(clock.nowUs() / 1e6)
      log.info({ epoch: this.#epoch, known }, 'outbox.new-epoch')
    }
    cursors.setEpoch(this.#epoch)
    this.#trim()
  }

  /** A re-join: the receiver may have refused the rest of the epoch before. */
  beginEpoch(): number {
    this.#epoch++
    this.#sequence = 0
    this.#previous = NO_HASH
    this.#options.cursors.setEpoch(this.#epoch)
    return this.#epoch
  }

  /** Resolves once the summary is on disk; if it rejects, the sequence is still free. */
  async append(make: (place: NextPlace) => Promise<Envelope>): Promise<Place> {
    if (this.#writing) throw new Failure('conflict', 'Another summary is being written.')
    this.#writing = true
    try {
      const { tenant_uid, folder } = this.#options
      const place = { epoch: this.#epoch, sequence: this.#sequence + 1 }
      const oldest = this.#places.find(({ epoch }) => epoch === place.epoch) ?? place
      const envelope = await make({
        ...place,
        previous: this.#previous,
        outbox_from: oldest.sequence,
      })
      const { epoch, key } = await this.#options.key()
      const head = Buffer.alloc(HEAD_BYTES)
      MAGIC.copy(head)
      head.writeUInt32BE(epoch, MAGIC.length)
      const sealed = seal(key, Buffer.from(JSON.stringify(envelope)), bound(tenant_uid, place))
      if (place.epoch !== this.#epoch)
        throw new Failure('conflict', 'A new epoch began while this summary was made.')
      writeWhole(join(folder, nameOf(place)), Buffer.concat([head, sealed]))
      this.#sequence = place.sequence
      this.#previous = hashOf(envelope.body)
      this.#places.push(place)
      this.#trim()
      return place
    } finally {
      this.#writing = false
    }
  }

  /** The newest that this receiver has not acknowledged and `skip` does not name. */
  next(uplink_id: string, skip: (place: Place) => boolean): Place | undefined {
    return this.#places.findLast(
      (place) =>
        !this.#options.cursors.acked(uplink_id, place.epoch, place.sequence) && !skip(place),
    )
  }

  isAcked(uplink_id: string, { epoch, sequence }: Place): boolean {
    return this.#options.cursors.acked(uplink_id, epoch, sequence)
  }

  /** Of the epoch that is written now. */
  wholeUpTo(uplink_id: string): number {
    return this.#options.cursors.wholeUpTo(uplink_id, this.#epoch)
  }

  /** Whether a summary of that place can exist. */
  hasIssued(epoch: number, sequence: number): boolean {
    return epoch < this.#epoch || (epoch === this.#epoch && sequence <= this.#sequence)
  }

  waiting(uplink_id: string): number {
    let count = 0
    for (const { epoch, sequence } of this.#places)
      if (!this.#options.cursors.acked(uplink_id, epoch, sequence)) count++
    return count
  }

  /** Nothing when the file does not open: then it stands in `aside`, named in the log, and is counted. */
  async read(place: Place): Promise<Envelope | undefined> {
    const { folder, tenant_uid, key } = this.#options
    let bytes: Buffer
    try {
      bytes = readFileSync(join(folder, nameOf(place)))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      return this.#setAside(place, 'it is gone')
    }
    if (bytes.length < HEAD_BYTES || !bytes.subarray(0, MAGIC.length).equals(MAGIC))
      return this.#setAside(place, 'it is no summary of this outbox')
    const { key: opens } = await key(bytes.readUInt32BE(MAGIC.length))
    const plain = unseal(opens, bytes.subarray(HEAD_BYTES), bound(tenant_uid, place))
    if (!plain) return this.#setAside(place, 'it does not open')
    return JSON.parse(plain.toString()) as Envelope
  }

  /** What a receiver says it has; whatever all have is removed. False when it says nothing new. */
  acknowledge(
    uplink_id: string,
    epoch: number,
    ranges: readonly (readonly [number, number])[],
  ): boolean {
    if (!this.#options.cursors.apply(uplink_id, epoch, ranges)) return false
    this.#trim()
    return true
  }

  #setAside(place: Place, because: string): undefined {
    const { folder, log } = this.#options
    const name = nameOf(place)
    log.error({ file: name, because }, 'outbox.aside')
    this.aside++
    this.#places = this.#places.filter((each) => inOrder(each, place) !== 0)
    try {
      renameSync(join(folder, name), join(folder, 'aside', name))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }

  #trim(): void {
    const { cursors, folder, summariesMax = OUTBOX_SUMMARIES_MAX } = this.#options
    const over = this.#places.length - summariesMax
    const newest = this.#places.length - 1
    this.#places = this.#places.filter((place, at) => {
      const done = cursors.ackedByAll(place.epoch, place.sequence)
      if (at === newest || (!done && at >= over)) return true
      if (!done) this.dropped++
      rmSync(join(folder, nameOf(place)), { force: true })
      return false
    })
  }
}

function placesIn(folder: string): Place[] {
  return readdirSync(folder)
    .flatMap((name) => {
      const found = NAME.exec(name)
      return found ? [{ epoch: Number(found[1]), sequence: Number(found[2]) }] : []
    })
    .sort(inOrder)
}

function inOrder(a: Place, b: Place): number {
  return a.epoch - b.epoch || a.sequence - b.sequence
}

function nameOf({ epoch, sequence }: Place): string {
  return `${String(epoch).padStart(DIGITS, '0')}-${String(sequence).padStart(DIGITS, '0')}.sum`
}

function bound(tenant_uid: string, { epoch, sequence }: Place): Buffer {
  return aad(tenant_uid, epoch, sequence)
}

function hashOf(body: string): string {
  return createHash('sha256').update(body).digest('hex')
}
