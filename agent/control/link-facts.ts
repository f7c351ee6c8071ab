/** What goes into a summary: asked of the other programs of the box, each with a bound; who does not answer is null. */
import { mkdirSync, readFileSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { release, uptime } from 'node:os'
import { dirname, join } from 'node:path'
import * as v from 'valibot'
import { type Clock, usFromIso } from '../base/clock.ts'
import { writeWhole } from '../base/files.ts'
import type { Log } from '../base/log.ts'
import { machineBoot } from '../contain/run-clock.ts'
import { shippedControls } from '../controls-on-disk.ts'
import { driveNotes, worstOf } from '../health/drive-notes.ts'
import { machineFacts } from '../health/machine-facts.ts'
import { buildSummary, type SummaryInput } from '../summary/build.ts'
import type { Control } from '../summary/compliance.ts'
import type { Summary } from '../summary/summary.ts'
import { countersOf, fullAt } from '../summary/window.ts'
import type { Tenant } from '../tenancy/tenant.ts'
import { AgentClient } from './agent-client.ts'
import { GuardClient } from './guard-client.ts'
import { lakeClient } from './lake-client.ts'
import type { LinkKeys } from './link-keys.ts'
import { connect } from './rpc.ts'
import { socketPath } from './sockets.ts'

const ANSWER_MS_MAX = 15_000
/** The rate at which the disk fills is taken over a day, where there is one. */
const DISK_SPAN_US = 86_400e6

const Boots = v.strictObject({ boot_id: v.string(), count: v.number() })

/** What one window leaves for the next. */
export interface Carried {
  to: number
  counters: SummaryInput['before']
  /** Oldest first. */
  disk: { at: number; freeBytes: number }[]
  /** Starts of picket-agent that were seen. */
  restarts: number
}

export interface FactsOptions {
  data: string
  siteName: string | undefined
  version: string
  keys: Pick<LinkKeys, 'anchors' | 'controlEvidence'>
  clock: Clock
  log: Log
}

export class LinkFacts {
  readonly #options: FactsOptions
  readonly #guard: GuardClient
  readonly #controls: Control[]
  readonly #bootCount: number

  constructor(options: FactsOptions) {
    this.#options = options
    this.#guard = new GuardClient(options.data, 'link')
    this.#controls = shippedControls()
    this.#bootCount = countBoot(join(options.data, 'link', 'boots.json'))
  }

  /** The facts of a window; the summary is made of them once its place is known. */
  async collect(
    tenant: Tenant,
    window: Summary['window'],
    before: Carried | undefined,
  ): Promise<{ make(place: SummaryInput['place']): Summary; carried: Carried }> {
    const { clock, version, siteName } = this.#options
    const [agent, actions, lake, space, values, keys] = await Promise.all([
      this.#try('agent', this.#askAgent(window)),
      this.#try('guard', this.#guard.list()),
      this.#try('lake', this.#askLake(tenant)),
      this.#try('disk', statfs(this.#options.data)),
      this.#try('controls', this.#options.keys.controlEvidence({ tenant_uid: tenant.tenant_uid })),
      this.#options.keys.anchors({ tenant_uid: tenant.tenant_uid }),
    ])
    const sample = space && { at: window.to, freeBytes: space.bavail * space.bsize }
    const isRestart = agent && before?.counters?.startedAt !== agent.sight.startedAt
    const carried: Carried = {
      to: window.to,
      counters: agent ? countersOf(agent.sight) : (before?.counters ?? null),
      disk: [...(before?.disk ?? []), ...(sample ? [sample] : [])].filter(isDaysOrDue(window.to)),
      restarts: (before?.restarts ?? 0) + (isRestart && before?.counters ? 1 : 0),
    }
    const { tenant_id, tenant_uid, fleet_id, appliance_id } = tenant
    const input: Omit<SummaryInput, 'place'> = {
      who: { tenant_id, tenant_uid, fleet_id, appliance_id, site: siteName ?? tenant_id },
      window,
      agent,
      actions: actions?.filter((action) => action.tenant_uid === tenant_uid) ?? null,
      lake,
      disk: space && {
        freeBytes: space.bavail * space.bsize,
        totalBytes: space.blocks * space.bsize,
        fullAt: sample && fullAt(carried.disk[0] ?? null, sample),
      },
      // A lake that does not answer leaves its controls unknown, which counts as failing.
      compliance: { controls: this.#controls, values: values?.values ?? [] },
      keys,
      before: before?.counters ?? null,
      clock: {
        wall: clock.nowUs(),
        monotonicUs: Math.round(clock.steadyMs() * 1000),
        bootCount: this.#bootCount,
      },
      health: { down: [], restarts: carried.restarts, uptime_seconds: Math.round(uptime()), ...heatAndWear(this.#options.data) }, // biome-ignore format: one line
      versions: { picket: version, node: process.versions.node, kernel: release() },
    }
    return { make: (place) => buildSummary({ ...input, place }), carried }
  }

  async #askAgent({ from, to }: Summary['window']): Promise<NonNullable<SummaryInput['agent']>> {
    const agent = await AgentClient.open(this.#options.data, 'link')
    try {
      const [sight, found] = await Promise.all([
        agent.status(),
        agent.summaryFacts({ fromUs: from, toUs: to }),
      ])
      return { sight, found }
    } finally {
      agent.close()
    }
  }

  async #askLake({ tenant_uid }: Tenant): Promise<NonNullable<SummaryInput['lake']>> {
    const rpc = await connect(socketPath(this.#options.data, 'lake', 'link'))
    try {
      const { tenants } = await lakeClient(rpc).status()
      const own = tenants.find((each) => each.tenant_uid === tenant_uid)
      if (!own) throw new Error('the lake does not know this tenant yet')
      const time = (iso: string | null) => (iso === null ? null : usFromIso(iso))
      return {
        rows: own.rows,
        oldestTier1: time(own.oldestRowTier1),
        oldestTier2: time(own.oldestRowTier2),
        generation: own.generation,
        head: own.catalogHead,
        fault: own.fault ?? null,
      }
    } finally {
      rpc.close()
    }
  }

  async #try<T>(what: string, answer: Promise<T>): Promise<T | null> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, fail) => {
      timer = setTimeout(() => fail(new Error(`no answer in ${ANSWER_MS_MAX} ms`)), ANSWER_MS_MAX)
    })
    try {
      return await Promise.race([answer, late])
    } catch (error) {
      this.#options.log.warn({ what, error: (error as Error).message }, 'summary.unanswered')
      return null
    } finally {
      clearTimeout(timer)
    }
  }

  close(): void {
    this.#guard.close()
  }
}

/** Left out where nobody can say: that is no drive without wear. */
function heatAndWear(data: string): Pick<Summary['health'], 'drives' | 'processors_throttled'> {
  const drives = worstOf(driveNotes(data))
  const { throttled } = machineFacts()
  return {
    ...(drives && { drives }),
    ...(throttled !== undefined && { processors_throttled: throttled }),
  }
}

/** Samples of the last day, at least an hour apart, but for the first. */
function isDaysOrDue(to: number) {
  let last = Number.NEGATIVE_INFINITY
  return ({ at }: { at: number }): boolean => {
    if (at > to || to - at > DISK_SPAN_US || at - last < 3_600e6) return false
    last = at
    return true
  }
}

/** How often this machine started, as far as this data folder saw it: an anchor that must never fall. */
function countBoot(path: string): number {
  const boot_id = machineBoot.bootId()
  let before = { boot_id: '', count: 0 }
  try {
    before = v.parse(v.pipe(v.string(), v.parseJson(), Boots), readFileSync(path, 'utf8'))
  } catch {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 }) // none yet, or unreadable: it begins again
  }
  if (before.boot_id === boot_id) return before.count
  const count = before.count + 1
  writeWhole(path, JSON.stringify({ boot_id, count }))
  return count
}
