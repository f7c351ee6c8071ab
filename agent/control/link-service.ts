/** All of picket-link: the branches that send, the end that receives while this box is a primary, read anew on `reload`. */
import type { Clock } from '../base/clock.ts'
import type { Config } from '../base/config.ts'
import { Failure } from '../base/failure.ts'
import type { Log } from '../base/log.ts'
import type { Envelope } from '../base/signing.ts'
import type { FleetMember } from '../health/fleet-status.ts'
import type { PublicKeyRecord } from '../keys/signer.ts'
import type { ReceivedSummary } from '../link/received-list.ts'
import type { TopicsCheck } from '../link/topics-seen.ts'
import type { FleetView, UplinkView } from '../summary/fleet-view.ts'
import type { SiteFold } from '../summary/fold.ts'
import type { Tenant } from '../tenancy/tenant.ts'
import { LinkAudit } from './link-audit.ts'
import { LinkBranch } from './link-branch.ts'
import type { LinkFacts } from './link-facts.ts'
import type { LinkKeys, Member, Uplink } from './link-keys.ts'
import { LinkReceiving } from './link-receiving.ts'
import { isRenewalDue, renew } from './link-renewal.ts'

const RELOAD_MS = 60_000
/** After one that failed, and after each that fails again, twice as long. */
const RELOAD_AGAIN_MS = 500
const CHANGED_MS = 1_000
/** A door that refused is not asked again sooner. */
const RENEW_AGAIN_US = 3_600e6

export interface LinkServiceOptions {
  data: string
  /** Read anew at each reload: where the receiving end listens may change while it runs. */
  config(): Config
  keys: LinkKeys
  facts: Pick<LinkFacts, 'collect'>
  clock: Clock
  log: Log
}

/** What the fleet's picture is made of. */
export interface FleetSide {
  fleet_id: string
  sites: { member: FleetMember; fold: SiteFold }[]
  rejected: FleetView['rejected']
  /** Why nothing is taken in now. */
  fault: string | undefined
}

export class LinkService {
  readonly #options: LinkServiceOptions
  readonly #branches = new Map<string, LinkBranch>()
  readonly #listeners = new Set<(tenant_ids: string[]) => void>()
  readonly #changed = new Set<string>()
  readonly #audit: LinkAudit
  readonly #renewAfterUs = new Map<string, number>()
  #config: Config
  #members: readonly Member[] = []
  #receiving: LinkReceiving | undefined
  #turn: Promise<unknown> = Promise.resolve()
  #timer: NodeJS.Timeout | undefined
  #againMs = RELOAD_AGAIN_MS
  #changedTimer: NodeJS.Timeout | undefined
  #soon: Promise<void> | undefined
  #closed = false
  /** Looks at what uplinks and members there are, whether they went well or not. */
  turns = 0

  constructor(options: LinkServiceOptions) {
    this.#options = options
    this.#config = options.config()
    this.#audit = new LinkAudit(options.keys, options.log)
  }

  /** A reload may fail: picket-keys, or a port, may not be there yet. Until one went well nothing may be sent or received. */
  async start(): Promise<void> {
    let waitMs = RELOAD_MS
    try {
      await this.reload()
      this.#againMs = RELOAD_AGAIN_MS
    } catch (error) {
      this.#options.log.warn({ error: (error as Error).message }, 'link.reload-failed')
      waitMs = this.#againMs
      this.#againMs = Math.min(2 * waitMs, RELOAD_MS)
    }
    this.turns++
    if (!this.#closed) this.#timer = setTimeout(() => void this.start(), waitMs)
  }

  /** One at a time. */
  reload(): Promise<void> {
    const turn = this.#turn.catch(() => {}).then(() => this.#reload())
    this.#turn = turn
    return turn
  }

  /** Many at the door at once are one reload after the present one. Never rejects: the next one says it. */
  #reloadSoon(): Promise<void> {
    this.#soon ??= this.#turn
      .catch(() => {})
      .then(() => {
        this.#soon = undefined
        return this.#reload()
      })
      .catch(() => {})
    this.#turn = this.#soon
    return this.#soon
  }

  async #reload(): Promise<void> {
    if (this.#closed) return
    this.#readConfig()
    const { keys } = this.#options
    const [{ tenants }, { uplinks }, { primary }, { members }] = await Promise.all([
      keys.tenants(),
      keys.uplinks(),
      keys.primary(),
      keys.members(),
    ])
    // First the end that receives: this box's own summaries go there too. A port that is taken must not silence the rest.
    const received = await Promise.allSettled([this.#receive(primary, members)])
    for (const tenant of tenants)
      await this.#branch(
        tenant,
        uplinks.filter(({ tenant_uid }) => tenant_uid === tenant.tenant_uid),
      )
    if (this.#receiving) this.#audit.tell(this.#receiving)
    for (const uplink of uplinks) {
      const tenant = tenants.find(({ tenant_uid }) => tenant_uid === uplink.tenant_uid)
      if (tenant) void this.#renewWhenDue(uplink, tenant)
    }
    for (const each of received) if (each.status === 'rejected') throw each.reason
  }

  /** A file that does not read any more must not silence what runs. */
  #readConfig(): void {
    try {
      this.#config = this.#options.config()
    } catch (error) {
      this.#options.log.error({ error: (error as Error).message }, 'link.config-kept')
    }
  }

  async #receive(
    primary: Awaited<ReturnType<LinkKeys['primary']>>['primary'],
    members: readonly Member[],
  ): Promise<void> {
    const { data, keys, clock, log } = this.#options
    const { fleet } = this.#config
    const ended = this.#receiving
    if (ended && !(ended.primary.fleet_uid === primary?.fleet_uid && ended.isAt(fleet))) {
      this.#receiving = undefined
      await ended.close()
    }
    this.#members = members
    if (!primary) return
    this.#receiving ??= await LinkReceiving.open(
      {
        ...{ data, fleet, keys, clock, log },
        changed: (tenant_id) => this.#note(tenant_id),
        joined: () => this.#reloadSoon(),
      },
      primary,
      members,
    )
    await this.#receiving.change(primary, members)
  }

  async #branch(tenant: Tenant, uplinks: readonly Uplink[]): Promise<void> {
    const { data, keys, facts, clock, log } = this.#options
    const { tenant_uid } = tenant
    let branch = this.#branches.get(tenant_uid)
    if (!branch) {
      if (uplinks.length === 0) return
      const { periodSeconds } = this.#config.summary
      branch = await LinkBranch.open({ data, tenant, periodSeconds, keys, facts, clock, log })
      this.#branches.set(tenant_uid, branch)
      await branch.setUplinks(uplinks)
      branch.start()
      return
    }
    if (uplinks.length > 0) return branch.setUplinks(uplinks)
    this.#branches.delete(tenant_uid)
    await branch.setUplinks([])
    await branch.close()
  }

  async #renewWhenDue(uplink: Uplink, tenant: Tenant): Promise<void> {
    const { keys, clock, log } = this.#options
    const nowUs = clock.nowUs()
    const { uplink_id } = uplink
    if (!isRenewalDue(uplink, nowUs) || nowUs < (this.#renewAfterUs.get(uplink_id) ?? 0)) return
    this.#renewAfterUs.set(uplink_id, nowUs + RENEW_AGAIN_US)
    try {
      await renew(uplink, tenant, { keys, clock })
      log.info({ uplink: uplink_id }, 'uplink.renewed')
      await this.reload()
    } catch (error) {
      log.warn({ uplink: uplink_id, error: (error as Error).message }, 'uplink.renewal-failed')
    }
  }

  #note(tenant_id: string): void {
    this.#changed.add(tenant_id)
    this.#changedTimer ??= setTimeout(() => {
      this.#changedTimer = undefined
      const tenant_ids = [...this.#changed]
      this.#changed.clear()
      for (const listener of this.#listeners) listener(tenant_ids)
    }, CHANGED_MS)
  }

  /** Returns how to stop. */
  onChange(listener: (tenant_ids: string[]) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  uplinks(): UplinkView[] {
    return [...this.#branches.values()].flatMap((branch) => branch.views())
  }

  received(tenant_id?: string): ReceivedSummary[] {
    return this.#primary().received(tenant_id)
  }

  /** What a site signed, and the key it signed with: all that a stranger needs to check it. */
  evidence(tenant_id: string): { envelopes: Envelope[]; keys: PublicKeyRecord[] } {
    const envelopes = this.#primary().envelopes(tenant_id)
    const keys = this.#members
      .filter((member) => member.tenant_id === tenant_id)
      .map(({ key_id, spki }) => ({ key_id, spki, owner: tenant_id, types: ['summary' as const] }))
    return { envelopes, keys }
  }

  topics(): TopicsCheck {
    return this.#receiving?.topics() ?? { seen: 0, withoutTenant: [] }
  }

  #primary(): LinkReceiving {
    if (!this.#receiving) throw new Failure('not-found', 'Fleet Command is off on this box.')
    return this.#receiving
  }

  fleet(): FleetSide {
    const receiving = this.#primary()
    const sites = this.#members.flatMap((member) => {
      const site = receiving.receiver.sites().get(member.tenant_uid)
      return site ? [{ member, fold: site.fold }] : []
    })
    const { primary, receiver, fault } = receiving
    return { fleet_id: primary.fleet_id, sites, rejected: receiver.rejected, fault }
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    clearTimeout(this.#changedTimer)
    await this.#turn.catch(() => {})
    // Own summaries first: their last ones still arrive.
    await Promise.all([...this.#branches.values()].map((branch) => branch.close()))
    await this.#receiving?.close()
  }
}
