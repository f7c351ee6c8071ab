/** A site that signs summaries with a real key and chains them, one a period: for what receives. Times are µs. */
import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { newUid } from '../../agent/base/ids.ts'
import { type Envelope, keyId, signJson } from '../../agent/base/signing.ts'
import { asJson, type Summary, type VerifiedSummary } from '../../agent/summary/summary.ts'
import { bodyHash, type MemberIdentity } from '../../agent/summary/verify.ts'

export const PERIOD_US = 300e6
export const NOON_US = Date.UTC(2026, 10, 2, 12) * 1000

const NONE = { low: 0, medium: 0, high: 0, critical: 0 }
const ZEROS = '0'.repeat(64)
const HEAD = createHash('sha256').update('head').digest('hex')

export type Change = Partial<Summary>

export class SummarySource {
  readonly member: MemberIdentity
  readonly privateKey: KeyObject
  readonly site: string
  epoch = 1
  sequence = 0
  previous = ZEROS
  /** End of the next window. */
  nextTo: number

  constructor(tenant_id = 'cape-town', { site = 'Cape Town', firstTo = NOON_US } = {}) {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519')
    this.privateKey = privateKey
    this.site = site
    this.nextTo = firstTo
    this.member = {
      tenant_id,
      tenant_uid: newUid(),
      fleet_id: 'acme',
      appliance_id: newUid(),
      spki: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
      key_id: keyId(publicKey),
      revoked: null,
    }
  }

  /** The next of the chain. */
  next(change: Change = {}): VerifiedSummary {
    this.sequence++
    const made = this.make({ previous: this.previous, ...change })
    this.previous = made.hash
    this.nextTo += PERIOD_US
    return made
  }

  /** Any summary, signed, without moving on. */
  make(change: Change = {}): VerifiedSummary {
    const { tenant_id, tenant_uid, fleet_id, appliance_id } = this.member
    const { epoch, sequence, site } = this
    const summary: Summary = {
      ...calmSummary(this.nextTo),
      ...{ tenant_id, tenant_uid, fleet_id, appliance_id, site, epoch, sequence },
      ...change,
    }
    const envelope = this.sign(summary)
    return { summary, envelope, hash: bodyHash(envelope.body) }
  }

  sign(summary: Summary): Envelope {
    return signJson(this.privateKey, 'summary', asJson(summary))
  }

  startEpoch(): void {
    this.epoch++
    this.sequence = 0
    this.previous = ZEROS
  }
}

/** Nothing found, all seen. */
export function calmSummary(to: number): Summary {
  return {
    version: 1,
    tenant_id: 'cape-town',
    tenant_uid: '1'.repeat(32),
    fleet_id: 'acme',
    appliance_id: '2'.repeat(32),
    site: 'Cape Town',
    epoch: 1,
    sequence: 1,
    previous: ZEROS,
    outbox_from: 1,
    window: { from: to - PERIOD_US, to, period_seconds: 300 },
    state: 'quiet',
    sentence: 'Cape Town: nothing found; all traffic seen.',
    states: { blind: null, stale: null },
    findings: NONE,
    findings_24h: NONE,
    top_rules: [],
    top_hosts: [],
    digests: [],
    digests_left_out: 0,
    actions: { proposed: 0, active: 0, approved: 0, undone: 0, expired: 0, refused: 0 },
    compliance: { score: 94, controls: 16, failing: [] },
    ot: { reads: 0, writes: 0, stations: 0, controllers: 0 },
    capture: {
      ...{ seen: 1000, processed: 1000, dropped: 0, bytes: 64_000 },
      ...{ blind_seconds: 0, missed_frames: 0 },
      ports: [{ name: 'lan', seen: 1000, dropped: 0 }],
    },
    self_test: { at: to - PERIOD_US, ok: true },
    rules: { loaded: 40, refused: 0, age_seconds: 3600, silenced: 0 },
    clock: { wall: to, offset_ms: 2, source: 'chrony', monotonic_us: 1, boot_count: 1 },
    lake: {
      ...{ rows: 10, oldest_tier1: to - 1e9, oldest_tier2: null },
      ...{ disk_free_bytes: 1e9, disk_total_bytes: 2e9, full_at: null, fault: null },
    },
    health: { down: [], restarts: 0, uptime_seconds: 100_000 },
    versions: { picket: '0.1.0', node: '26.10.0', kernel: '6.12' },
    anchors: {
      ...{ catalog_generation: 7, catalog_head: HEAD, audit_seq: 100, audit_head: HEAD },
      ...{ key_epoch: 1, root_generation: 1, boot_count: 1 },
    },
  }
}
