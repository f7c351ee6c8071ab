/**
 * Many small files → few big ones. Files of one level are merged into one of the next when there are
 * `compactFiles` of them, so a row is rewritten only a few times in its life (NVMe wear), and the
 * number of files grows with the logarithm of the rows, up to files of the target size.
 */
import { Failure } from '../base/failure.ts'
import type { FileRow } from './catalog.ts'
import { Batch, verifyFile } from './parquet.ts'
import { addFile, type TenantLake } from './tenant-lake.ts'

const TARGET_BYTES = 64 << 20 // one object of tier 3, the unit of fetching
const LEVELS_MAX = 6
const IN_MEMORY_BYTES_MAX = 8 << 20 // of sealed files: some ten times that as rows
/** Of one merge that has fallen behind: a commit hashes the whole catalog, so few big steps beat many small ones. */
const BEHIND_FILES_MAX = 1000
const BEHIND = 8

/** One merge, if one is due; the row of the new file. Call it again until nothing is due. */
export async function compact(lake: TenantLake): Promise<FileRow | undefined> {
  const files = lake.catalog.files().filter(({ file_uid }) => !lake.spoiled.has(file_uid))
  for (let level = 0; level < LEVELS_MAX; level++) {
    const group = due(
      files.filter((file) => file.level === level),
      lake.options.compactFiles,
    )
    if (!group) continue
    const sound = await soundOf(lake, group)
    return sound.length === group.length ? merge(lake, group, level + 1) : compact(lake)
  }
  return undefined
}

function due(files: readonly FileRow[], compactFiles: number): FileRow[] | undefined {
  const small = files.filter(({ bytes }) => bytes < TARGET_BYTES / 2)
  if (small.length < compactFiles) return undefined
  const most = small.length < compactFiles * BEHIND ? compactFiles : BEHIND_FILES_MAX
  const group: FileRow[] = []
  let bytes = 0
  for (const file of small.sort((a, b) => a.ingest_from_us - b.ingest_from_us)) {
    if (group.length === most || bytes + file.bytes > TARGET_BYTES) break
    group.push(file)
    bytes += file.bytes
  }
  return group.length > 1 ? group : undefined
}

/** One that is missing or changed is left where it is, and named: it must not keep all others small for ever. */
async function soundOf(lake: TenantLake, group: readonly FileRow[]): Promise<FileRow[]> {
  const sound: FileRow[] = []
  for (const file of group)
    try {
      await verifyFile(lake.catalog.absolute(file), file)
      sound.push(file)
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      lake.spoiled.set(file.file_uid, error.message)
      lake.options.log.error(
        { tenant_id: lake.tenant.tenant_id, fault: error.message },
        'lake.spoiled',
      )
    }
  return sound
}

async function merge(lake: TenantLake, group: readonly FileRow[], level: number): Promise<FileRow> {
  const { catalog, options, tenant } = lake
  const lists: { key: Buffer; paths: string[] }[] = []
  for (const [epoch, files] of Map.groupBy(group, (file) => file.epoch)) {
    const { key } = await options.keys.parquetKey({ tenant_uid: tenant.tenant_uid, epoch })
    lists.push({ key, paths: files.map((file) => catalog.absolute(file)) })
  }
  const rows = group.reduce((sum, file) => sum + file.rows, 0)
  const bytes = group.reduce((sum, file) => sum + file.bytes, 0)
  await using batch = await Batch.ofFiles(options, lists, { inMemory: bytes < IN_MEMORY_BYTES_MAX })
  for (const { key } of lists) key.fill(0)
  const found = (await batch.facts()).rows
  if (found !== rows)
    throw new Failure('internal', `Compaction of ${rows} rows found ${found}: nothing was changed.`)
  const remove = group.map(({ file_uid }) => file_uid)
  const hadUs = Math.max(...group.map(({ ingest_to_us }) => ingest_to_us))
  const file = await addFile(lake, batch, { level, remove, hadUs })
  options.log.info(
    { tenant_id: tenant.tenant_id, files: group.length, rows, level, bytes: file.bytes },
    'lake.compacted',
  )
  return file
}
