/** What other processes ask picket-lake. Times are microseconds since 1970 or ISO text as named. */
import type { AnnexValue } from '../lake/annex.ts'
import type { PromiseCheck } from '../lake/retention-promise.ts'
import type { RetentionRules } from '../lake/retention-rules.ts'
import type { Budget, DiskState, Horizon, Wear } from '../lake/storage.ts'
import type { LakeInvariants } from '../lake/tenant-column.ts'
import type { RpcClient } from './rpc.ts'

/** One file of the lake as its catalog knows it; `path` is absolute. */
export interface LakeFile {
  tenant_uid: string
  /** Absent: a file of the annex. */
  tier?: 1 | 2
  path: string
  bytes: number
  rows: number
  sha256: string
  epoch: number
  from_us: number
  to_us: number
}

export interface LakeFiles {
  tenants: { tenant_uid: string; generation: number; files: LakeFile[] }[]
}

export interface FilesQuery {
  tenant_uids: readonly string[]
  from_us?: number | undefined
  to_us?: number | undefined
  rule_id?: string | undefined
  host?: string | undefined
}

export interface LakeTenantStatus {
  tenant_id: string
  tenant_uid: string
  rows: number
  tier1Files: number
  tier2Files: number
  bytes: number
  /** ISO time of the oldest row, or null while the lake is empty. */
  oldestRow: string | null
  /** ISO time of the oldest row per tier. */
  oldestRowTier1: string | null
  oldestRowTier2: string | null
  generation: number
  /** SHA-256 of the catalog's signed head, hex: an anchor (D12). Null while there is none. */
  catalogHead: string | null
  /** Closed journal segments that wait to be settled. */
  waiting: number
  /** Segments that could not be read whole and were kept aside. */
  aside: number
  annexFiles: number
  annexValues: number
  annexBytes: number
  /** Acts on the annex that were turned away since picket-lake started. */
  annexRefused: number
  /** Why this tenant's lake does not take or give rows at the moment. */
  fault?: string
  /** Days by kind; `all` for every kind that has none of its own. */
  retention: RetentionRules
  /** What each store may take of the disk. */
  budgets: Budget[]
  /** Absent while there is too little to tell. */
  horizon?: Horizon
  /** Looked at daily. */
  promise?: PromiseCheck
  /** What left before its time as the lake was at its quota, in this run. */
  overQuota?: { at: string; files: number; rows: number; bytes: number }
}

/** `null` takes a kind's own days away. */
export interface RetentionRequest {
  tenant_id: string
  kind: string
  days: number | null
}

/** What a change of days deletes. Times are when we had the rows. */
export interface Deletion {
  rows: number
  /** An estimate where a file is written anew. */
  bytes: number
  files: number
  rewritten: number
  from_us: number
  to_us: number
}

export interface LakeStatus {
  disk: DiskState
  /** Absent where no block device is known below the data folder. */
  wear?: Wear
  tenants: LakeTenantStatus[]
  rowsSettled: number
  settleRowsPerSecond: number
  /** Why no row is deleted for its age by the clock, while that is so: a sentence. */
  clock?: string
}

export interface LakeClient {
  segmentClosed(path: string): Promise<void>
  files(query: FilesQuery): Promise<LakeFiles>
  /** Sets values of the annex, or takes away those that are null: all or none; on disk when this answers. */
  annexSet(request: { tenant_id: string; values: readonly AnnexValue[] }): Promise<{ rows: number }>
  annexImport(request: { tenant_id: string; path: string }): Promise<{ rows: number }>
  /** Rows are on disk in the lake when this answers. The same file imported twice is there twice. */
  import(request: { tenant_id: string; path: string; annex?: boolean }): Promise<{ rows: number }>
  /** Settles everything closed by now. */
  settle(): Promise<{ rows: number }>
  status(): Promise<LakeStatus>
  /** What of the lake carries no tenant. Reads only. */
  invariants(): Promise<LakeInvariants>
  /** What this change would delete now, or nothing. */
  wouldRetire(request: RetentionRequest): Promise<{ deletes: Deletion | null }>
  /** Changes it and deletes. Audited by picket-lake for the console; picket-keys writes its own line. */
  setRetention(request: RetentionRequest): Promise<{ deleted: Deletion | null }>
}

/** "41 days": of the rows that leave, from the oldest to the newest, a part of a day counted whole. */
export function daysOfDeletion({ from_us, to_us }: Deletion): number {
  return Math.max(1, Math.ceil((to_us - from_us) / 86_400e6))
}

const LONG_MS = 600_000

export function lakeClient(rpc: RpcClient): LakeClient {
  return {
    segmentClosed: (path) => rpc.call('segmentClosed', { path }),
    files: (query) => rpc.call('files', query),
    annexSet: (request) => rpc.call('annexSet', request, LONG_MS),
    annexImport: (request) => rpc.call('annexImport', request, LONG_MS),
    import: (request) => rpc.call('import', request, LONG_MS),
    settle: () => rpc.call('settle', {}, LONG_MS),
    status: () => rpc.call('status'),
    wouldRetire: (request) => rpc.call('wouldRetire', request, LONG_MS),
    setRetention: (request) => rpc.call('setRetention', request, LONG_MS),
    invariants: () => rpc.call('invariants', {}, LONG_MS),
  }
}
