/**
 * What a site says about itself once a window: version 1, 32 KB at most, signed by the box, sealed for each
 * receiver. Every number has its window; times are microseconds since 1970; unknown is null, never zero.
 */
import * as v from 'valibot'
import type { Json } from '../base/canonical.ts'
import { SLUG, UID } from '../base/ids.ts'
import { type Envelope, SIGNED_TYPES } from '../base/signing.ts'
import { visible } from '../base/text.ts'
import { withLater } from './later-fields.ts'

/** Of the signed body. Digests are left out, worst kept, until it fits. */
export const SUMMARY_BYTES_MAX = 32 << 10
export const DIGESTS_MAX = 40
export const TOP_MAX = 10
export const CONTROLS_MAX = 64

/** What a reader could not see was made visible by the sender: a summary that still holds it is none of ours (D35). */
const Text = (max: number) =>
  v.pipe(
    v.string(),
    v.maxLength(max),
    v.check((text) => visible(text) === text, 'holds characters that nobody sees'),
  )
const Count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const TimeUs = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const Uid = v.pipe(v.string(), v.regex(UID))
const Slug = v.pipe(v.string(), v.regex(SLUG))
const Hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))
const Level = v.picklist(['low', 'medium', 'high', 'critical'])
const BySeverity = v.strictObject({ low: Count, medium: Count, high: Count, critical: Count })
const Impairment = v.nullable(v.strictObject({ since: v.nullable(TimeUs), because: Text(200) }))

/** One finding of the last 24 hours, folded by rule and host. */
export const Digest = v.strictObject({
  id: Text(64),
  rule_id: Text(80),
  title: Text(240),
  severity: Level,
  host: v.nullable(Text(120)),
  attack_ids: v.pipe(v.array(Text(16)), v.maxLength(8)),
  first: TimeUs,
  last: TimeUs,
  count: Count,
  /** Whether an action of this site is about it: `proposed`, `active`, or nothing. */
  state: v.picklist(['open', 'proposed', 'active']),
})

/** A compliance control that does not hold. `unknown`: its evidence could not be read, which counts as failing. */
export const FailingControl = v.strictObject({
  id: Text(40),
  sentence: Text(200),
  weight: Count,
  unknown: v.boolean(),
  evidence: Text(200),
})

const SummaryShape = v.strictObject({
  version: v.literal(1),
  tenant_id: Slug,
  tenant_uid: Uid,
  fleet_id: Slug,
  appliance_id: Uid,
  /** What people call the site. */
  site: Text(64),
  /** Counts up from 1 in each epoch; a re-join or a lost outbox begins a new epoch. */
  epoch: Count,
  sequence: v.pipe(Count, v.minValue(1)),
  /** SHA-256 of the body before, hex; of nothing in the first of an epoch: 64 zeros. */
  previous: Hash,
  /** The oldest sequence that this box could still send again. */
  outbox_from: Count,
  window: v.strictObject({ from: TimeUs, to: TimeUs, period_seconds: Count }),
  state: v.picklist(['quiet', 'findings', 'blind', 'stale', 'cut-off']),
  sentence: Text(600),
  states: v.strictObject({ blind: Impairment, stale: Impairment }),
  /** New in this window. */
  findings: BySeverity,
  /** Of the last 24 hours. */
  findings_24h: BySeverity,
  top_rules: v.pipe(
    v.array(v.strictObject({ rule_id: Text(80), title: Text(240), count: Count })),
    v.maxLength(TOP_MAX),
  ),
  top_hosts: v.pipe(
    v.array(v.strictObject({ host: Text(120), count: Count })),
    v.maxLength(TOP_MAX),
  ),
  digests: v.pipe(v.array(Digest), v.maxLength(DIGESTS_MAX)),
  digests_left_out: Count,
  /** `proposed` and `active` are what waits and what is in force; the others happened in this window. */
  actions: v.strictObject({
    proposed: Count,
    active: Count,
    approved: Count,
    undone: Count,
    expired: Count,
    refused: Count,
  }),
  compliance: v.strictObject({
    /** 100 − Σ weights of failing controls, not below 0; null before the first look. */
    score: v.nullable(v.pipe(v.number(), v.minValue(0), v.maxValue(100))),
    controls: Count,
    failing: v.pipe(v.array(FailingControl), v.maxLength(CONTROLS_MAX)),
  }),
  /** Operations-network messages in this window. */
  ot: v.strictObject({ reads: Count, writes: Count, stations: Count, controllers: Count }),
  /** Frames of this window: seen = processed + dropped. */
  capture: v.strictObject({
    seen: Count,
    processed: Count,
    dropped: Count,
    bytes: Count,
    blind_seconds: Count,
    missed_frames: Count,
    ports: v.pipe(
      v.array(v.strictObject({ name: Text(32), seen: Count, dropped: Count })),
      v.maxLength(16),
    ),
  }),
  self_test: v.strictObject({ at: v.nullable(TimeUs), ok: v.nullable(v.boolean()) }),
  /** Null where picket-agent did not answer: who knows them. */
  rules: v.nullable(
    v.strictObject({
      ...{ loaded: Count, refused: Count, age_seconds: Count },
      /** Not heard at all by the site's own overrides. */
      silenced: v.optional(Count),
    }),
  ),
  clock: v.strictObject({
    wall: TimeUs,
    offset_ms: v.nullable(v.number()),
    source: Text(80),
    monotonic_us: Count,
    boot_count: Count,
  }),
  lake: v.strictObject({
    rows: Count,
    oldest_tier1: v.nullable(TimeUs),
    oldest_tier2: v.nullable(TimeUs),
    disk_free_bytes: v.nullable(Count),
    disk_total_bytes: v.nullable(Count),
    /** When the disk is full at the present rate; null where that is not known yet. */
    full_at: v.nullable(TimeUs),
    fault: v.nullable(Text(200)),
  }),
  /** What a later release says more of a site stands here, where an older receiver reads over it. */
  health: withLater({
    /** Programs of the box that are not up, by name. */
    down: v.pipe(v.array(Text(32)), v.maxLength(16)),
    restarts: Count,
    uptime_seconds: Count,
    /** The worst of the box's drives, where they can be asked; and how often its processors were slowed for heat. */
    drives: v.optional(
      v.strictObject({
        used_percent: Count,
        spare_percent: Count,
        celsius: v.pipe(v.number(), v.integer()),
        throttled: Count,
        media_errors: Count,
        warnings: v.pipe(v.array(Text(32)), v.maxLength(8)),
      }),
    ),
    processors_throttled: v.optional(Count),
  }),
  versions: v.strictObject({ picket: Text(32), node: Text(32), kernel: Text(64) }),
  /** D12: what a receiver must never see fall. */
  anchors: v.strictObject({
    catalog_generation: Count,
    catalog_head: v.nullable(Hash),
    audit_seq: Count,
    audit_head: v.nullable(Hash),
    key_epoch: Count,
    root_generation: Count,
    boot_count: Count,
  }),
})

/** Of a window a day at most: no wire carries more, and sums over a fleet stay sums. */
const FRAMES_MAX = 1e14
const EVENTS_MAX = 1e12
const WINDOW_US_MAX = 86_400e6

/** What no box can say truly: then nothing it says counts, and the refusal is shown (summary-08). */
function isPossible(said: v.InferOutput<typeof SummaryShape>): boolean {
  const { window, capture, findings, findings_24h, actions } = said
  const length = window.to - window.from
  const events = [findings, findings_24h, actions].flatMap((counts) => Object.values(counts))
  return (
    length >= 0 &&
    length <= WINDOW_US_MAX &&
    capture.seen === capture.processed + capture.dropped &&
    capture.seen <= FRAMES_MAX &&
    capture.blind_seconds <= length / 1e6 + 1 &&
    events.every((count) => count <= EVENTS_MAX)
  )
}

export const Summary = v.pipe(SummaryShape, v.check(isPossible, 'contradicts itself'))
export type Summary = v.InferOutput<typeof Summary>
export type Digest = v.InferOutput<typeof Digest>
export type FailingControl = v.InferOutput<typeof FailingControl>

/** Body of a signed `ack`: cumulative, so that a lost one costs nothing. */
export const Ack = v.strictObject({
  version: v.literal(1),
  tenant_uid: Uid,
  appliance_id: Uid,
  /** The receiving appliance. */
  receiver_id: Uid,
  epoch: Count,
  /** Everything up to here is on the receiver's disk. */
  whole_up_to: Count,
  /** And these above it, as [first, last]. */
  also: v.pipe(v.array(v.tuple([Count, Count])), v.maxLength(256)),
  at: TimeUs,
  /** The receiver's own chain. */
  audit_seq: Count,
  audit_head: v.nullable(Hash),
})
export type Ack = v.InferOutput<typeof Ack>

/** Body of a signed `lwt`: a hint that a site is gone, never more (D19). */
export const LastWill = v.strictObject({
  version: v.literal(1),
  tenant_uid: Uid,
  appliance_id: Uid,
  /** 32 hex digits, new at each connection. */
  nonce: Uid,
  state: v.picklist(['here', 'gone']),
  at: TimeUs,
})
export type LastWill = v.InferOutput<typeof LastWill>

export const EnvelopeShape = v.strictObject({
  type: v.picklist(SIGNED_TYPES),
  body: v.pipe(v.string(), v.maxLength(SUMMARY_BYTES_MAX)),
  key_id: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)),
  signature: v.pipe(v.string(), v.maxLength(88), v.base64()),
})

/** A summary that was verified: the body as it was signed is what is kept. */
export interface VerifiedSummary {
  summary: Summary
  envelope: Envelope
  /** SHA-256 of the signed body, hex: its identity (D4). */
  hash: string
  /** Fields of a later release that were read over; absent: none. */
  unread?: number
}

/** Why a receiver did not take a message in; counted and shown by the word. */
export const REJECTIONS = [
  'too-big', // over the bound of D18
  'not-sealed', // no seal of ours, or for another receiver
  'forged', // the signature is of no key that may speak for this appliance
  'malformed', // signed, but no summary that we understand
  'revoked', // the key was revoked before this sequence
  'foreign', // says another tenant, appliance or fleet than its topic and its certificate
  'replayed', // seen before, byte for byte
  'forked', // the same sequence with other content: kept as evidence
  'flooding', // over the rate of D18
] as const
export type Rejection = (typeof REJECTIONS)[number]

export function asJson(summary: Summary): Json {
  return summary as unknown as Json
}
