/**
 * What a cell says of an error to the one who asked (D16). The engine quotes rows of the asker's own scope, which is
 * useful; where files lie and how they are encrypted is nobody's business, and is said in one sentence.
 */
import { dirname } from 'node:path'

export const ERROR_BYTES_MAX = 300
export const FILE_TROUBLE =
  'A file of the lake could not be read: it is missing, was changed, or is not under this key.'
const INSIDE = ['encryption_config', 'footer_key', 'parquet_key', 'AES tag']

/** `paths` are the files that the cell was handed. */
export function engineWords(error: unknown, paths: readonly string[]): string {
  const text = String((error as Error | undefined)?.message ?? error)
  const { code } = (error ?? {}) as NodeJS.ErrnoException
  const folders = new Set(paths.map(dirname))
  const isOfFiles = [...INSIDE, ...folders].some((part) => text.includes(part))
  if (isOfFiles || code !== undefined) return FILE_TROUBLE
  return Buffer.from(text).subarray(0, ERROR_BYTES_MAX).toString('utf8').replace(/�+$/, '')
}
