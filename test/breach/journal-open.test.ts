/** Attempts on the layer `journal` against a segment whose writer is gone: nothing in it says how long it was. */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { HEADER_BYTES } from '../../agent/lake/segment.ts'
import { settle } from '../../agent/lake/settle.ts'
import { stampEvent } from '../../agent/lake/stamp.ts'
import { makeSite, type Site } from '../lake/site.ts'
import { attempt, type Layer } from './attempt.ts'
import { ACKNOWLEDGED } from './lake-layers.ts'
import { segmentPieces } from './segment-pieces.ts'

let site: Site
let asked = true
beforeEach(async () => {
  asked = true
  const around = (keys: Site['keys']) => ({
    ...keys,
    acknowledged: async (of: Parameters<typeof keys.acknowledged>[0]) =>
      asked ? keys.acknowledged(of) : 0,
  })
  site = await makeSite({ tenants: ['alfa', 'zulu'], around })
})
afterEach(() => site.remove())

const folder = () => site.lake('alfa').journal
const FRAMES = 4

/** Frames of one row each, acknowledged; then closed, or as a writer leaves it that dies with its segment open. */
async function written(how: 'closed' | 'open'): Promise<string> {
  const journal = await site.journal('alfa')
  const { tenant } = site.lake('alfa')
  for (let i = 0; i < FRAMES; i++)
    await journal.append([stampEvent({ kind: 'flow', event_time: i, host: `h${i}` }, tenant, i)])
  const open = join(folder(), readdirSync(folder()).find((each) => each.endsWith('.seg')) ?? '')
  const { tenant_uid } = tenant
  const segment_uid = basename(open, '.seg')
  const known = () => site.keys.acknowledged({ tenant_uid, segment_uid })
  if (asked) await expect.poll(known, { timeout: 30_000 }).toBe(FRAMES)
  const bytes = readFileSync(open)
  await journal.close()
  const closed = open.replace('.seg', '.closed')
  if (how === 'closed') return closed
  rmSync(closed)
  writeFileSync(open, bytes)
  return open
}

function cut(by: string, layers: readonly Layer[], how: 'closed' | 'open', last: number[] = []) {
  attempt('journal-05', {
    by,
    layers,
    try: async (run) => {
      asked = !run.without(ACKNOWLEDGED)
      const path = await written(how)
      const pieces = segmentPieces(path)
      rmSync(path)
      // Without its end mark it can only be one that was left open.
      const kept = Buffer.concat([...pieces.slice(0, 3), Buffer.from(last)])
      writeFileSync(path.replace('.closed', '.seg'), kept)
      const done = await run.does('settling', settle(site.lake('alfa')))
      expect(done?.rows).toBe(2)
      if (done?.faults.length === 0) run.harm('two acknowledged rows are gone without a word')
      else expect(readdirSync(join(folder(), 'aside'))).toHaveLength(1)
    },
  })
}

cut('of a segment that is open', [ACKNOWLEDGED], 'open')
cut('of one that is open, with zeros behind', [ACKNOWLEDGED], 'open', Array(600).fill(0))
cut('of a closed one, renamed to an open one', [ACKNOWLEDGED], 'closed')

test('journal-05 a write that was torn behind the acknowledged frames is not blamed', async () => {
  const torn = await written('open')
  const bytes = readFileSync(torn)
  writeFileSync(torn, Buffer.concat([bytes, bytes.subarray(HEADER_BYTES, HEADER_BYTES + 40)]))
  expect(await settle(site.lake('alfa'))).toEqual({ rows: FRAMES, segments: 1, faults: [] })
  expect(existsSync(join(folder(), 'aside'))).toBe(false)
})

test('journal-05 the last acknowledged frame changed by one bit is missed', async () => {
  const path = await written('open')
  const bytes = readFileSync(path)
  const at = bytes.length - 20
  bytes[at] = (bytes[at] as number) ^ 1
  writeFileSync(path, bytes)
  const { rows, faults } = await settle(site.lake('alfa'))
  expect([rows, faults]).toEqual([3, [expect.stringMatching(/of 4 frames that were acknowledged 3 are there/)]]) // biome-ignore format: one line
})
