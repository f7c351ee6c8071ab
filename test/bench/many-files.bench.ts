/** 100,000 small files: what a commit, a question and a new row cost then, and how long compaction takes to catch up. */
import { test } from 'vitest'
import { compact } from '../../agent/lake/compact.ts'
import { settle } from '../../agent/lake/settle.ts'
import { countRows, manyFiles } from '../lake/many-files.ts'
import { makeSite, type Site } from '../lake/site.ts'

const COUNTS = [1000, 10_000, 100_000]
const MERGES_TIMED = 5
const BENCH_MS_MAX = 1_800_000

test.each(COUNTS)(
  '%i small files',
  async (count) => {
    const site = await makeSite({ compactFiles: 32 })
    try {
      await say(`${count} files: made`, () => manyFiles(site, count))
      await say('a question over all of them', () => countRows(site))
      await site.write([{ host: 'new' }])
      await say('one new row settled', () => settle(site.lake()))
      await say('opened again', () => site.reopen())
      await say(`${MERGES_TIMED} merges`, () => merges(site, MERGES_TIMED))
      await say('all merges', () => merges(site, Infinity))
      await say(`a question over the ${site.lake().catalog.files().length} that are left`, () => countRows(site)) // biome-ignore format: one line
    } finally {
      site.remove()
    }
  },
  BENCH_MS_MAX,
)

async function merges(site: Site, most: number): Promise<void> {
  for (let i = 0; i < most && (await compact(site.lake())); i++);
}

async function say(what: string, act: () => Promise<unknown>): Promise<void> {
  const from = performance.now()
  const cpu = process.cpuUsage()
  let end = ''
  await act().catch((error: Error) => {
    end = `: ${error.message}`
  })
  const { user, system } = process.cpuUsage(cpu)
  const seconds = ((performance.now() - from) / 1000).toFixed(1)
  process.stderr.write(
    `${what}: ${seconds} s, ${((user + system) / 1e6).toFixed(1)} s of processor${end}\n`,
  )
}
