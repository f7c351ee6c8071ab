/**
 * One summary from what the box knows now: pure. What a program of the box did not answer is said as such (`down`,
 * a fault, blind), never as a zero that looks like peace.
 */
import { canonical } from '../base/canonical.ts'
import { brief } from '../base/text.ts'
import { type Control, type ControlValue, controlFacts, judgeCompliance } from './compliance.ts'
import { ENVELOPE_BYTES_MAX } from './seal.ts'
import {
  asJson,
  CONTROLS_MAX,
  DIGESTS_MAX,
  type Digest,
  SUMMARY_BYTES_MAX,
  type Summary,
  TOP_MAX,
} from './summary.ts'
import { captureOf, type RunCounters } from './window.ts'

const PORTS_MAX = 16
const DOWN_MAX = 16
const ATTACK_IDS_MAX = 8
/** The envelope around a body: type, key id, signature and their quotes. */
const AROUND_BODY_BYTES = 256

type Counts = Summary['findings']

/** What the agent says of the site, in the shape this needs. Times are µs since 1970. */
export interface AgentSight {
  state: Summary['state']
  states: Readonly<Record<'blind' | 'stale', { since?: number; because: string } | null>>
  sentence: string
  capture: {
    interfaces: readonly { name: string; processed: number; dropped: number; bytes: number }[]
  }
  /** Of all runs of this data folder together. */
  blindSeconds: number
  missedFrames: number
  rules: { loaded: number; refused: number; ageSeconds: number; tuned?: { silenced: number } }
  selfTest: { lastAt?: number; ok?: boolean }
  clock: { offsetMs?: number; source: string }
  startedAt: number
}

export interface AgentFindings {
  findings: Counts
  findings24h: Counts
  topRules: readonly { rule_id: string; title: string; count: number }[]
  topHosts: readonly { host: string; count: number }[]
  digests: readonly Omit<Digest, 'state'>[]
  digestsLeftOut: number
  ot: Summary['ot']
}

export interface ContainedAction {
  state: string
  finding_id: string
  rule_id: string
  target: string
  dest?: string
  decidedBy?: string
  decidedAt?: number
  proposedAt: number
  endedAt?: number
}

export interface LakeSight {
  rows: number
  oldestTier1: number | null
  oldestTier2: number | null
  generation: number
  head: string | null
  fault: string | null
}

export interface SummaryInput {
  who: Pick<Summary, 'tenant_id' | 'tenant_uid' | 'fleet_id' | 'appliance_id' | 'site'>
  place: Pick<Summary, 'epoch' | 'sequence' | 'previous' | 'outbox_from'>
  window: Summary['window']
  /** Null where that program did not answer. */
  agent: { sight: AgentSight; found: AgentFindings } | null
  actions: readonly ContainedAction[] | null
  lake: LakeSight | null
  disk: { freeBytes: number; totalBytes: number; fullAt: number | null } | null
  /** `values`: what the lake answered, null before it was asked for the first time. */
  compliance: { controls: readonly Control[]; values: readonly ControlValue[] | null }
  keys: Pick<Summary['anchors'], 'audit_seq' | 'audit_head' | 'key_epoch' | 'root_generation'>
  /** What the agent had counted when the window began; null at the first summary. */
  before: RunCounters | null
  clock: { wall: number; monotonicUs: number; bootCount: number }
  /** Programs of the box that are not up, besides those that did not answer. */
  health: Summary['health']
  versions: Summary['versions']
}

export function buildSummary(input: SummaryInput): Summary {
  const { who, place, window, agent, health, clock } = input
  const silent = [
    agent ? [] : ['picket-agent'],
    input.actions ? [] : ['picket-guard'],
    input.lake ? [] : ['picket-lake'],
  ].flat()
  const facts: Omit<Summary, 'compliance'> = {
    version: 1,
    ...who,
    site: brief(who.site, 64),
    ...place,
    window,
    ...sightOf(input),
    ...findingsOf(input),
    actions: actionsOf(input.actions ?? [], window),
    capture: captureOf(agent?.sight ?? null, input.before, { ...window, portsMax: PORTS_MAX }),
    clock: {
      wall: clock.wall,
      offset_ms: agent?.sight.clock.offsetMs ?? null,
      source: brief(agent?.sight.clock.source ?? 'picket-agent did not answer', 80),
      monotonic_us: clock.monotonicUs,
      boot_count: clock.bootCount,
    },
    lake: lakeOf(input),
    health: {
      ...health,
      down: [...new Set([...silent, ...health.down])]
        .slice(0, DOWN_MAX)
        .map((name) => brief(name, 32)),
    },
    versions: {
      picket: brief(input.versions.picket, 32),
      node: brief(input.versions.node, 32),
      kernel: brief(input.versions.kernel, 64),
    },
    anchors: {
      catalog_generation: input.lake?.generation ?? 0,
      catalog_head: input.lake?.head ?? null,
      ...input.keys,
      boot_count: clock.bootCount,
    },
  }
  return fitted({ ...facts, compliance: complianceOf(input.compliance, facts) })
}

/** Digests go from the end, where the least and oldest stand, until the body and its sealed envelope fit. */
function fitted(whole: Summary): Summary {
  if (fits(whole)) return whole
  const { digests, digests_left_out } = whole
  const keeping = (count: number): Summary => ({
    ...whole,
    digests: digests.slice(0, count),
    digests_left_out: digests_left_out + digests.length - count,
  })
  let [least, most] = [0, digests.length]
  while (least < most) {
    const middle = Math.ceil((least + most) / 2)
    if (fits(keeping(middle))) least = middle
    else most = middle - 1
  }
  const some = keeping(least)
  // Only text of the widest characters in every field comes here; what stays is bounded far below.
  return fits(some) ? some : { ...some, top_rules: [], top_hosts: [] }
}

function fits(summary: Summary): boolean {
  const body = canonical(asJson(summary))
  return (
    Buffer.byteLength(body) <= SUMMARY_BYTES_MAX &&
    Buffer.byteLength(JSON.stringify(body)) + AROUND_BODY_BYTES <= ENVELOPE_BYTES_MAX
  )
}

function sightOf({ agent, who }: SummaryInput) {
  if (!agent) {
    const because = 'picket-agent did not answer: nobody looks at the traffic'
    return {
      state: 'blind' as const,
      sentence: brief(`${who.site}: blind: ${because}.`, 600),
      states: { blind: { since: null, because }, stale: null },
      self_test: { at: null, ok: null },
      rules: null,
    }
  }
  const { state, states, sentence, selfTest, rules } = agent.sight
  const impairment = (of: { since?: number; because: string } | null) =>
    of && { since: of.since ?? null, because: brief(of.because, 200) }
  return {
    state,
    sentence: brief(sentence, 600),
    states: { blind: impairment(states.blind), stale: impairment(states.stale) },
    self_test: { at: selfTest.lastAt ?? null, ok: selfTest.ok ?? null },
    rules: {
      loaded: rules.loaded,
      refused: rules.refused,
      age_seconds: Math.max(0, Math.floor(rules.ageSeconds)),
      ...(rules.tuned && { silenced: rules.tuned.silenced }),
    },
  }
}

function findingsOf({ agent, actions }: SummaryInput) {
  const none = { low: 0, medium: 0, high: 0, critical: 0 }
  const found = agent?.found
  const all = found?.digests ?? []
  return {
    findings: found?.findings ?? none,
    findings_24h: found?.findings24h ?? none,
    top_rules: (found?.topRules ?? []).slice(0, TOP_MAX).map(({ rule_id, title, count }) => ({
      rule_id: brief(rule_id, 80),
      title: brief(title, 240),
      count,
    })),
    top_hosts: (found?.topHosts ?? [])
      .slice(0, TOP_MAX)
      .map(({ host, count }) => ({ host: brief(host, 120), count })),
    digests: all.slice(0, DIGESTS_MAX).map((each) => digestOf(each, actions ?? [])),
    digests_left_out: (found?.digestsLeftOut ?? 0) + Math.max(0, all.length - DIGESTS_MAX),
    ot: found?.ot ?? { reads: 0, writes: 0, stations: 0, controllers: 0 },
  }
}

function digestOf(of: Omit<Digest, 'state'>, actions: readonly ContainedAction[]): Digest {
  const about = actions.filter(
    ({ finding_id, rule_id, target, dest }) =>
      finding_id === of.id || (rule_id === of.rule_id && [target, dest].includes(of.host ?? '')),
  )
  const state = (['proposed', 'active'] as const).find((word) =>
    about.some((each) => each.state === word),
  )
  return {
    id: brief(of.id, 64),
    rule_id: brief(of.rule_id, 80),
    title: brief(of.title, 240),
    severity: of.severity,
    host: of.host === null ? null : brief(of.host, 120),
    attack_ids: of.attack_ids.slice(0, ATTACK_IDS_MAX).map((id) => brief(id, 16)),
    first: of.first,
    last: of.last,
    count: of.count,
    state: state ?? 'open',
  }
}

function actionsOf(actions: readonly ContainedAction[], { from, to }: Summary['window']) {
  const count = (is: (action: ContainedAction) => boolean) => actions.filter(is).length
  const within = (at: number | undefined) => at !== undefined && at > from && at <= to
  return {
    proposed: count(({ state }) => state === 'proposed'),
    active: count(({ state }) => state === 'active'),
    approved: count(
      ({ state, decidedBy, decidedAt }) =>
        within(decidedAt) && decidedBy !== 'policy' && state !== 'rejected' && state !== 'refused',
    ),
    undone: count(({ state, endedAt }) => state === 'undone' && within(endedAt)),
    expired: count(({ state, endedAt }) => state === 'expired' && within(endedAt)),
    refused: count(
      ({ state, endedAt, proposedAt }) => state === 'refused' && within(endedAt ?? proposedAt),
    ),
  }
}

function complianceOf(
  { controls, values }: SummaryInput['compliance'],
  facts: Omit<Summary, 'compliance'>,
): Summary['compliance'] {
  const judged = judgeCompliance(controls, values, controlFacts(facts))
  const failing = judged.failing.slice(0, CONTROLS_MAX).map((each) => ({
    ...each,
    sentence: brief(each.sentence, 200),
    evidence: brief(each.evidence, 200),
  }))
  return { ...judged, failing }
}

function lakeOf({ lake, disk }: SummaryInput): Summary['lake'] {
  const fault = lake ? lake.fault : 'picket-lake did not answer'
  return {
    rows: lake?.rows ?? 0,
    oldest_tier1: lake?.oldestTier1 ?? null,
    oldest_tier2: lake?.oldestTier2 ?? null,
    disk_free_bytes: disk?.freeBytes ?? null,
    disk_total_bytes: disk?.totalBytes ?? null,
    full_at: disk?.fullAt ?? null,
    fault: fault === null ? null : brief(withoutFolders(fault), 200),
  }
}

/** "/var/lib/…/x.parquet was changed" names a file of this box; where it lies is nobody else's business. */
function withoutFolders(text: string): string {
  return text.replace(/(?:\/[^\s/]+)+\/([^\s/]+)/g, '$1')
}
