/** Frames of the packet ring for who may take them: scope, time, segments, the line in the trail, then picket-cut. */
import { parseAddress } from '../base/address.ts'
import { isoFromUs, usFromIso } from '../base/clock.ts'
import { Failure } from '../base/failure.ts'
import { segmentKey } from '../keys/derive.ts'
import type { Walls } from '../lake/walls.ts'
import { listSegments, ringFolder, type SegmentFile } from '../packets/folder.ts'
import type { WantedFrames } from '../packets/match.ts'
import { readHeader } from '../packets/read.ts'
import type { TenantRef } from '../tenancy/tenant.ts'
import { cutFrames } from './cut-client.ts'
import type { KeysBox } from './keys-box.ts'
import type { PacketsAnswer, PacketsQuestion } from './keys-client.ts'
import type { QueryAsker, Questions } from './keys-query.ts'
import type { CutSegment } from './run-cut.ts'

/** Before and behind a finding, where nothing else is asked. */
const AROUND_US = 60_000_000
/** So far back goes the beginning of its flow. */
const FLOW_US_MAX = 900_000_000
/** At once on this box. One a tenant, so that whoever asks twice makes nobody else wait, nor tells them that somebody asked. */
const CUTS_MAX = 8
/** Of one answer: segments whose writer died say no time, and whoever writes the folder could leave any number. */
const SEGMENTS_MAX = 4096

export class Packets {
  readonly #box: KeysBox
  readonly #questions: Questions
  readonly #walls: Walls | undefined
  readonly #running = new Set<string>()

  constructor(box: KeysBox, questions: Questions, walls?: Walls) {
    this.#box = box
    this.#questions = questions
    this.#walls = walls
  }

  async ask(asker: QueryAsker, question: PacketsQuestion): Promise<PacketsAnswer> {
    const { tenant, wanted, subject } = await this.#wanted(asker, question)
    const { tenant_uid } = tenant
    if (this.#running.has(tenant_uid) || this.#running.size >= CUTS_MAX)
      throw new Failure('too-many', 'Other frames are being looked for: ask again when they are found.') // biome-ignore format: one line
    this.#running.add(tenant_uid)
    try {
      const { actor } = asker
      const act = { actor, tenant, verb: 'packets.taken', subject, text: JSON.stringify(wanted) } as const // biome-ignore format: one line
      this.#box.trail.write(act)
      try {
        const answer = await this.#cut(tenant, wanted)
        this.#box.trail.write({ ...act, outcome: 'done', count: answer.frames })
        return answer
      } catch (error) {
        this.#box.trail.write({ ...act, outcome: 'failed' })
        throw error
      }
    } finally {
      this.#running.delete(tenant_uid)
    }
  }

  async #wanted(
    asker: QueryAsker,
    question: PacketsQuestion,
  ): Promise<{ tenant: TenantRef; wanted: WantedFrames; subject: string }> {
    const { tenant_id, finding_id, community_id, from_us, to_us } = question
    if (finding_id !== undefined) return this.#ofFinding(asker, finding_id)
    const scope = asker.scope.tenants
    const [tenant] = tenant_id === undefined ? scope : asker.scope.narrow([tenant_id])
    if (!tenant || (tenant_id === undefined && scope.length > 1))
      throw new Failure('invalid', 'Say whose frames: --tenant NAME.')
    if (from_us === undefined && to_us === undefined && community_id === undefined)
      throw new Failure('invalid', 'Say which frames: a finding, a flow, or a time.')
    const wanted = {
      fromUs: from_us ?? 0,
      toUs: to_us ?? Number.MAX_SAFE_INTEGER,
      ...(community_id !== undefined && { community_id }),
    }
    return { tenant, wanted, subject: community_id === undefined ? 'time' : 'flow' }
  }

  /** The finding's flow, or where it has none its hosts. An id of another tenant is an id of nobody. */
  async #ofFinding(asker: QueryAsker, finding_id: string) {
    const { columns, rows } = await this.#questions.ask(asker, undefined, { named: 'event', params: { event_id: finding_id } }) // biome-ignore format: one line
    const [cells] = rows
    const row = Object.fromEntries(columns.map((name, i) => [name, cells?.[i]]))
    const tenant = asker.scope.tenants.find(({ tenant_id }) => tenant_id === row.tenant_id)
    if (!cells || !tenant || row.kind !== 'finding')
      throw new Failure('not-found', 'There is no such finding in your scope; one of the last seconds may not be settled yet.') // biome-ignore format: one line
    const at = usFromIso(String(row.event_time))
    const began = flowStart(row.record)
    const hosts = [row.src_ip, row.dest_ip].filter((each) => typeof each === 'string' && parseAddress(each) !== undefined) as string[] // biome-ignore format: one line
    if (!Number.isFinite(at)) throw new Failure('not-found', 'That finding is of no time that frames could be of.') // biome-ignore format: one line
    if (typeof row.community_id !== 'string' && hosts.length === 0)
      throw new Failure('not-found', 'That finding names no flow and no host, so no frames are its own.') // biome-ignore format: one line
    const wanted: WantedFrames = {
      fromUs: Math.max(Math.min(at - AROUND_US, began ?? at), at - FLOW_US_MAX),
      toUs: at + AROUND_US,
      ...(typeof row.community_id === 'string' ? { community_id: row.community_id } : { hosts }),
    }
    return { tenant, wanted, subject: `finding/${finding_id}` }
  }

  async #cut(tenant: TenantRef, wanted: WantedFrames): Promise<PacketsAnswer> {
    const { tenant_id, tenant_uid } = tenant
    const folder = ringFolder(this.#box.data, tenant_uid)
    const all = listSegments(folder)
    const oldest = all.find(({ fromUs }) => fromUs !== undefined)?.fromUs
    const some = all.filter((each) => overlaps(each, wanted))
    if (some.length > SEGMENTS_MAX)
      throw new Failure('too-many', 'The packet ring has too much of that time: ask for a shorter one.') // biome-ignore format: one line
    const keyed = some.flatMap((each) => this.#subkey(tenant_uid, each) ?? [])
    const segments = keyed.flatMap((each) => (each instanceof Failure ? [] : [each]))
    const locked = keyed.find((each) => each instanceof Failure)
    if (segments.length === 0 && locked) throw locked
    if (segments.length === 0) throw nothingHeld(oldest, wanted)
    const lockedCount = keyed.length - segments.length
    const request = { folder, tenant_uid, segments, locked: lockedCount, wanted }
    const answer = await cutFrames({ ...request, walls: this.#walls })
    const holds = oldest ?? answer.oldestUs
    if (answer.frames === 0) throw nothingHeld(holds, wanted, answer.broken)
    const isYounger = holds !== undefined && holds > wanted.fromUs && wanted.fromUs > 0
    return {
      ...{ tenant_id, pcapng: answer.pcapng, frames: answer.frames, truncated: answer.truncated },
      ...{ from_us: wanted.fromUs, to_us: wanted.toUs },
      ...{ broken: answer.broken, leftOut: answer.leftOut },
      ...(isYounger && { holds_from_us: holds }),
    }
  }

  /** The subkey of one segment; nothing for one that was retired since, and why where there is no key for it. */
  #subkey(
    tenant_uid: string,
    { path, segment_uid }: SegmentFile,
  ): CutSegment | Failure | undefined {
    try {
      const header = readHeader(path, tenant_uid)
      if (header?.segment_uid !== segment_uid) return undefined
      const layer = this.#box.ring.layer(tenant_uid, header.epoch, 'ring')
      return { path, segment_uid, key: segmentKey(layer, header.salt).toString('base64') }
    } catch (error) {
      if (error instanceof Failure) return error
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
  }
}

function overlaps({ fromUs, toUs }: SegmentFile, wanted: WantedFrames): boolean {
  return fromUs === undefined || toUs === undefined
    ? true
    : fromUs <= wanted.toUs && toUs >= wanted.fromUs
}

function nothingHeld(
  holdsFromUs: number | undefined,
  { fromUs, toUs }: WantedFrames,
  broken = 0,
): Failure {
  // Where frames may have been taken away, "there is none" would be a lie.
  if (broken > 0)
    return new Failure('not-found', `No frame of what was asked for could be read: ${broken} segments of the packet ring of that time do not verify.`) // biome-ignore format: one line
  if (holdsFromUs === undefined) return new Failure('not-found', 'The packet ring of this site is empty.') // biome-ignore format: one line
  const begins = `The packet ring begins at ${isoFromUs(holdsFromUs)}`
  if (toUs < holdsFromUs) return new Failure('not-found', `${begins}: it no longer holds that time.`) // biome-ignore format: one line
  const what = 'no frame of what was asked for is in it'
  return new Failure('not-found', fromUs < holdsFromUs ? `${begins}, later than what was asked for, and ${what}.` : `${begins}, and ${what}.`) // biome-ignore format: one line
}

/** When the flow of an alert began, by its EVE record. */
function flowStart(record: unknown): number | undefined {
  try {
    const { flow } = JSON.parse(String(record)) as { flow?: { start?: string } }
    const us = usFromIso(flow?.start ?? '')
    return Number.isFinite(us) ? us : undefined
  } catch {
    return undefined
  }
}
