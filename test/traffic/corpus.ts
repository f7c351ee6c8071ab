/** Real captures and rules for tests: PICKET_CORPUS, else beside the repository. They are no part of it. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT =
  process.env['PICKET_CORPUS'] ?? fileURLToPath(new URL('../../../shared/corpus', import.meta.url))

/** A folder of the corpus; undefined, and a line that says why, where it is absent: the test skips. */
export function corpus(folder: string): string | undefined {
  const path = join(ROOT, folder)
  if (existsSync(path)) return path
  process.stderr.write(
    `skipped: there is no ${path}; set PICKET_CORPUS to the corpus of captures\n`,
  )
  return undefined
}
