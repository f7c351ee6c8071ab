/** A tenant's rows as plain Parquet or NDJSON, where and when its operator asked for them. */
import { existsSync, realpathSync, rmSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, resolve } from 'node:path'
import { Failure } from '../base/failure.ts'
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
  const target = place(path, options.data)
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

/** An absolute path to a file that is not there yet, outside the data folder: no plaintext goes there. */
function place(path: string, data: string): string {
  if (!isAbsolute(path)) throw new Failure('invalid', 'An export needs an absolute path.')
  const folder = dirname(resolve(path))
  if (!existsSync(folder)) throw new Failure('not-found', `The folder ${folder} does not exist.`)
  const target = join(realpathSync(folder), basename(path))
  if (`${target}/`.startsWith(`${realpathSync(data)}/`))
    throw new Failure('refused', 'An export must not go into the data folder: it is plain text.')
  if (existsSync(target)) throw new Failure('conflict', `${target} exists already.`)
  return target
}
