/**
 * What the pages need from the rest of the box, and nothing more. `main.ts` adapts the clients of
 * picket-keys, picket-guard, picket-agent and picket-lake to these; a test hands in object literals.
 * Whatever reads a tenant's rows takes the session's token: picket-keys resolves it again (D24), so a
 * mistake in this process cannot widen a scope.
 */
import type { EventRow, Severity } from '../../agent/base/event.ts'
import type {
  AssetView,
  DriveHealth,
  MachineView,
  Override,
  OverrideAsked,
  OverrideView,
  RulesView,
  SiteStatus,
  TuningView,
} from '../../agent/control/agent-client.ts'
import type {
  AuditPage,
  DecisionVerb,
  LoginAnswer,
  SessionView,
  UserView,
} from '../../agent/control/keys-client.ts'
import type { Deletion, LakeStatus, RetentionRequest } from '../../agent/control/lake-client.ts'
import type {
  FleetFinding,
  FleetJoins,
  FleetSite,
  FleetState,
  FleetView,
  StripStep,
} from '../../agent/control/link-client.ts'
import type { Role } from '../../agent/tenancy/role.ts'

export type {
  AssetView,
  AuditPage,
  DecisionVerb,
  Deletion,
  DriveHealth,
  FleetFinding,
  FleetJoins,
  FleetSite,
  FleetState,
  FleetView,
  LoginAnswer,
  MachineView,
  OverrideAsked,
  OverrideView,
  RulesView,
  SessionView,
  SiteStatus,
  StripStep,
  TuningView,
  UserView,
}

/** Who asks, and about which tenants; every read of rows carries it. */
export interface Asker {
  token: string
  /** tenant_ids: the session's own, or the part of them that the request named. */
  scope: readonly string[]
}

/** What every list can be asked. Times are microseconds since 1970. */
export interface ListFilter {
  address?: string
  /** Host names and messages that contain this, whatever the case. */
  words?: string
  from?: number
  to?: number
  limit: number
  /** The last row of the page before. */
  after?: Position
}

/** Where a page of a list ended: lists run from new to old. */
export interface Position {
  at: number
  id: string
}

export interface Rows<T> {
  rows: T[]
  next?: Position
  /** What could not be read, named (D13). */
  gaps?: string[]
}

export interface FindingFilter extends ListFilter {
  severity?: Severity
}

export interface Findings {
  list(asker: Asker, filter: FindingFilter): Promise<Rows<EventRow>>
  /** Nothing for an unknown id and for another tenant's alike. */
  get(asker: Asker, id: string): Promise<EventRow | undefined>
  /** What else happened between the two, around that time, oldest first. */
  around(asker: Asker, finding: EventRow): Promise<EventRow[]>
  /** Its raw frames as a pcapng; the line is written by picket-keys, `not-found` where the packet ring has none. */
  packets(asker: Asker, id: string): Promise<{ pcapng: Uint8Array; frames: number }>
}

export interface Flows {
  list(asker: Asker, filter: ListFilter): Promise<Rows<EventRow>>
}

/** One half hour of a day: what was found, and whether anything was seen at all. */
export interface HalfHour {
  at: number
  counts: Partial<Record<Severity, number>>
}

/** A stretch of time in which the site could not see, or could not be reached. */
export interface Stretch {
  from: number
  to: number
}

export interface Day {
  from: number
  to: number
  /** When recording began, if that was within the day. */
  began?: number
  halfHours: HalfHour[]
  /** Where frames were seen; what is in none of them is drawn as a hole. */
  seen: Stretch[]
  selfTests: { at: number; ok: boolean }[]
}

export interface Days {
  last24h(asker: Asker): Promise<Day>
}

/** An action as the guard tells it; the hash binds the plan that the person sees. */
export interface ActionView {
  action_id: string
  tenant_uid: string
  target: string
  dest?: string
  port?: number
  proto?: 'tcp' | 'udp'
  durationMs: number
  reason: string
  rule_id: string
  finding_id: string
  evidence: 'spoofable' | 'proven'
  hash: string
  state: 'proposed' | 'active' | 'rejected' | 'refused' | 'lapsed' | 'expired' | 'undone'
  because?: string
  proposedAt: number
  lapsesAt: number
  decidedAt?: number
  decidedBy?: string
  activeAt?: number
  endsAt?: number
  endedAt?: number
  decideToDropMs?: number
  packets?: number
  bytes?: number
}

export interface Actions {
  /** Newest first, only those of the tenants that were named. */
  list(tenants: SessionView['tenants']): Promise<ActionView[]>
  /** The audit line is written and the decision signed by picket-keys before the guard acts. */
  decide(
    token: string,
    wanted: { action_id: string; hash: string; verb: DecisionVerb },
  ): Promise<ActionView | undefined>
  /** The box's own protected addresses, and the controllers of that tenant. */
  neverBlock(tenant_uid: string): Promise<NeverBlock[]>
}

export interface NeverBlock {
  prefix: string
  /** The rest of a sentence that begins with the address: "is the default gateway". */
  because: string
}

export interface Site {
  /** The last status that the agent sent; `unavailable` when it has not been heard. */
  status(): Promise<SiteStatus>
  assets(): Promise<AssetView[]>
  rules(): Promise<RulesView>
  machine(): Promise<MachineView>
  reloadRules(): Promise<{ loaded: number; refused: number; generation: number }>
  selfTest(): Promise<{ ok: boolean; sentence: string }>
  tuning(): Promise<TuningView>
  /** Atom `rules`; the line is written by picket-keys. On disk and in force when it answers. */
  tune(token: string, override: OverrideAsked): Promise<Override>
  untune(token: string, override_id: string): Promise<Override>
}

export interface LakeView extends LakeStatus {
  retentionDays: number
}

export interface Lake {
  /** Of the tenants of the asker's scope. */
  status(asker: Asker): Promise<LakeView>
  /** What such a change would delete now; nothing is changed. */
  wouldRetire(token: string, change: RetentionRequest): Promise<Deletion | null>
  /** Atom `settings`; the line is written by picket-keys, then picket-lake deletes. */
  setRetention(token: string, change: RetentionRequest): Promise<Deletion | null>
}

export interface Sessions {
  login(given: { name: string; password: string; source: string }): Promise<LoginAnswer>
  redeem(given: { code: string; source: string }): Promise<LoginAnswer>
  /** `touch: false` for streams: an open page alone keeps no session alive (D25). */
  session(given: { token: string; touch?: boolean }): Promise<SessionView>
  logout(given: { token: string }): Promise<unknown>
  setPassword(given: { token: string; current?: string; next: string }): Promise<LoginAnswer>
}

export interface Users {
  users(given: { token: string }): Promise<{ users: UserView[] }>
  addUser(given: { token: string; name: string; role: Role; password: string }): Promise<UserView>
  changeUser(given: {
    token: string
    user_id: string
    role?: Role
    disabled?: boolean
    password?: string
  }): Promise<UserView>
  removeUser(given: { token: string; user_id: string }): Promise<unknown>
}

export interface Audit {
  /** Writes a line before an act that picket-keys does not do itself; it checks the verb's atom. */
  audit(given: {
    token: string
    verb: string
    subject: string
    outcome?: 'intent' | 'done' | 'failed'
  }): Promise<unknown>
  auditList(given: { token: string; limit?: number; before?: number }): Promise<AuditPage>
}

export type LiveEvent =
  | { kind: 'status'; status: SiteStatus }
  | { kind: 'finding'; row: EventRow }
  | { kind: 'action'; action: ActionView }
  /** Sites of a fleet changed; `concerns` says whether this session sees one of them. */
  | { kind: 'fleet'; concerns(token: string): boolean }

export interface Live {
  /** Calls back at every event until the returned function is called. */
  listen(listener: (event: LiveEvent) => void): () => void
}

/** The settings that a page may show; nothing secret is among them. */
export interface SettingsView {
  groups: { title: string; settings: { name: string; value: string; meaning: string }[] }[]
  file: string
}

export interface Settings {
  view(): SettingsView
}

/** A code for one site to join with: shown once, kept hashed. */
export interface FleetClaim {
  code: string
  endsAt: number
  door: { host: string; port: number; fingerprint: string }
}

/** Fleet Command. An asker's `scope` is here what the request named; none means every site the session sees. */
export interface Fleet {
  /** Whether Fleet Command is on: asked by every page, so it answers from memory where it can. */
  on(token: string): Promise<boolean>
  /**
   * `not-found` while it is off, `refused` for a site of somebody else. Strips, digests, failing controls and
   * their 30 days may be left out: ten thousand of them are no page.
   */
  view(asker: Asker): Promise<FleetView>
  /** These sites with everything that is known of them. */
  whole(asker: Asker, tenant_ids: readonly string[]): Promise<FleetSite[]>
  findings(asker: Asker, limit: number): Promise<{ findings: FleetFinding[]; leftOut: number }>
  /** Atom `settings`, as are the three below; the lines are written by picket-keys. */
  joins(token: string): Promise<FleetJoins>
  claim(token: string, wanted: { tenant_id: string; site: string }): Promise<FleetClaim>
  revoke(token: string, tenant_id: string): Promise<unknown>
  edition(token: string, on: boolean): Promise<unknown>
}

/** All of it, as `main.ts` hands it to the routes. */
export interface Ports {
  sessions: Sessions
  users: Users
  audit: Audit
  findings: Findings
  flows: Flows
  days: Days
  actions: Actions
  site: Site
  lake: Lake
  live: Live
  settings: Settings
  fleet: Fleet
}
