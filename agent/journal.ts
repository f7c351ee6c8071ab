/** The agent's journal: keys from picket-keys one segment at a time, closed segments told to picket-lake. */
import { join } from 'node:path'
import { Failure } from './base/failure.ts'
import type { Log } from './base/log.ts'
import type { AgentCalls, ClientOf } from './control/keys-client.ts'
import { connect } from './control/rpc.ts'
import { socketPath } from './control/sockets.ts'
import type { RecordingFacts } from './health/recording.ts'
import { type JournalStatus, JournalWriter } from './lake/journal.ts'
import { bytesIn } from './lake/storage.ts'
import type { Tenant } from './tenancy/tenant.ts'

export interface OpenJournal {
  data: string
  tenant: Tenant
  keys: ClientOf<AgentCalls>
  settleSeconds: number
  /** Of the folder, what was kept aside included. */
  bytesMax: number
  log: Log
}

export function openJournal({
  data,
  tenant,
  keys,
  settleSeconds,
  bytesMax,
  log,
}: OpenJournal): Promise<JournalWriter> {
  const { tenant_uid, appliance_id } = tenant
  const folder = join(data, 'journal', tenant_uid)
  return JournalWriter.open({
    folder,
    tenant_uid,
    appliance_uid: appliance_id,
    openSegment: async () => {
      if (bytesIn(folder) > bytesMax)
        throw new Failure('unavailable', 'The journal is at its quota, as picket-lake does not settle it: new rows wait, then are refused.') // biome-ignore format: one line
      const { segment_uid, epoch, salt, key } = await keys.openSegment({ tenant_uid })
      return { segment_uid, epoch, salt: Buffer.from(salt, 'hex'), key: Buffer.from(key, 'base64') }
    },
    acknowledged: async (at) => void (await keys.acknowledged({ tenant_uid, ...at })),
    onClosed: (path) => tellLake(data, path, log),
    settleSeconds,
  })
}

/** What the journal's numbers mean to somebody who asks whether what is seen is kept. */
export function recordingOf(status: JournalStatus): RecordingFacts {
  const { fault, rowsDropped, rowsFailed, slowestSyncMs } = status
  return { fault, rowsLost: rowsDropped + rowsFailed, slowestMs: slowestSyncMs }
}

/** A hint only: picket-lake looks at the folder by itself as well. */
async function tellLake(data: string, path: string, log: Log): Promise<void> {
  try {
    const rpc = await connect(socketPath(data, 'lake', 'agent'))
    await rpc.call('segmentClosed', { path })
    rpc.close()
  } catch (error) {
    log.debug({ because: (error as Error).message }, 'lake.not-told')
  }
}
