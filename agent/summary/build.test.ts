import { generateKeyPairSync } from 'node:crypto'
import * as v from 'valibot'
import { expect, test } from 'vitest'
import { NOON_US, PERIOD_US, SummarySource } from '../../test/traffic/summary-source.ts'
import { canonical } from '../base/canonical.ts'
import { signJson } from '../base/signing.ts'
import { type AgentFindings, type AgentSight, buildSummary, type SummaryInput } from './build.ts'
import { SiteFold } from './fold.ts'
import { ephemeralOf, pointOf, seal, sharedSecret, unseal } from './seal.ts'
import { asJson, SUMMARY_BYTES_MAX, Summary } from './summary.ts'
import { speaker, verifySummary } from './verify.ts'
import { countersOf, fullAt } from './window.ts'

const { privateKey } = generateKeyPairSync('ed25519')
const receiverKey = pointOf(generateKeyPairSync('x25519').publicKey)
const to = NOON_US
const none = { low: 0, medium: 0, high: 0, critical: 0 }
const sight: AgentSight = {
  state: 'quiet',
  states: { blind: null, stale: null },
  sentence: 'London: nothing found; all traffic seen.',
  capture: { interfaces: [{ name: 'lan', processed: 900, dropped: 100, bytes: 64_000 }] },
  blindSeconds: 0,
  missedFrames: 0,
  rules: { loaded: 40, refused: 1, ageSeconds: 60.7 },
  selfTest: { lastAt: to - 1e6, ok: true },
  clock: { offsetMs: 1.5, source: 'chrony' },
  startedAt: to - 10 * PERIOD_US,
}
const found: AgentFindings = {
  findings: none,
  findings24h: none,
  topRules: [],
  topHosts: [],
  digests: [],
  digestsLeftOut: 0,
  ot: { reads: 1, writes: 2, stations: 1, controllers: 1 },
}
const input: SummaryInput = {
  who: { tenant_id: 'london', tenant_uid: 'a'.repeat(32), fleet_id: 'acme', appliance_id: 'b'.repeat(32), site: 'London' }, // biome-ignore format: one line
  place: { epoch: 1, sequence: 3, previous: 'c'.repeat(64), outbox_from: 1 },
  window: { from: to - PERIOD_US, to, period_seconds: 300 },
  agent: { sight, found },
  actions: [],
  lake: { rows: 10, oldestTier1: null, oldestTier2: null, generation: 4, head: null, fault: null },
  disk: { freeBytes: 1, totalBytes: 2, fullAt: null },
  compliance: { controls: [], values: null },
  keys: { audit_seq: 1, audit_head: null, key_epoch: 1, root_generation: 1 },
  before: null,
  clock: { wall: to, monotonicUs: 5, bootCount: 2 },
  health: { down: [], restarts: 0, uptime_seconds: 9 },
  versions: { picket: '0.1.0', node: '26.10.0', kernel: '6.12' },
}
const seen = (change: Partial<AgentSight>) => ({ agent: { sight: { ...sight, ...change }, found } })
const built = (change: Partial<SummaryInput> = {}) => v.parse(Summary, buildSummary({ ...input, ...change })) // biome-ignore format: one line

test('what the box knows becomes a summary that its own schema takes', () => {
  const summary = built()
  expect(summary.sentence).toBe(sight.sentence)
  expect(summary.rules).toEqual({ loaded: 40, refused: 1, age_seconds: 60 })
  expect(summary.anchors).toMatchObject({ catalog_generation: 4, boot_count: 2 })
})

test('compliance is judged over what the summary itself says', () => {
  const controls = [
    {
      ...{ id: 'dropped', sentence: 'At most one frame of a thousand is lost', weight: 8 },
      evidence: { status: 'derived.dropped_share', fails: { op: '>' as const, value: 0.001 }, says: 'a share of {n} lost' }, // biome-ignore format: one line
    },
  ]
  const { compliance } = built({ compliance: { controls, values: [] } })
  expect(compliance).toMatchObject({ score: 92, controls: 1 })
  expect(compliance.failing[0]?.evidence).toBe('a share of 0.1 lost')
})

test('a window is the difference of two counts; a run that began again counts from nothing', () => {
  const before = countersOf({ ...sight, capture: { interfaces: [{ name: 'lan', processed: 600, dropped: 90, bytes: 4_000 }] } }) // biome-ignore format: one line
  const { capture } = built({ before })
  expect(capture).toMatchObject({ seen: 310, processed: 300, dropped: 10, bytes: 60_000 })
  expect(capture.ports).toEqual([{ name: 'lan', seen: 310, dropped: 10 }])
  const restarted = built({ before: { ...before, startedAt: 5 } })
  expect(restarted.capture).toMatchObject({ seen: 1000, dropped: 100 })
})

test('blind seconds: nobody looked before the run began, or no frame since; never more than the window', () => {
  const before = countersOf(sight)
  const blind = (change: Partial<AgentSight>, from = before) =>
    built({ ...seen(change), before: from }).capture.blind_seconds
  expect(blind({})).toBe(0)
  const restart = { startedAt: to - 100e6, blindSeconds: 900 }
  expect(blind(restart)).toBe(200) // of 900 s unwatched these belong to this window
  expect(blind({ states: { blind: { since: to - 40e6, because: 'x' }, stale: null } })).toBe(40)
  expect(blind({ states: { blind: { since: 1, because: 'x' }, stale: null } })).toBe(300)
  const both = { ...restart, states: { blind: { since: 1, because: 'x' }, stale: null } }
  expect(blind(both)).toBe(300)
})

test('programs that do not answer are said, not shown as peace', () => {
  const summary = built({ agent: null, lake: null, actions: null, health: { ...input.health, down: ['picket-web'] } }) // biome-ignore format: one line
  expect(summary.state).toBe('blind')
  expect(summary.sentence).toContain('picket-agent did not answer')
  expect(summary.health.down).toEqual(['picket-agent', 'picket-guard', 'picket-lake', 'picket-web'])
  expect(summary.capture.blind_seconds).toBe(300)
  expect(summary.lake.fault).toBe('picket-lake did not answer')
  expect(summary.self_test).toEqual({ at: null, ok: null })
  expect(summary.rules).toBeNull()
})

test('a fault of the lake names its file, never the folders of the box', () => {
  const fault = 'The lake file /var/lib/picket/lake/t/tier1/0001.parquet is missing.'
  const lake = { rows: 10, oldestTier1: null, oldestTier2: null, generation: 4, head: null, fault }
  expect(built({ lake }).lake.fault).toBe('The lake file 0001.parquet is missing.')
})

test('actions: what waits and is in force, and what happened in this window', () => {
  const action = (state: string, change = {}) => ({
    ...{ state, finding_id: 'f', rule_id: 'base:scan', target: '10.0.0.9', proposedAt: 1 },
    ...change,
  })
  const { actions, digests } = built({
    agent: {
      sight,
      found: { ...found, digests: [digest(1), digest(2, { host: '10.0.0.9', rule_id: 'base:scan' })] }, // biome-ignore format: one line
    },
    actions: [
      action('proposed'),
      action('proposed', { rule_id: 'x', finding_id: 'id-1' }),
      action('active', { decidedAt: to - 5, decidedBy: 'amara' }),
      action('active', { decidedAt: to - 5, decidedBy: 'policy' }),
      action('active', { decidedAt: to - PERIOD_US, decidedBy: 'amara' }), // the window before
      action('undone', { endedAt: to }),
      action('expired', { endedAt: to - 1 }),
      action('refused', { proposedAt: to - 1 }),
      action('rejected', { decidedAt: to - 1, decidedBy: 'amara' }),
    ],
  })
  expect(actions).toEqual({
    proposed: 2,
    active: 3,
    approved: 1,
    undone: 1,
    expired: 1,
    refused: 1,
  })
  expect(digests.map(({ state }) => state)).toEqual(['proposed', 'proposed'])
})

function digest(i: number, change = {}) {
  return {
    ...{ id: `id-${i}`, rule_id: `sid:${i}`, title: 'T'.repeat(100), severity: 'high' as const },
    ...{ host: `h${i}`, attack_ids: ['T1046'], first: 1, last: 2, count: 1 },
    ...change,
  }
}

test.each([
  ['quotes, which grow in the envelope', '"'],
  ['backslashes', '\\'],
  ['wide characters', '测'],
  ['pairs', '🛡'],
  ['controls, made visible', '\u0000'],
])('the worst of text fits, the worst digests stay, what went is counted: %s', (_, c) => {
  const long = c.repeat(1000)
  const digests = Array.from({ length: 60 }, (_, i) => digest(i, { title: long, host: long, rule_id: long })) // biome-ignore format: one line
  const top = { topRules: Array.from({ length: 20 }, () => ({ rule_id: long, title: long, count: 1 })), topHosts: Array.from({ length: 20 }, () => ({ host: long, count: 1 })) } // biome-ignore format: one line
  const text = 'x'.repeat(120)
  const controls = Array.from({ length: 32 }, (_, i) => ({
    ...{ id: `c${i}`, sentence: text, weight: 1 },
    evidence: { sql: 'SELECT 1', fails: { op: '>' as const, value: 0 }, says: text },
  }))
  const values = controls.map(({ id }) => ({ id, value: null, because: text }))
  const summary = built({
    who: { ...input.who, site: long },
    agent: { sight: { ...sight, sentence: long, clock: { source: long }, states: { blind: { because: long }, stale: { because: long } } }, found: { ...found, ...top, digests, digestsLeftOut: 7 } }, // biome-ignore format: one line
    compliance: { controls, values },
  })
  expect(seal(signJson(privateKey, 'summary', asJson(summary)), { receiverKey, topic: 't' })).toHaveLength(40 << 10) // biome-ignore format: one line
  expect(summary.compliance.score).toBe(68)
  expect(Buffer.byteLength(canonical(asJson(summary)))).toBeLessThanOrEqual(SUMMARY_BYTES_MAX)
  expect(summary.digests.length + summary.digests_left_out).toBe(67)
  expect(summary.digests.map(({ id }) => id)).toEqual(digests.slice(0, summary.digests.length).map(({ id }) => id)) // biome-ignore format: one line
})

test('all forty digests of ordinary length fit', () => {
  const digests = Array.from({ length: 50 }, (_, i) => digest(i))
  const summary = built({ agent: { sight, found: { ...found, digests } } })
  expect([summary.digests.length, summary.digests_left_out]).toEqual([40, 10])
})

test('the day a disk is full: the rate since an hour at least; ten years where it does not fill', () => {
  const hour = 3_600e6
  const now = { at: 10 * hour, freeBytes: 800 }
  expect(fullAt(null, now)).toBeNull()
  expect(fullAt({ at: 9.5 * hour, freeBytes: 900 }, now)).toBeNull()
  expect(fullAt({ at: 8 * hour, freeBytes: 1000 }, now)).toBe(18 * hour)
  expect(fullAt({ at: 8 * hour, freeBytes: 700 }, now)).toBeGreaterThan(now.at + 3600 * 86_400e6)
})

test('the whole road: built, signed, sealed, opened, believed, folded', () => {
  const source = new SummarySource(input.who.tenant_id)
  const { tenant_uid, fleet_id, appliance_id } = source.member
  const who = { ...input.who, tenant_uid, fleet_id, appliance_id }
  const receiver = generateKeyPairSync('x25519')
  const to = { receiverKey: pointOf(receiver.publicKey), topic: 'p/v1/f/t/a/sum' }
  const fold = new SiteFold()
  const from = speaker(source.member)
  let previous = '0'.repeat(64)
  for (let sequence = 1; sequence <= 3; sequence++) {
    const place = { ...input.place, sequence, previous }
    const payload = seal(source.sign(buildSummary({ ...input, who, place })), to)
    const shared = sharedSecret(receiver.privateKey, ephemeralOf(payload) ?? Buffer.alloc(32))
    const envelope = shared && unseal(payload, { shared, ...to })
    const verified = verifySummary(envelope, from)
    if (typeof verified === 'string') throw new Error(verified)
    const outcome = fold.accept(verified, { at: NOON_US, bytes: payload.length })
    expect(outcome).toEqual({ accepted: true, isNewest: true, forked: false })
    previous = verified.hash
  }
  expect(fold.epochs[0]?.wholeUpTo).toBe(3)
})
