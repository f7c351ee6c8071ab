/** A tenant's rows as plain Parquet or NDJSON, where and when its operator asked for them. */
import { rmSync } from 'node:fs'
import { Failure } from '../base/failure.ts'
import { exportPlace } from './export-place.ts'
import { Batch, verifyFile } from './parquet.ts'
import type { TenantLake } from './tenant-lake.ts'

export interface ExportRequest {
  path: string
  format: 'parquet' | 'ndjson'
}

export async function exportFile(
  lake: TenantLake,
  { path, format }: ExportRequest,
): Promise<{ rows: number; path: string }> {
  const { catalog, options, tenant } = lake
  const target = exportPlace(path, options.data)
  const files = catalog.files()
  if (files.length === 0)
    throw new Failure('not-found', `The lake of ${tenant.tenant_id} holds no rows yet.`)
  for (const file of files) await verifyFile(catalog.absolute(file), file)
  const lists: { key: Buffer; paths: string[] }[] = []
  for (const [epoch, some] of Map.groupBy(files, (file) => file.epoch)) {
    const { key } = await options.keys.parquetKey({ tenant_uid: tenant.tenant_uid, epoch })
    lists.push({ key, paths: some.map((file) => catalog.absolute(file)) })
  }
  await using batch = await Batch.ofFiles(options, lists)
  for (const { key } of lists) key.fill(0)
  try {
    await batch.copyTo(target, format)
  } catch (error) {
    rmSync(target, { force: true })
    throw new Failure('invalid', `${target} could not be written.`, { file: target }, error)
  }
  return { rows: files.reduce((sum, file) => sum + file.rows, 0), path: target }
}
