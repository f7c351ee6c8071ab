/** Attempts on the layer `journal`: segments and frames moved, copied, cut, on real segments of two tenants. */
import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  decodeFrameHead,
  FRAME_HEAD_BYTES,
  HEADER_BYTES,
  TAG_BYTES,
} from '../../agent/lake/segment.ts'
import { settle } from '../../agent/lake/settle.ts'
import { stampEvent } from '../../agent/lake/stamp.ts'
import { makeSite, readLake, type Site } from '../lake/site.ts'

let site: Site
beforeEach(async () => {
  site = await makeSite({ tenants: ['alfa', 'zulu'] })
})
afterEach(() => site.remove())

/** One closed segment of three frames; its path. */
async function segment(tenant: string): Promise<string> {
  const known = new Set(readdirSync(site.lake(tenant).journal))
  const text = 'x'.repeat(3000)
  // More than one frame holds: it is appended in pieces.
  await site.write(Array.from({ length: 2500 }, (_, i) => ({ host: `${tenant}-${i}`, message: text })), tenant) // biome-ignore format: one line
  const name = readdirSync(site.lake(tenant).journal).find((each) => !known.has(each))
  return join(site.lake(tenant).journal, name ?? '')
}

/** Header, then each frame, as they stand in the file. */
function pieces(path: string): Buffer[] {
  const bytes = readFileSync(path)
  const found = [bytes.subarray(0, HEADER_BYTES)]
  for (let at = HEADER_BYTES; at < bytes.length; ) {
    const end = at + FRAME_HEAD_BYTES + decodeFrameHead(bytes, at).length + TAG_BYTES
    found.push(bytes.subarray(at, end))
    at = end
  }
  return found
}

const held = async (tenant: string) =>
  Number((await readLake(site, 'SELECT count(*) FROM events', tenant))[0]?.[0])
const aside = (tenant: string) => readdirSync(join(site.lake(tenant).journal, 'aside'))

test('journal-01 a frame of another tenant: what stood before it is settled, the file is kept aside', async () => {
  const [own, foreign] = [await segment('alfa'), await segment('zulu')]
  const [head, first, , ...rest] = pieces(own) as [Buffer, Buffer, Buffer, ...Buffer[]]
  const [, , theirs] = pieces(foreign) as [Buffer, Buffer, Buffer]
  writeFileSync(own, Buffer.concat([head, first, theirs, ...rest]))
  const { rows, faults } = await settle(site.lake('alfa'))
  expect(rows).toBe(decodeFrameHead(first, 0).rows)
  expect(faults).toEqual([expect.stringMatching(/frame 1 does not belong here/)])
  expect(aside('alfa')).toHaveLength(1)
  expect(await readLake(site, `SELECT count(*) FROM events WHERE host LIKE 'zulu%'`, 'alfa')).toEqual([['0']]) // biome-ignore format: one line
})

test('journal-01 a whole segment of another tenant gives nothing and stays', async () => {
  const foreign = await segment('zulu')
  const name = foreign.split('/').at(-1) as string
  copyFileSync(foreign, join(site.lake('alfa').journal, name))
  const { rows, faults } = await settle(site.lake('alfa'))
  expect([rows, faults]).toEqual([0, [expect.stringMatching(/belongs to another tenant/)]])
  expect(aside('alfa')).toEqual([name])
  expect((await settle(site.lake('zulu'))).rows).toBe(2500) // the original is as it was
})

test('journal-02 two frames exchanged are a fault, not other rows', async () => {
  const own = await segment('alfa')
  const [head, first, second, ...rest] = pieces(own) as [Buffer, Buffer, Buffer, ...Buffer[]]
  writeFileSync(own, Buffer.concat([head, second, first, ...rest]))
  const { rows, faults } = await settle(site.lake('alfa'))
  expect([rows, faults]).toEqual([0, [expect.stringMatching(/frame 0 does not belong here/)]])
})

test('journal-03 a segment under another name, or back again, makes no row twice', async () => {
  const own = await segment('alfa')
  const bytes = readFileSync(own)
  await settle(site.lake('alfa'))
  writeFileSync(own, bytes)
  writeFileSync(own.replace(/[0-9a-f]{32}\.closed/, `${'e'.repeat(32)}.closed`), bytes)
  const { rows, faults } = await settle(site.lake('alfa'))
  expect([rows, faults]).toEqual([0, [expect.stringMatching(/renamed/)]])
  expect(await held('alfa')).toBe(2500)
})

test('journal-05 frames cut off at a boundary are missed, with what was left settled', async () => {
  const own = await segment('alfa')
  const [head, first] = pieces(own) as [Buffer, Buffer]
  writeFileSync(own, Buffer.concat([head, first]))
  const { rows, faults } = await settle(site.lake('alfa'))
  expect(rows).toBe(decodeFrameHead(first, 0).rows)
  expect(faults).toEqual([expect.stringMatching(/frame 1 is missing: .* its end is gone/)])
})

/** A writer that dies with its segment open: its lock goes, nothing marks the end. */
async function abandoned(frames: number): Promise<string> {
  const journal = await site.journal('alfa')
  const { tenant, journal: folder } = site.lake('alfa')
  for (let i = 0; i < frames; i++)
    await journal.append([stampEvent({ kind: 'flow', event_time: i, host: `h${i}` }, tenant, i)])
  const name = readdirSync(folder).find((each) => each.endsWith('.seg')) as string
  const segment_uid = name.slice(0, 32)
  const { tenant_uid } = tenant
  await expect.poll(() => site.keys.acknowledged({ tenant_uid, segment_uid })).toBe(frames)
  const bytes = readFileSync(join(folder, name))
  await journal.close()
  rmSync(join(folder, name.replace('.seg', '.closed')))
  writeFileSync(join(folder, name), bytes)
  return join(folder, name)
}

test('journal-05 acknowledged frames cut off an open segment are missed; a torn write after them is not', async () => {
  const own = await abandoned(4)
  const [head, first, second, third, fourth] = pieces(own) as [Buffer, Buffer, Buffer, Buffer, Buffer] // biome-ignore format: one line
  writeFileSync(own, Buffer.concat([head, first, second]))
  const cut = await settle(site.lake('alfa'))
  expect(cut.rows).toBe(2)
  expect(cut.faults).toEqual([expect.stringMatching(/\.seg: of 4 frames that were acknowledged 2 are there/)]) // biome-ignore format: one line
  expect(aside('alfa')).toHaveLength(1)
  const torn = await abandoned(4)
  writeFileSync(torn, Buffer.concat([readFileSync(torn), fourth.subarray(0, 40)]))
  expect(await settle(site.lake('alfa'))).toEqual({ rows: 4, segments: 1, faults: [] })
  const changed = await abandoned(4)
  const bytes = readFileSync(changed)
  bytes[bytes.length - third.length] = (bytes.at(-third.length) as number) ^ 1
  writeFileSync(changed, bytes)
  const { rows, faults } = await settle(site.lake('alfa'))
  expect([rows, faults]).toEqual([3, [expect.stringMatching(/of 4 frames that were acknowledged 3 are there/)]]) // biome-ignore format: one line
})

test('journal-07 a frame from before the epoch changed does not fit after it', async () => {
  const old = await segment('alfa')
  site.keys.rotate()
  const own = await segment('alfa')
  const [, stale] = pieces(old) as [Buffer, Buffer]
  const [head, , ...rest] = pieces(own) as [Buffer, Buffer, ...Buffer[]]
  writeFileSync(own, Buffer.concat([head, stale, ...rest]))
  const { rows, faults } = await settle(site.lake('alfa'))
  expect([rows, faults]).toEqual([2500, [expect.stringMatching(/frame 0 does not belong here/)]])
})
