/**
 * Values of the annex into the lake. Each act is one small sealed file and one commit of the signed catalog, so it is
 * durable and exactly once as a row is; after a few acts all files become one. Values leave with their events.
 */
import { crossTenant, Failure } from '../base/failure.ts'
import {
  ANNEX_BROUGHT_MAX,
  ANNEX_EVENT_VALUES_MAX,
  ANNEX_TENANT_BYTES_MAX,
  ANNEX_TENANT_VALUES_MAX,
  type AnnexValue,
  annexFault,
  readAnnexLine,
} from './annex.ts'
import { AnnexBatch, type KeyedFiles, keyed, UNKNOWN_US } from './annex-batch.ts'
import { ANNEX_LEVEL, type Change, type FileRow } from './catalog.ts'
import { linesOf } from './ndjson.ts'
import { verifyFile } from './parquet.ts'
import { sealBatch, type TenantLake } from './tenant-lake.ts'

/** More would be opened one by one for each question. */
const FILES_MAX = 8

/** Sets values, or takes away those that are null: all of them or none. On disk when it resolves. */
export async function setAnnex(
  lake: TenantLake,
  values: readonly AnnexValue[],
): Promise<{ rows: number }> {
  return counted(lake, async () => {
    for (const value of values) {
      const fault = annexFault(value)
      if (fault) throw new Failure('invalid', `${fault[0]?.toUpperCase()}${fault.slice(1)}.`)
    }
    if (values.length === 0) throw new Failure('invalid', 'There is no value to set.')
    await lake.catalog.commit(await annexChange(lake, values, 'look up'))
    return { rows: values.length }
  })
}

/** Values from NDJSON: {event_id, name, value}. All of a file or nothing of it; a line of another tenant refuses it. */
export async function importAnnex(lake: TenantLake, path: string): Promise<{ rows: number }> {
  return counted(lake, async () => {
    const values: AnnexValue[] = []
    for await (const { line, number } of linesOf(path)) {
      const { tenant_id, value } = readAnnexLine(line, number)
      if ((tenant_id ?? lake.tenant.tenant_id) !== lake.tenant.tenant_id) throw crossTenant()
      values.push(value)
      refuseMany(values.length)
    }
    if (values.length === 0) throw new Failure('invalid', `${path} holds no rows.`, { file: path })
    await lake.catalog.commit(await annexChange(lake, values, 'look up'))
    return { rows: values.length }
  })
}

export function refuseMany(values: number): void {
  if (values > ANNEX_BROUGHT_MAX)
    throw new Failure('too-many', `More than ${ANNEX_BROUGHT_MAX} values of the annex at once: bring them in parts.`) // biome-ignore format: one line
}

/** What a commit must hold so that these values are set; `had` is when we had their events. */
export async function annexChange(
  lake: TenantLake,
  values: readonly AnnexValue[],
  had: 'look up' | number,
): Promise<Change> {
  const { catalog, tenant } = lake
  const files = catalog.annexFiles()
  return withBatch(lake, files, async (batch) => {
    const us = had === 'look up' ? UNKNOWN_US : had
    await batch.bring(values, { seq: catalog.generation + 1, us, nowUs: lake.clock.nowUs() })
    if (had === 'look up') {
      const events = await keysOf(lake, catalog.files())
      const missing = await batch.lookUp(events).finally(() => wipe(events))
      if (missing !== undefined)
        throw new Failure('not-found', `The lake of ${tenant.tenant_id} holds no event ${missing} (yet: an event is there once it is settled).`) // biome-ignore format: one line
    }
    refuseFull(tenant.tenant_id, await batch.fill())
    const isFull = files.length + 1 > FILES_MAX
    if (isFull) await batch.merge()
    return asChange(lake, batch, isFull ? files : [])
  })
}

/** What must leave the annex when these event files leave the lake: values of events that we had before all that stay. */
export async function annexLeaving(
  lake: TenantLake,
  leaving: readonly { file_uid: string }[],
): Promise<Change> {
  try {
    return await leavingWith(lake, leaving)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    // A broken annex must not keep rows beyond their time; its values are tried again with the next ones.
    const { tenant_id } = lake.tenant
    lake.options.log.error({ tenant_id, error: error.message }, 'lake.annex-kept')
    return {}
  }
}

async function leavingWith(
  lake: TenantLake,
  leaving: readonly { file_uid: string }[],
): Promise<Change> {
  const { catalog } = lake
  const gone = new Set(leaving.map(({ file_uid }) => file_uid))
  const rest = catalog.files().filter(({ file_uid }) => !gone.has(file_uid))
  const files = catalog.annexFiles()
  if (rest.length === 0) return { remove: files.map(({ file_uid }) => file_uid) }
  const floor = Math.min(...rest.map(({ ingest_from_us }) => ingest_from_us))
  if (!files.some(({ ingest_from_us }) => ingest_from_us < floor)) return {}
  return withBatch(lake, files, async (batch) => {
    await batch.merge()
    await batch.leaveOut(floor)
    return asChange(lake, batch, files)
  })
}

/** Two changes as one commit. */
export function together(a: Change, b: Change): Change {
  return {
    add: [...(a.add ?? []), ...(b.add ?? [])],
    remove: [...(a.remove ?? []), ...(b.remove ?? [])],
    settled: [...(a.settled ?? []), ...(b.settled ?? [])],
    modules: [...(a.modules ?? []), ...(b.modules ?? [])],
  }
}

async function asChange(
  lake: TenantLake,
  batch: AnnexBatch,
  replaced: readonly FileRow[],
): Promise<Change> {
  const remove = replaced.map(({ file_uid }) => file_uid)
  const { rows, ingest_to_us: hadUs } = await batch.facts()
  if (rows === 0) return { remove }
  const { file, modules } = await sealBatch(lake, batch, { level: ANNEX_LEVEL, hadUs })
  return { add: [file], remove, modules: [modules] }
}

async function withBatch<T>(
  lake: TenantLake,
  files: readonly FileRow[],
  use: (batch: AnnexBatch) => Promise<T>,
): Promise<T> {
  for (const file of files) await verifyFile(lake.catalog.absolute(file), file)
  const stored = await keysOf(lake, files)
  using batch = await AnnexBatch.open(lake.options, lake.tenant.tenant_id, stored).finally(() =>
    wipe(stored),
  )
  return await use(batch)
}

function keysOf({ options, tenant, catalog }: TenantLake, files: readonly FileRow[]) {
  const { tenant_uid } = tenant
  return keyed(files, {
    key: async (epoch) => (await options.keys.parquetKey({ tenant_uid, epoch })).key,
    absolute: (file) => catalog.absolute(file),
  })
}

function wipe(lists: readonly KeyedFiles[]): void {
  for (const { key } of lists) key.fill(0)
}

function refuseFull(
  tenant_id: string,
  { values, bytes, ofEvent }: { values: number; bytes: number; ofEvent: number },
): void {
  if (ofEvent > ANNEX_EVENT_VALUES_MAX)
    throw new Failure('too-many', `An event would have ${ofEvent} values in the annex; ${ANNEX_EVENT_VALUES_MAX} is the most.`) // biome-ignore format: one line
  if (values > ANNEX_TENANT_VALUES_MAX)
    throw new Failure('too-many', `The annex of ${tenant_id} would hold ${values} values; ${ANNEX_TENANT_VALUES_MAX} is the most.`) // biome-ignore format: one line
  if (bytes > ANNEX_TENANT_BYTES_MAX)
    throw new Failure('too-many', `The annex of ${tenant_id} would hold ${bytes} bytes; ${ANNEX_TENANT_BYTES_MAX} is the most.`) // biome-ignore format: one line
}

/** What was turned away is counted: `picket lake status`. */
export async function counted<T>(lake: TenantLake, act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    lake.counts.annexRefused++
    throw error
  }
}
