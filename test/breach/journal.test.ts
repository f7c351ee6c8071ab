/** Attempts on the layer `journal`: segments and frames moved, copied, cut, on real segments of two tenants. */
import { createDecipheriv } from 'node:crypto'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs' // biome-ignore format: one line
import { basename, join } from 'node:path'
import { afterEach, beforeEach, expect } from 'vitest'
import { importFile } from '../../agent/lake/import.ts'
import { encodeLines } from '../../agent/lake/journal.ts'
import { readSegment } from '../../agent/lake/journal-reader.ts'
import { Batch } from '../../agent/lake/parquet.ts'
import {
  decodeFrameHead,
  decodeHeader,
  FRAME_HEAD_BYTES,
  FRAME_ROWS,
  FrameChain,
  type SegmentHeader,
} from '../../agent/lake/segment.ts'
import { settle } from '../../agent/lake/settle.ts'
import { stampEvent } from '../../agent/lake/stamp.ts'
import { addFile } from '../../agent/lake/tenant-lake.ts'
import { makeSite, readLake, type Site } from '../lake/site.ts'
import { attempt, type Layer, type Run } from './attempt.ts'
import { type Canary, canary } from './canary.ts'
import { FRAME_TAG, HEADER_TENANT, IMPORT_NAMES, LINE_BOUND, NAMED_TENANT, NEW_SEGMENT, SEGMENT_END, SEGMENT_KEY, SEGMENT_NAME, SETTLED_ONCE, SETTLED_UNIQUE, STAMP } from './lake-layers.ts' // biome-ignore format: one line
import { segmentPieces } from './segment-pieces.ts'

let site: Site
beforeEach(async () => {
  site = await makeSite({ tenants: ['alfa', 'zulu'] })
})
afterEach(() => site.remove())

/** One closed segment of three frames; its path. */
async function segment(tenant: string, host = tenant): Promise<string> {
  const known = new Set(readdirSync(site.lake(tenant).journal))
  const text = 'x'.repeat(3000)
  // More than one frame holds: it is appended in pieces.
  await site.write(Array.from({ length: 2500 }, (_, i) => ({ host: `${host}-${i}`, message: text })), tenant) // biome-ignore format: one line
  const name = readdirSync(site.lake(tenant).journal).find((each) => !known.has(each))
  return join(site.lake(tenant).journal, name ?? '')
}

const held = async (tenant: string) =>
  Number((await readLake(site, 'SELECT count(*) FROM events', tenant))[0]?.[0])
const aside = (tenant: string) => readdirSync(join(site.lake(tenant).journal, 'aside'))

const lake = () => site.lake('alfa')
const headerOf = (path: string) => decodeHeader(readFileSync(path)) as SegmentHeader
const keyOf = ({ tenant_uid, epoch, salt }: SegmentHeader) =>
  site.keys.readSegment({ tenant_uid, epoch, salt })

/** A frame opened without a look at its tag, by the number it says it has. */
function openLoosely(frame: Buffer, key: Buffer): Buffer {
  const { frameNo, length } = decodeFrameHead(frame, 0)
  const nonce = Buffer.alloc(12)
  nonce.writeUInt32BE(frameNo, 8)
  return createDecipheriv('aes-256-gcm', key, nonce).update(
    frame.subarray(FRAME_HEAD_BYTES, FRAME_HEAD_BYTES + length),
  )
}

/** Rows into the lake of alfa as settling does it; whether they name alfa is asked unless that is off. */
async function take(run: Run, lines: readonly Buffer[], rows: number): Promise<void> {
  await using batch = await Batch.ofLines(lake().options, lines)
  if (!run.without(NAMED_TENANT)) {
    const { foreign, unreadable } = await batch.keepOwn(lake().tenant, rows)
    run.saw('settling', `unreadable: ${unreadable}, foreign: ${foreign}`)
    if (foreign + unreadable >= rows) return
  }
  await addFile(lake(), batch, { level: 0 })
}

/** What the lake of alfa holds afterwards. */
async function looks(run: Run, sql = 'SELECT host FROM events'): Promise<void> {
  run.saw('the lake', lake().catalog.files().length > 0 ? await readLake(site, sql, 'alfa') : 'no row') // biome-ignore format: one line
}

/** A segment of alfa with a piece of another in place of its first frame. */
async function planted(own: string, piece: Buffer): Promise<void> {
  const [head, , ...rest] = segmentPieces(own) as [Buffer, Buffer, ...Buffer[]]
  writeFileSync(own, Buffer.concat([head, piece, ...rest]))
}

/** Settles; past the tag, the one foreign piece is opened by the key of its place, or by its own when that is off. */
async function settles(run: Run, piece: Buffer, [own, from]: [SegmentHeader, SegmentHeader]) {
  if (!run.without(FRAME_TAG)) return run.does('settling', settle(lake()))
  const key = await keyOf(run.without(SEGMENT_KEY) ? from : own)
  await run.does('settling', take(run, [openLoosely(piece, key)], decodeFrameHead(piece, 0).rows))
  return undefined
}

let theirs = canary('rows of zulu')
beforeEach(() => {
  theirs = canary('rows of zulu')
})

attempt('journal-01', {
  by: 'one frame',
  layers: [FRAME_TAG, SEGMENT_KEY, NAMED_TENANT],
  secrets: () => [theirs],
  try: async (run) => {
    const [own, foreign] = [await segment('alfa'), await segment('zulu', theirs.text)]
    const [head, first, , ...rest] = segmentPieces(own) as [Buffer, Buffer, Buffer, ...Buffer[]]
    const [, , piece] = segmentPieces(foreign) as [Buffer, Buffer, Buffer]
    writeFileSync(own, Buffer.concat([head, first, piece, ...rest]))
    const done = await settles(run, piece, [headerOf(own), headerOf(foreign)])
    await looks(run)
    if (run.off.size > 0) return
    expect(done?.rows).toBe(decodeFrameHead(first, 0).rows) // what stood before it
    expect(done?.faults).toEqual([expect.stringMatching(/frame 1 does not belong here/)])
    expect(aside('alfa')).toHaveLength(1)
  },
})

attempt('journal-01', {
  by: 'a whole segment',
  layers: [HEADER_TENANT, SEGMENT_KEY, NAMED_TENANT],
  secrets: () => [theirs],
  try: async (run) => {
    const foreign = await segment('zulu', theirs.text)
    const path = join(lake().journal, basename(foreign))
    copyFileSync(foreign, path)
    if (run.off.size === 0) {
      const done = await run.does('settling', settle(lake()))
      expect([done?.rows, done?.faults]).toEqual([0, [expect.stringMatching(/belongs to another tenant/)]]) // biome-ignore format: one line
      expect(aside('alfa')).toEqual([basename(path)])
      expect((await settle(site.lake('zulu'))).rows).toBe(2500) // the original is as it was
      return
    }
    const { tenant_uid } = headerOf(path)
    const as = run.without(SEGMENT_KEY) ? tenant_uid : lake().tenant.tenant_uid
    const key = (header: SegmentHeader) => keyOf({ ...header, tenant_uid: as })
    const reading = await readSegment(path, { tenant_uid, key })
    if (reading.fault) run.saw('settling', reading.fault)
    else await take(run, reading.lines, reading.rows)
    await looks(run)
  },
})

attempt('journal-02', {
  layers: [FRAME_TAG],
  try: async (run) => {
    const own = await segment('alfa')
    const [head, first, second, ...rest] = segmentPieces(own) as [
      Buffer,
      Buffer,
      Buffer,
      ...Buffer[],
    ]
    writeFileSync(own, Buffer.concat([head, second, first, ...rest]))
    if (!run.without(FRAME_TAG)) {
      const done = await run.does('settling', settle(lake()))
      expect([done?.rows, done?.faults]).toEqual([0, [expect.stringMatching(/frame 0 does not belong here/)]]) // biome-ignore format: one line
      return
    }
    const key = await keyOf(headerOf(own))
    const lines = segmentPieces(own).slice(1, 3).map((frame) => openLoosely(frame, key)) // biome-ignore format: one line
    const hosts = lines.map((each) => /"host":"(alfa-\d+)"/.exec(each.toString())?.[1])
    run.saw('settling', hosts)
    if (hosts[1] === 'alfa-0') run.harm('rows came in another order than they were written')
  },
})

/** Settled, then there once more as `path` is made from its own. */
function twice(by: string, layers: readonly Layer[], again: (own: string) => string) {
  attempt('journal-03', {
    by,
    layers,
    try: async (run) => {
      const own = await segment('alfa')
      const bytes = readFileSync(own)
      await settle(lake())
      const path = again(own)
      writeFileSync(path, bytes)
      if (run.off.size === 0) await run.does('settling', settle(lake()))
      else await run.does('settling', () => takeAgain(run, path))
      const rows = await held('alfa')
      run.saw('the lake', { rows })
      if (rows !== 2500) run.harm(`2500 rows became ${rows}`)
    },
  })
}

async function takeAgain(run: Run, path: string): Promise<void> {
  const header = headerOf(path)
  const { segment_uid, tenant_uid } = header
  if (!run.without(SETTLED_ONCE) && lake().catalog.isSettled(segment_uid))
    return run.saw('settling', 'this segment is settled already')
  const folder = join(site.data, 'again')
  mkdirSync(folder, { recursive: true })
  const named = join(folder, `${segment_uid}.closed`)
  copyFileSync(path, named)
  const { lines } = await readSegment(named, { tenant_uid, key: keyOf })
  await using batch = await Batch.ofLines(lake().options, lines)
  await addFile(lake(), batch, {
    level: 0,
    settled: run.without(SETTLED_UNIQUE) ? [] : [segment_uid],
  })
}

twice('under another name', [SEGMENT_NAME, SETTLED_ONCE, SETTLED_UNIQUE], (own) =>
  own.replace(/[0-9a-f]{32}\.closed/, `${'e'.repeat(32)}.closed`),
)
twice('back again', [{ ...SETTLED_ONCE, shows: /"rows":0/ }, SETTLED_UNIQUE], (own) => own)

/** Of a frame that is known, how it was encrypted; of another, what that gives. */
const mixed = (...all: [Buffer, Buffer, Buffer]) =>
  Buffer.from(all[0].map((byte, i) => byte ^ (all[1][i] ?? 0) ^ (all[2][i] ?? 0)))

attempt('journal-04', {
  layers: [NEW_SEGMENT],
  secrets: () => [theirs],
  try: async (run) => {
    // What the attacker sent, and so knows; killed while its frame was written.
    const known = await site.write([{ host: 'a name that is known', message: 'x'.repeat(500) }])
    const path = join(lake().journal, readdirSync(lake().journal)[0] as string)
    const [head, frame] = segmentPieces(path) as [Buffer, Buffer]
    rmSync(path)
    const torn = path.replace('.closed', '.seg')
    writeFileSync(torn, Buffer.concat([head, frame.subarray(0, frame.length >>> 1)]))
    if (run.without(NEW_SEGMENT)) {
      const header = headerOf(torn)
      const rows = [stampEvent({ kind: 'flow', event_time: 0, host: theirs.text }, lake().tenant, 0)] // biome-ignore format: one line
      const chain = new FrameChain(header, await keyOf(header))
      const next = chain.seal(FRAME_ROWS, 1, Buffer.from(encodeLines(rows)))
      writeFileSync(torn, Buffer.concat([head, next]))
    } else await site.write([{ host: theirs.text }])
    const all = readdirSync(lake().journal).map((name) => join(lake().journal, name))
    run.saw('the journal', `${new Set(all.map((each) => headerOf(each).salt.toString('hex'))).size} subkeys`) // biome-ignore format: one line
    const plain = Buffer.from(encodeLines(known))
    for (const each of all.flatMap((file) => (file === torn && !run.without(NEW_SEGMENT) ? [] : segmentPieces(file).slice(1)))) // biome-ignore format: one line
      run.saw('two frames laid over each other', mixed(each.subarray(FRAME_HEAD_BYTES), frame.subarray(FRAME_HEAD_BYTES), plain)) // biome-ignore format: one line
  },
})

attempt('journal-05', {
  layers: [SEGMENT_END],
  try: async (run) => {
    const own = await segment('alfa')
    const [head, first] = segmentPieces(own) as [Buffer, Buffer]
    writeFileSync(own, Buffer.concat([head, first]))
    const { rows } = decodeFrameHead(first, 0)
    if (run.without(SEGMENT_END)) {
      await take(run, [openLoosely(first, await keyOf(headerOf(own)))], rows)
      if ((await held('alfa')) < 2500) run.harm('acknowledged rows are gone without a word')
      return
    }
    const done = await run.does('settling', settle(lake()))
    expect(done?.rows).toBe(rows)
    expect(done?.faults).toEqual([expect.stringMatching(/frame 1 is missing: .* its end is gone/)])
  },
})

/** A row that says it is zulu's, brought in by alfa. */
function forged(by: string, layers: readonly Layer[], names: Record<string, unknown>) {
  attempt('journal-06', {
    by,
    layers,
    secrets: () => [theirs],
    try: async (run) => {
      const path = join(site.data, 'rows.ndjson')
      const row = { host: theirs.text, message: 'ours', ...names }
      writeFileSync(path, `${JSON.stringify(row)}\n`)
      if (run.off.size === 0) await run.does('the import', importFile(lake(), path))
      else {
        const draft = { kind: 'host', event_time: 0, ...row } as const
        const stamped = stampEvent(draft, lake().tenant, 1)
        const told = { ...stamped, tenant_id: 'zulu' }
        const rows = [run.without(STAMP) ? told : stamped]
        await using batch = await Batch.ofLines(lake().options, [Buffer.from(encodeLines(rows))])
        await addFile(lake(), batch, { level: 0 })
      }
      await looks(run, 'SELECT DISTINCT tenant_id, fleet_id FROM events')
      if (lake().catalog.files().length > 0) await looks(run, `SELECT host FROM events WHERE tenant_id = 'zulu' OR fleet_id = 'zulu'`) // biome-ignore format: one line
    },
  })
}

forged('tenant_id', [IMPORT_NAMES, STAMP], { tenant_id: 'zulu' })
forged('fleet_id', [IMPORT_NAMES, STAMP], { fleet_id: 'zulu' })
forged('in another case', [STAMP], { TENANT_ID: 'zulu', Tenant_Id: 'zulu' })
forged('nested', [STAMP], { record: { tenant_id: 'zulu', fleet_id: 'zulu' }, event: { tenant_id: 'zulu' } }) // biome-ignore format: one line

attempt('journal-07', {
  layers: [FRAME_TAG, SEGMENT_KEY],
  secrets: () => [theirs],
  try: async (run) => {
    const old = await segment('alfa', theirs.text)
    site.keys.rotate()
    const own = await segment('alfa')
    const [from, piece] = [headerOf(old), segmentPieces(old)[1] as Buffer]
    rmSync(old)
    await planted(own, piece)
    const done = await settles(run, piece, [headerOf(own), from])
    await looks(run)
    if (run.off.size > 0) return
    expect([done?.rows, done?.faults]).toEqual([0, [expect.stringMatching(/frame 0 does not belong here/)]]) // biome-ignore format: one line
  },
})

const HUGE_BYTES = 64 << 20
const READ_BYTES_MAX = 8 << 20
const bytesRead = () => Number(/^rchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1])

attempt('journal-08', {
  by: 'one line of 64 MB, brought in from a file',
  layers: [LINE_BOUND],
  try: async (run) => {
    const path = join(site.data, 'rows.ndjson')
    writeFileSync(path, '{"host":"')
    truncateSync(path, HUGE_BYTES)
    const before = bytesRead()
    await run.does('the import', run.without(LINE_BOUND) ? () => JSON.parse(readFileSync(path, 'utf8')) : importFile(lake(), path)) // biome-ignore format: one line
    const read = bytesRead() - before
    if (read > READ_BYTES_MAX) run.harm(`${read} bytes were taken in for one row`)
    const other: Canary[] = [theirs]
    writeFileSync(path, `${JSON.stringify({ host: theirs.text })}\n`)
    await importFile(site.lake('zulu'), path)
    run.keeps('the lake of the neighbour', other, await readLake(site, 'SELECT host FROM events', 'zulu')) // biome-ignore format: one line
  },
})
