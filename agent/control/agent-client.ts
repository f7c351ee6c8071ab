/** What others may ask picket-agent, each over a socket of its own (`agent-methods.ts`). */
import type { EventRow, Severity } from '../base/event.ts'
import type { Override, OverrideAsked, OverrideView } from '../detect/overrides.ts'
import type { HardwareView, PortRole, RoleNow } from '../health/hardware.ts'
import type { DriveHealth } from '../health/nvme-smart.ts'
import type { SiteStatus } from '../health/status.ts'
import type { Digest } from '../summary/summary.ts'
import { connect, type RpcClient } from './rpc.ts'
import { type CallerName, socketPath } from './sockets.ts'

export type { Override, OverrideAsked, OverrideView } from '../detect/overrides.ts'
export type { InterfaceStatus, SiteState, SiteStatus } from '../health/status.ts'
export type { DriveHealth, RoleNow }

export interface AssetView {
  tenant_id: string
  address: string
  mac?: string
  vendor?: string
  names: string[]
  roles: string[]
  /** Microseconds since 1970. */
  firstSeen: number
  lastSeen: number
}

export interface RuleView {
  rule_id: string
  sid: number
  rev: number
  msg: string
  severity: string
  attack_ids: string[]
  file: string
  enabled: boolean
  text: string
  /** Hits since this run began. */
  hits: number
}

export interface RulesView {
  tenant_id: string
  rules: RuleView[]
  refused: { file: string; line: number; sid: number; keyword: string; reason: string }[]
  generation: number
  ageSeconds: number
}

export interface TuningView {
  tenant_id: string
  overrides: OverrideView[]
}

/** What the box is made of and how that is. */
export interface MachineView extends Omit<HardwareView, 'ports'> {
  /** In the order of their slots, with what each does now. */
  ports: (PortRole & { now: RoleNow })[]
  /** What drives last said of themselves, once an hour; none where nobody asks them. */
  drives: readonly DriveHealth[]
  /** Microseconds since 1970. */
  drivesAt: number | null
}

/** What the agent knows for a summary: of the window asked for, and of the 24 hours before its end. */
export interface SummaryFacts {
  findings: Record<Severity, number>
  findings24h: Record<Severity, number>
  topRules: { rule_id: string; title: string; count: number }[]
  topHosts: { host: string; count: number }[]
  /** Folded by rule and host, worst and newest first. */
  digests: Omit<Digest, 'state'>[]
  digestsLeftOut: number
  ot: { reads: number; writes: number; stations: number; controllers: number }
}

export class AgentClient {
  readonly #rpc: RpcClient

  constructor(rpc: RpcClient) {
    this.#rpc = rpc
  }

  static async open(data: string, caller: CallerName): Promise<AgentClient> {
    return new AgentClient(await connect(socketPath(data, 'agent', caller)))
  }

  status(): Promise<SiteStatus> {
    return this.#rpc.call('status')
  }

  /** Times are microseconds since 1970. */
  summaryFacts(window: { fromUs: number; toUs: number }): Promise<SummaryFacts> {
    return this.#rpc.call('summaryFacts', window)
  }

  assets(): Promise<AssetView[]> {
    return this.#rpc.call('assets')
  }

  rules(): Promise<RulesView> {
    return this.#rpc.call('rules')
  }

  machine(): Promise<MachineView> {
    return this.#rpc.call('machine')
  }

  /** Loads the rule files again; a bad file is refused whole and the old rules stay. */
  reloadRules(): Promise<{ loaded: number; refused: number; generation: number }> {
    return this.#rpc.call('reloadRules')
  }

  tuning(): Promise<TuningView> {
    return this.#rpc.call('tuning')
  }

  /** In force, and on disk, when this answers. `by`: who, as the audit trail names them. */
  tune(override: OverrideAsked, by: string): Promise<Override> {
    return this.#rpc.call('tune', { override, by })
  }

  untune(override_id: string): Promise<Override> {
    return this.#rpc.call('untune', { override_id })
  }

  /** Runs the self-test now instead of at its hour. */
  selfTest(): Promise<{ ok: boolean; sentence: string }> {
    return this.#rpc.call('selfTest')
  }

  /** From now on: rows once they are synced to the journal, and the status each second. */
  async subscribe(listeners: {
    event?: (row: EventRow) => void
    status?: (status: SiteStatus) => void
  }): Promise<void> {
    if (listeners.event) this.#rpc.on('event', listeners.event)
    if (listeners.status) this.#rpc.on('status', listeners.status)
    await this.#rpc.call('subscribe', { event: !!listeners.event, status: !!listeners.status })
  }

  onClose(listener: () => void): void {
    this.#rpc.onClose(listener)
  }

  close(): void {
    this.#rpc.close()
  }
}
