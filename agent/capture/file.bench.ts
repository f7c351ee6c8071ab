/** Captures out of the page cache, the mix with 64,000 packets: frames found and their places noted, nothing decoded. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { onTestFinished, test } from 'vitest'
import { capture } from '../../test/traffic/mix/main.ts'
import { openFile } from './file.ts'

/** Talks that are open then come to their end. */
const PACKETS = 20_000

test('a file of frames', async ({ bench }) => {
  const folder = mkdtempSync(join(tmpdir(), 'picket-file-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const made = (kind: 'mix' | 'small') =>
    capture({ folder, kind, seed: 1, packets: PACKETS, ruleFiles: [] }).path
  const [mix, small] = [made('mix'), made('small')]
  const packed = `${mix}.gz`
  writeFileSync(packed, gzipSync(readFileSync(mix)))
  const count = async (path: string) => {
    let frames = 0
    for await (const batch of openFile(path)) frames += batch.count
    if (frames < PACKETS) throw new Error(`${frames} frames of ${path}`)
  }
  await bench.compare(
    bench('mix', () => count(mix)),
    bench('64 to 128 bytes', () => count(small)),
    bench('mix, gzip', () => count(packed)),
    { iterations: 12, warmupIterations: 4 },
  )
})
