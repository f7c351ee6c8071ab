/** The agent's view of itself, built once a second from counters of the shards and of its own stages. */
import { inPrefix, type Prefix, parseAddress } from './base/address.ts'
import type { Clock } from './base/clock.ts'
import type { Config } from './base/config.ts'
import { VERSION } from './base/version.ts'
import type { Containment } from './containment.ts'
import type { AssetView } from './control/agent-client.ts'
import type { Day } from './day.ts'
import type { Tuned } from './detect/overrides.ts'
import type { Asset, Assets } from './flow/assets.ts'
import { Rates } from './health/rates.ts'
import type { RecordingFacts } from './health/recording.ts'
import type { Gap } from './health/run-gap.ts'
import { siteStatus } from './health/site-status.ts'
import type { InterfaceStatus, SelfTestStatus, SiteStatus } from './health/status.ts'
import type { Rules } from './rules.ts'
import type { ShardCounted } from './shard-messages.ts'
import type { Shards } from './shards.ts'
import type { Tenant } from './tenancy/tenant.ts'

export interface ReportParts {
  tenant: Tenant
  config: Config
  clock: Clock
  shards: Shards
  rules: Rules
  day: Day
  containment: Containment
  selfTest(): SelfTestStatus
  gap: Gap
  assets: Assets
  recording(): RecordingFacts
  counters(): Record<string, number>
  packetsNotKept(): string | undefined
  tuned(): Tuned
  lookedPast: readonly string[]
}

interface Watched {
  rates: Rates
  frames: number
  lastFrameAt: number | undefined
}

export class AgentReport {
  readonly #parts: ReportParts
  readonly #startedAt: number
  readonly #watched = new Map<string, Watched>()
  readonly #shardCounters = new Map<
    string,
    { counters: Record<string, number>; liveFlows: number }
  >()

  constructor(parts: ReportParts) {
    this.#parts = parts
    this.#startedAt = parts.clock.nowUs()
  }

  shard({ shard, counters, liveFlows }: ShardCounted): void {
    this.#shardCounters.set(shard, { counters, liveFlows })
  }

  status(): SiteStatus {
    const { tenant, config, clock, rules, day, containment, selfTest, gap, assets, recording } =
      this.#parts
    const nowUs = clock.nowUs()
    const packetsNotKept = this.#parts.packetsNotKept()
    const status = siteStatus({
      site: config.siteName ?? tenant.tenant_id,
      tenant_id: tenant.tenant_id,
      fleet_id: tenant.fleet_id,
      nowUs,
      startedAt: this.#startedAt,
      interfaces: this.#interfaces(nowUs),
      blindAfterSeconds: config.health.blindAfterSeconds,
      gap,
      recording: recording(),
      rules: { ...rules.status, tuned: this.#parts.tuned() },
      lookedPast: this.#parts.lookedPast,
      rulesStaleDays: config.health.rulesStaleDays,
      selfTest: selfTest(),
      clock: { source: 'not compared with any other clock' },
      version: VERSION,
      counters: this.#counters(),
      liveFlows: [...this.#shardCounters.values()].reduce(
        (sum, { liveFlows }) => sum + liveFlows,
        0,
      ),
      assets: assets.list().length,
      openFindings: day.bySeverity(),
      headline: day.headline(),
      waitingActions: containment.waiting,
      activeActions: containment.active,
    })
    return packetsNotKept === undefined ? status : { ...status, packetsNotKept }
  }

  #interfaces(nowUs: number): InterfaceStatus[] {
    return this.#parts.shards.totals().map(({ name, totals }) => {
      const { frames, processed, dropped, bytes } = totals
      const watched = this.#watched.get(name) ?? {
        rates: new Rates(),
        frames: 0,
        lastFrameAt: undefined,
      }
      this.#watched.set(name, watched)
      if (frames > watched.frames) watched.lastFrameAt = nowUs
      watched.frames = frames
      watched.rates.add(nowUs / 1e6, frames, dropped)
      return {
        name,
        frames,
        processed,
        dropped,
        bytes,
        ...(watched.lastFrameAt !== undefined && { lastFrameAt: watched.lastFrameAt }),
        perSecond: watched.rates.steps,
      }
    })
  }

  #counters(): Record<string, number> {
    const total: Record<string, number> = { ...this.#parts.counters() }
    for (const { counters } of this.#shardCounters.values())
      for (const [name, count] of Object.entries(counters)) total[name] = (total[name] ?? 0) + count
    return total
  }
}

/** An asset as pages show it. */
export function assetView(tenant_id: string, asset: Asset): AssetView {
  const { address, mac, names, serves, calls, firstUs, lastUs } = asset
  return {
    tenant_id,
    address,
    ...(mac !== undefined && { mac }),
    names: names.map(({ name }) => name),
    roles: [...serves.map((each) => `serves ${each}`), ...calls.map((each) => `calls ${each}`)],
    firstSeen: firstUs,
    lastSeen: lastUs,
  }
}

/** What people call it: the device's first name, else its address; of two local ends the one that was addressed. */
export function hostOf(
  assets: Assets,
  home: readonly Prefix[],
  [src, dest]: [string, string],
): string | undefined {
  for (const address of [dest, src]) {
    const words = parseAddress(address)
    if (words && home.some((prefix) => inPrefix(words, 0, prefix)))
      return assets.get(address)?.names[0]?.name ?? address
  }
  return undefined
}
