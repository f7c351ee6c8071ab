/**
 * What each process may ask picket-keys, typed once for both ends: `<data>/run/keys/<caller>.sock`
 * serves exactly the calls of that caller's table (D2). Key bytes are base64, salts and uids hex,
 * times microseconds since 1970. A failure comes back as the Failure it was.
 */
import type { Json } from '../base/canonical.ts'
import type { Envelope } from '../base/signing.ts'
import type { Override, OverrideAsked } from '../detect/overrides.ts'
import type { PublicKeyRecord } from '../keys/signer.ts'
import type { FleetJoins } from '../summary/fleet-view.ts'
import type { Atom, Role } from '../tenancy/role.ts'
import type { DatabaseCheck } from '../tenancy/sealed-db.ts'
import type { Tenant, TenantRef } from '../tenancy/tenant.ts'
import type { Deletion, LakeStatus } from './lake-client.ts'
import { LINK, type LinkCalls } from './link-keys.ts'
import { connect, type RpcClient } from './rpc.ts'
import { type CallerName, socketPath } from './sockets.ts'
import type { CacheCheck } from './tenant-carriers.ts'

type None = Record<string, never>

/** Key of one new journal segment (D6): `salt` is 32 random bytes and goes into the segment header. */
export interface SegmentKey {
  segment_uid: string
  appliance_id: string
  epoch: number
  /** 64 hex digits. */
  salt: string
  /** base64 of 32 bytes. */
  key: string
}

/** What a session may see and do, resolved inside picket-keys at the moment of asking (D24). */
export interface SessionView {
  /** Names the session in lists and lines; not the token and not derived from it. */
  session_id: string
  user_id: string
  name: string
  role: Role
  atoms: readonly Atom[]
  tenants: TenantRef[]
  /** True after a one-time login: the account has no password until `setPassword`. */
  mustSetPassword: boolean
  startedAt: number
  /** Ends then if nothing is asked before (30 min), and at the latest at `endsAt` (12 h). */
  idleEndsAt: number
  endsAt: number
}

export interface LoginAnswer {
  /** 43 characters of base64url; put it in the `__Host-` cookie and nowhere else. */
  token: string
  session: SessionView
}

export interface UserView {
  user_id: string
  tenant_id: string
  name: string
  role: Role
  /** The tenants this account may see. */
  tenants: string[]
  disabled: boolean
  hasPassword: boolean
  createdAt: number
  lastLoginAt?: number
}

export interface AuditItem {
  seq: number
  /** ISO time, UTC. */
  at: string
  /** What a person would say happened. */
  sentence: string
  verb: string
  outcome: 'intent' | 'done' | 'failed' | 'refused'
  tenant_id: string
  /** User name where it is known, else the user id or the process. */
  actor: string
  subject: string
  /** What was asked, while the tenant's key exists: the trail itself holds only a keyed digest. */
  text?: string
  hash: string
}

/** `before` is a sequence: the page holds what is older. Newest first. */
export interface AuditPage {
  items: AuditItem[]
  before?: number
  /** Lines are numbered over the whole box: the numbers are only for who sees the whole of it. */
  numbered: boolean
  /** False when the chain on disk does not verify; `picket audit verify` names the first difference. */
  intact: boolean
}

export interface AuditCheck {
  intact: boolean
  lines: number
  /** Last line covered by a signed checkpoint. */
  checkpointSeq: number
  sentence: string
}

/** Asks the lake. Exactly one of `sql` and `named`. */
export interface Question {
  sql?: string
  named?: string
  params?: Record<string, unknown>
  /** Answer even when a file is missing or wrong, naming the gap (D13). */
  partial?: boolean
}

export interface QueryAnswer {
  /** The tenant_ids that were read. */
  scope: string[]
  columns: string[]
  rows: unknown[][]
  truncated?: boolean
  gaps?: string[]
}

/** Which frames of the packet ring: those of a finding, or of a flow, or of a time. Microseconds since 1970. */
export interface PacketsQuestion {
  tenant_id?: string
  finding_id?: string
  community_id?: string
  from_us?: number
  to_us?: number
}

export interface PacketsAnswer {
  tenant_id: string
  /** base64 of a pcapng. */
  pcapng: string
  frames: number
  /** The bound was reached: later frames are not in it. */
  truncated: boolean
  from_us: number
  to_us: number
  /** Set where the ring begins later than what was asked for. */
  holds_from_us?: number
  /** Segments that did not verify, or whose key is gone: their frames are not in it. */
  broken: number
  /** Frames of those asked for that met a bound. */
  leftOut: number
}

/** What run-keys needs of the lake's side: guard, files, cell. `createQueryRunner` makes one. */
export interface QueryRunner {
  query(
    request: Question & {
      tenants: TenantRef[]
      /** The parquet layer key of that epoch; throws a Failure for a uid outside `tenants`. */
      keyFor: (tenant_uid: string, epoch: number) => Buffer
      /** Names the session for per-session limits; no secret. */
      session: string
      /** What the scope rests on; a cell that holds keys is never used again under other rights. */
      rights: readonly string[]
    },
  ): Promise<QueryAnswer>
  /** That session asks nothing any more. */
  leave?(session: string): void
  /** Cache → its keys, for `picket invariants`. */
  cacheKeys?(): Record<string, string[]>
  close?(): Promise<void> | void
}

export type DecisionVerb = 'approve' | 'reject' | 'undo'

/** Body of a signed `decision` envelope; `hash` binds the plan that the person saw. */
export interface Decision {
  action_id: string
  hash: string
  verb: DecisionVerb
  /** User name. */
  by: string
  /** Microseconds since 1970. */
  at: number
  /** 32 hex digits; the guard takes each once. */
  nonce: string
}

/** Verbs of acts that other processes announce; the closed list stands in agent/audit/verb.ts. */
export interface AuditRequest {
  verb: string
  /** An id or atom: never a host name, SQL text or other tenant data (the chain outlives a shred). */
  subject: string
  /** Text that must not stand in the chain: only a keyed digest of it does. */
  text?: string
  count?: number
  /** Whose line it is, by slug or by uid; without either it is the box's. */
  tenant_id?: string
  tenant_uid?: string
  /** `intent` (default) before the act, then `done` or `failed`. */
  outcome?: 'intent' | 'done' | 'failed'
}

export interface AgentCalls {
  tenants: [None, { tenants: Tenant[] }]
  openSegment: [{ tenant_uid: string }, SegmentKey]
  /** So many frames of an open segment are on disk, and whoever wrote them was told so. */
  acknowledged: [{ tenant_uid: string; segment_uid: string; frames: number }, { frames: number }]
  /** The same of the layer `ring`: one segment of the packet ring. */
  openRing: [{ tenant_uid: string }, SegmentKey]
  publicKeys: [None, { keys: PublicKeyRecord[] }]
  /** What the agent has learned, under the layer key `model` of the present epoch; base64 both ways. */
  sealModel: [{ tenant_uid: string; plain: string }, { sealed: string }]
  /** `refused` when it is another tenant's, was changed, or its key is gone. */
  openModel: [{ tenant_uid: string; sealed: string }, { plain: string }]
}

export interface GuardCalls {
  publicKeys: [None, { keys: PublicKeyRecord[] }]
  /** Containment in words: `action.applied`, `action.undone`, `action.expired`, `action.refused`. */
  audit: [AuditRequest, { seq: number }]
}

export interface LakeCalls {
  tenants: [None, { tenants: Tenant[] }]
  readSegment: [{ tenant_uid: string; epoch: number; salt: string }, { key: string }]
  /** How many frames of a segment were acknowledged, as far as this run of picket-keys was told; else 0. */
  acknowledged: [{ tenant_uid: string; segment_uid: string }, { frames: number }]
  /** Without `epoch`: the one to write with, rotated first if it is used up (D6). */
  parquetKey: [{ tenant_uid: string; epoch?: number }, { epoch: number; key: string }]
  /** The key of catalog.db: stays on the epoch it was first asked under. */
  catalogKey: [{ tenant_uid: string }, { epoch: number; key: string }]
  /**
   * Before encrypting with an epoch's parquet key: counts modules (GCM invocations) and bytes ahead, on disk.
   * `conflict` when that epoch is used up or old: ask `parquetKey` again and write with the new epoch.
   */
  reserveModules: [
    { tenant_uid: string; epoch: number; count: number; bytes?: number },
    { reserved: number },
  ]
  sign: [{ type: 'catalog'; body: Json }, Envelope]
  /** A catalog's generation that is on disk, with the hash of its head. `refused` when a later one was (D12). */
  anchorCatalog: [{ tenant_uid: string; generation: number; head: string }, { kept: number }]
  publicKeys: [None, { keys: PublicKeyRecord[] }]
  audit: [AuditRequest, { seq: number }]
}

export interface WebCalls {
  /** `source` is the peer address. Wrong name, wrong password and disabled look alike. */
  login: [{ name: string; password: string; source: string }, LoginAnswer]
  /** The one-time code: makes the first admin where there is none. */
  redeem: [{ code: string; source: string }, LoginAnswer]
  /** `touch: false` for streams, so that an open page alone does not keep a session alive. */
  session: [{ token: string; touch?: boolean }, SessionView]
  logout: [{ token: string }, { ended: boolean }]
  /** Ends the user's other sessions and rotates this one: set the cookie anew. */
  setPassword: [{ token: string; current?: string; next: string }, LoginAnswer]
  users: [{ token: string }, { users: UserView[] }]
  addUser: [
    { token: string; name: string; role: Role; password: string; tenants?: string[] },
    UserView,
  ]
  changeUser: [
    { token: string; user_id: string; role?: Role; disabled?: boolean; password?: string },
    UserView,
  ]
  removeUser: [{ token: string; user_id: string }, { removed: boolean }]
  /** Atom `decide`; the audit line is on disk before the envelope exists. */
  decide: [{ token: string; action_id: string; hash: string; verb: DecisionVerb }, Envelope]
  /** For each mutating route: call it before the act. The verb's own atom is checked. */
  audit: [{ token: string } & AuditRequest, { seq: number }]
  auditList: [{ token: string; limit?: number; before?: number }, AuditPage]
  /** `scope`: tenant_ids wanted, default all of the session. One outside refuses the whole. */
  query: [{ token: string; scope?: string[] } & Question, QueryAnswer]
  /** Frames of the packet ring; atom `export`, and the line is written first. */
  packets: [{ token: string } & PacketsQuestion, PacketsAnswer]
  /** Atom `view`: of the tenants that the session sees, or of those of them that are named. */
  lakeStatus: [{ token: string; scope?: string[] }, LakeStatus]
  /** Atom `view`: what such a change would delete now; nothing is changed. */
  wouldRetire: [
    { token: string; tenant_id: string; kind: string; days: number | null },
    { deletes: Deletion | null },
  ]
  /** Atom `settings`; the line is written first, then picket-lake changes it and deletes. */
  setRetention: [
    { token: string; tenant_id: string; kind: string; days: number | null },
    { deleted: Deletion | null },
  ]
  /** Atom `rules`; the line is written first, then the agent does it. Answers when it is on disk and in force. */
  tune: [{ token: string; override: OverrideAsked }, Override]
  untune: [{ token: string; override_id: string }, Override]
  /** Who may join, who has; atom `settings`. */
  joins: [{ token: string }, FleetJoins]
  /** Atom `settings`. After each of these three tell picket-link to reload. */
  fleetEdition: [{ token: string; on: boolean }, { on: boolean }]
  fleetClaim: [{ token: string; tenant_id?: string | null; site?: string | null }, ClaimView]
  fleetRevoke: [{ token: string; tenant_id: string }, { revoked: boolean }]
}

/** The box's own screen. It shows; what it changes needs a proof. */
export interface ConsoleCalls {
  consoleState: [Record<string, never>, ConsoleState]
  changeBox: [{ proof: ConsoleProof; change: BoxChange }, { changed: string }]
  /** The line of it; the key itself is nothing that picket-keys knows. */
  recoveryShown: [{ proof: ConsoleProof }, Record<string, never>]
}

export interface ConsoleState {
  tenant_id: string
  siteName: string
  /** Somebody has an account with a password. */
  claimed: boolean
  /** The code for the first visit of the pages; only while nobody claimed the box. */
  code: { code: string; expiresAt: number } | null
  capture: string[]
  management: string | null
  /** Two ports that are one wire with the box in it, or none. */
  line: string[]
  uplinks: number
}

/** The code on the screen before the box is claimed, an administrator's password after. */
export type ConsoleProof = { code: string } | { name: string; password: string }

export interface BoxChange {
  siteName?: string
  capture?: string[]
  management?: string
  /** Two ports, or none: out of the line. */
  line?: string[]
}

export interface CliCalls {
  tenants: [None, { tenants: Tenant[] }]
  addTenant: [{ tenant_id: string; fleet_id?: string }, Tenant]
  query: [{ scope: string[] } & Question, QueryAnswer]
  packets: [PacketsQuestion, PacketsAnswer]
  /** A code for one login as admin within the hour, for the first tenant or the one named. */
  oneTimeLogin: [{ tenant_id?: string }, { code: string; expiresAt: number }]
  users: [None, { users: UserView[] }]
  auditList: [{ limit?: number; before?: number }, AuditPage]
  auditVerify: [None, AuditCheck]
  /** A new DEK epoch for a tenant; older epochs stay readable. */
  rotateEpoch: [{ tenant_id: string }, { epoch: number }]
  /** A new root generation: every wrapped key is wrapped anew, the old root is destroyed. */
  rotateRoot: [None, { generation: number }]
  /** Ids, epochs, counters, custodian. Never a key. */
  describeKeys: [None, { custodian: Json; tenants: Json[] }]
  /** What carries a tenant, and the uids that folders may be named by. Reads only. */
  invariants: [
    None,
    {
      databases: DatabaseCheck[]
      tenantUids: string[]
      fleetUids: string[]
      caches: CacheCheck[]
    },
  ]
  /** What the box's own operator does to content: the verbs that a role would need the atom `rules` for. */
  audit: [AuditRequest, { seq: number }]
  /** Roles decide too: the box's own operator is audited as `console`. */
  decide: [{ action_id: string; hash: string; verb: DecisionVerb }, Envelope]
  /** Fleet Command on or off, without a restart; `tenant_id` is the one that becomes the primary, the first by default. */
  fleetEdition: [{ on: boolean; tenant_id?: string }, { on: boolean }]
  fleetClaim: [{ tenant_id?: string; site?: string }, ClaimView]
  /** From that epoch and sequence on; without them, from now on. */
  fleetRevoke: [{ tenant_id: string; epoch?: number; sequence?: number }, { revoked: boolean }]
  fleetJoins: [None, FleetJoins]
  /** `exporter`: 64 hex digits of the TLS connection to the door; `body` goes to POST /v1/join there. */
  joinRequest: [
    { tenant_id?: string; site?: string; code: string; exporter: string },
    { join_id: string; body: Json },
  ]
  joinFinish: [{ join_id: string; reply: Json }, Joined]
  /** The same by signed files: request (branch), accept (primary), finish (branch). */
  fileRequest: [{ tenant_id?: string; site?: string }, { envelope: Envelope; fingerprint: string }]
  fileAccept: [
    { envelope: unknown },
    { envelope: Envelope; tenant_id: string; site: string; fingerprint: string },
  ]
  fileFinish: [{ envelope: unknown; fingerprint?: string }, Joined]
  /** `envelope` goes to POST /v1/leave at `door`, whose certificate must be of `ca` and name `identity`. */
  leaveRequest: [
    { tenant_id?: string },
    {
      uplink_id: string
      door: string
      ca: string
      identity: string
      receiver: string
      envelope: Envelope
    },
  ]
  leaveFinish: [{ uplink_id: string }, { left: boolean }]
}

/** A code for one site: shown once, kept as a hash. */
export interface ClaimView {
  claim_id: string
  code: string
  tenant_id: string | null
  site: string | null
  endsAt: number
  door: { host: string; port: number; fingerprint: string }
}

/** What a branch joined. */
export interface Joined {
  uplink_id: string
  tenant_id: string
  fleet_id: string
  /** What people call the primary's site, and the id of its key. */
  receiver: string
  fingerprint: string
  url: string
  /** The six digits that both screens show (D21); absent by file. */
  digits?: string
}

/** One promise-returning function a call; parameters may be left out where there are none. */
export type ClientOf<C> = {
  [K in keyof C]: C[K] extends [infer P, infer R]
    ? P extends None
      ? () => Promise<R>
      : (params: P) => Promise<R>
    : never
} & { close(): void }

const AGENT = [
  'tenants',
  'openSegment',
  'acknowledged',
  'openRing',
  'publicKeys',
  'sealModel',
  'openModel',
] as const
const GUARD = ['publicKeys', 'audit'] as const
const LAKE = [
  'tenants',
  'readSegment',
  'acknowledged',
  'parquetKey',
  'catalogKey',
  'reserveModules',
  'sign',
  'anchorCatalog',
  'publicKeys',
  'audit',
] as const
const WEB = [
  'login',
  'redeem',
  'session',
  'logout',
  'setPassword',
  'users',
  'addUser',
  'changeUser',
  'removeUser',
  'decide',
  'audit',
  'auditList',
  'query',
  'packets',
  'lakeStatus',
  'wouldRetire',
  'setRetention',
  'tune',
  'untune',
  'joins',
  'fleetEdition',
  'fleetClaim',
  'fleetRevoke',
] as const satisfies readonly (keyof WebCalls)[]
const CLI = [
  'tenants',
  'addTenant',
  'query',
  'packets',
  'oneTimeLogin',
  'users',
  'auditList',
  'auditVerify',
  'rotateEpoch',
  'rotateRoot',
  'describeKeys',
  'invariants',
  'audit',
  'decide',
  'fleetEdition',
  'fleetClaim',
  'fleetRevoke',
  'fleetJoins',
  'joinRequest',
  'joinFinish',
  'fileRequest',
  'fileAccept',
  'fileFinish',
  'leaveRequest',
  'leaveFinish',
] as const satisfies readonly (keyof CliCalls)[]

const CONSOLE = [
  'consoleState',
  'changeBox',
  'recoveryShown',
] as const satisfies readonly (keyof ConsoleCalls)[]

export const keysForAgent = (data: string) => client<AgentCalls>(data, 'agent', AGENT)
export const keysForGuard = (data: string) => client<GuardCalls>(data, 'guard', GUARD)
export const keysForLake = (data: string) => client<LakeCalls>(data, 'lake', LAKE)
export const keysForWeb = (data: string) => client<WebCalls>(data, 'web', WEB)
export const keysForLink = (data: string) => client<LinkCalls>(data, 'link', LINK)
export const keysForConsole = (data: string) => client<ConsoleCalls>(data, 'console', CONSOLE)
export const keysForCli = (data: string) => client<CliCalls>(data, 'cli', CLI)

/** Calls that may take longer than a call does. */
const LONG: Readonly<Record<string, number>> = {
  packets: 200_000,
  wouldRetire: 600_000,
  setRetention: 600_000,
}

/** Connects at the first call and again after picket-keys was restarted; a call in flight then fails. */
function client<C>(data: string, caller: CallerName, names: readonly (keyof C)[]): ClientOf<C> {
  const path = socketPath(data, 'keys', caller)
  let open: Promise<RpcClient> | undefined
  const rpc = () => {
    open ??= connect(path).then(
      (made) => {
        made.onClose(() => {
          open = undefined
        })
        return made
      },
      (error: unknown) => {
        open = undefined
        throw error
      },
    )
    return open
  }
  const calls = names.map((name) => [
    name,
    async (params: unknown = {}) => (await rpc()).call(String(name), params, LONG[String(name)]),
  ])
  return {
    ...Object.fromEntries(calls),
    close: () => void open?.then((made) => made.close()).catch(() => {}),
  } as ClientOf<C>
}
