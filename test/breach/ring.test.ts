/** Attempts on the layer `ring`: raw frames of two tenants on one box, asked for, looked for on the disk, forged, and kept from others. */
import { execFileSync, spawnSync } from 'node:child_process'
import { createDecipheriv } from 'node:crypto'
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { type AgentCalls, type ClientOf, keysForAgent } from '../../agent/control/keys-client.ts'
import { connect } from '../../agent/control/rpc.ts'
import { socketPath } from '../../agent/control/sockets.ts'
import { ConfinedChild } from '../../agent/lake/confined-child.ts'
import { decodeFrameHead, decodeHeader, FRAME_HEAD_BYTES, HEADER_BYTES, SEGMENT_OF, segmentKeyOf } from '../../agent/lake/segment.ts' // biome-ignore format: one line
import { BlockWriter } from '../../agent/packets/blocks.ts'
import { FrameCut } from '../../agent/packets/cut.ts'
import { listSegments, ringFolder } from '../../agent/packets/folder.ts'
import { readSegmentChunks } from '../../agent/packets/read.ts'
import { Recorder } from '../../agent/packets/recorder.ts'
import { RunningLake } from '../lake/running-lake.ts'
import { udp } from '../traffic/frames.ts'
import { ALL_TIME, batchOf } from '../traffic/frames-in-ring.ts'
import { attempt, type Layer } from './attempt.ts'
import { PASSWORD } from './box.ts'
import { canary, filesBelow } from './canary.ts'

const HEADER: Layer = { name: 'the name in the header of a segment', shows: /"broken":0/ }
const SUBKEY: Layer = { name: 'a subkey of one tenant', shows: /"broken":1/ }
const SEALED: Layer = { name: 'sealed chunks', shows: /PKTR/ }
const TAG: Layer = { name: 'the tag of a chunk', shows: /do not verify/ }
const LISTED: Layer = { name: 'plain files alone are segments', shows: /"frames":1/ }
const OPENED: Layer = { name: 'no waiting at an opening', shows: /nothing was there/ }
const SCOPE: Layer = { name: 'the scope of a session', shows: /refused|not-found/ }
const NEW_ONLY: Layer = { name: 'keys of new segments alone', shows: /no key opens it/ }
const SAYS: Layer = { name: 'a bound of what a child says', shows: /ended: said/ }

const OURS_US = 1_700_000_000_000_000
const FLOW = { src: '10.0.0.5', dest: '10.0.0.9', srcPort: 40_000, destPort: 53 }
const HELD_UP_MS = 5_000
const ALL = { from_us: 0, to_us: Number.MAX_SAFE_INTEGER }

const ours = canary('a frame of alfa')
const theirs = canary('a frame of zulu')
const forged = canary('a frame that never was')
let box: RunningLake
let agent: ClientOf<AgentCalls>
let token: string
let scratch: string
const keys = new Map<string, Buffer>()
const segments = new Map<string, string>()

type Name = 'alfa' | 'zulu'
const uidOf = (name: Name) => box.tenant(name).tenant_uid
const folderOf = (name: Name) => ringFolder(box.data, uidOf(name))
const frameOf = (text: string) => batchOf([{ bytes: udp(FLOW, text), timeUs: OURS_US }])

/** As the agent does it; the key is kept, for what a control leaves out. */
async function record(name: Name, text: string): Promise<void> {
  const { tenant_uid, appliance_id } = box.tenant(name)
  const openSegment = async () => {
    const made = segmentKeyOf(await agent.openRing({ tenant_uid }))
    keys.set(name, Buffer.from(made.key))
    return made
  }
  const recorder = Recorder.open({ folder: folderOf(name), tenant_uid, appliance_uid: appliance_id, quotaBytes: 64 << 20, openSegment }) // biome-ignore format: one line
  await recorder.record('eth1', frameOf(text))
  await recorder.close()
  segments.set(name, listSegments(folderOf(name))[0]?.path as string)
}

beforeAll(async () => {
  box = await RunningLake.open({ alfa: 'alfa', zulu: 'zulu' })
  scratch = mkdtempSync(join(tmpdir(), 'ring-'))
  agent = keysForAgent(box.data)
  await record('alfa', ours.text)
  await record('zulu', theirs.text)
  const { code } = await box.cli.oneTimeLogin({ tenant_id: 'alfa' })
  const first = await box.web.redeem({ code, source: '127.0.0.1' })
  token = (await box.web.setPassword({ token: first.token, next: PASSWORD })).token
})
afterAll(async () => {
  agent.close()
  await box.close()
  rmSync(scratch, { recursive: true })
})

const asAlfa = () => box.web.packets({ token, ...ALL })
const keyOf = (name: Name) => Buffer.from(keys.get(name) as Buffer)
const planted = (n: number) => join(folderOf('alfa'), `${String(n).padStart(10, '0')}-${'e'.repeat(32)}.open`) // biome-ignore format: one line

/** What a segment holds for whoever has its key and asks nothing else. */
function framesIn(path: string, name: Name): Buffer {
  const cut = new FrameCut(ALL_TIME, 1 << 20)
  readSegmentChunks(path, { tenant_uid: uidOf(name), key: keyOf(name) }, (chunk) => cut.chunk(chunk)) // biome-ignore format: one line
  return cut.result().pcapng
}

attempt('own-ring-01', {
  layers: [HEADER, SUBKEY],
  secrets: () => [theirs],
  try: async (run) => {
    const from = segments.get('zulu') as string
    const uid = decodeHeader(readFileSync(from), SEGMENT_OF.ring)
    if (typeof uid === 'string') throw new Error(uid)
    const path = planted(7).replace('e'.repeat(32), uid.segment_uid)
    copyFileSync(from, path)
    if (run.without(SUBKEY)) return run.saw('its frames', framesIn(path, 'zulu'))
    const bytes = readFileSync(path)
    if (run.without(HEADER)) bytes.write(uidOf('alfa'), 8, 16, 'hex')
    writeFileSync(path, bytes)
    await run.does('the answer', asAlfa)
  },
  undo: () => clean(7),
})

attempt('own-ring-02', {
  layers: [SEALED],
  secrets: () => [theirs],
  try: async (run) => {
    const plain = join(scratch, 'plain')
    if (run.without(SEALED)) {
      const writer = new BlockWriter(1 << 16)
      writer.section()
      writer.interface({ linkType: 1, name: 'eth1' })
      writer.frame(frameOf(theirs.text), 0, 0)
      writeFileSync(plain, writer.bytes.subarray(0, writer.used))
      run.seen.push(...filesBelow(scratch))
    } else run.seen.push(...filesBelow(folderOf('zulu')))
  },
})

/** Of the first chunk, without its tag: what a reader that believes the disk would read. */
function believed(bytes: Buffer): Buffer {
  const { length } = decodeFrameHead(bytes, HEADER_BYTES)
  const decipher = createDecipheriv('aes-256-gcm', keyOf('alfa'), Buffer.alloc(12))
  const from = HEADER_BYTES + FRAME_HEAD_BYTES
  return decipher.update(bytes.subarray(from, from + length))
}

attempt('own-ring-03', {
  layers: [TAG],
  secrets: () => [forged],
  try: async (run) => {
    const path = segments.get('alfa') as string
    const before = readFileSync(path)
    const at = HEADER_BYTES + FRAME_HEAD_BYTES + believed(before).indexOf(ours.text)
    const bytes = Buffer.from(before)
    for (const [i, byte] of forged.bytes.entries())
      bytes[at + i] = (bytes[at + i] as number) ^ byte ^ (ours.bytes[i] as number)
    writeFileSync(path, bytes)
    try {
      if (run.without(TAG)) run.saw('what is read', believed(bytes))
      else await run.does('the answer', asAlfa)
    } finally {
      writeFileSync(path, before)
    }
  },
})

/** In a process that can be ended: it waits where the product would. */
function opens(path: string, how: 'as the product' | 'as if it were a file'): string {
  const read = new URL('../../agent/packets/read.ts', import.meta.url)
  const code =
    how === 'as the product'
      ? `const { readHeader } = await import('${read}'); readHeader('${path}', '${uidOf('alfa')}') ?? console.log('nothing was there')`
      : `(await import('node:fs')).openSync('${path}', 'r')`
  const timeout = how === 'as the product' ? HELD_UP_MS * 6 : HELD_UP_MS // to start, where it is not to wait
  const { signal, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', code], { timeout }) // biome-ignore format: one line
  return signal === null ? stdout.toString() : 'held up'
}

attempt('own-ring-04', {
  layers: [LISTED, OPENED],
  try: async (run) => {
    const path = planted(8)
    execFileSync('mkfifo', [path])
    if (run.off.size === 0) {
      const late = new Promise((done) => setTimeout(done, HELD_UP_MS * 4, 'held up'))
      if ((await Promise.race([run.does('the answer', asAlfa), late])) === 'held up')
        run.harm('picket-keys answers nobody')
      return
    }
    const said = opens(path, run.without(OPENED) ? 'as if it were a file' : 'as the product')
    if (said === 'held up') run.harm('who opens it waits')
    run.saw('the reader', said)
  },
  undo: () => clean(8),
})

attempt('own-ring-05', {
  layers: [SCOPE],
  secrets: () => [theirs],
  try: async (run) => {
    const wanted = { tenant_id: 'zulu', ...ALL }
    if (run.without(SCOPE)) await run.does('the answer', box.cli.packets(wanted))
    else await run.does('the answer', box.web.packets({ token, ...wanted }))
  },
})

attempt('own-ring-05', {
  by: 'a finding of nobody in the scope',
  layers: [SCOPE],
  secrets: () => [theirs],
  try: async (run) => {
    const { event_id } = finding
    await box.import('zulu', [finding])
    if (run.without(SCOPE)) await run.does('the answer', box.cli.packets({ finding_id: event_id }))
    else await run.does('the answer', box.web.packets({ token, finding_id: event_id }))
  },
})
const finding = {
  event_id: '01930000-0000-7000-8000-00000000000a',
  event_time: new Date(OURS_US / 1000).toISOString(),
  ...{ kind: 'finding', rule_id: 'sid:1', severity: 'high', message: 'x' },
  ...{ src_ip: FLOW.src, dest_ip: FLOW.dest },
}

attempt('own-ring-06', {
  layers: [NEW_ONLY],
  secrets: () => [theirs],
  try: async (run) => {
    const path = segments.get('zulu') as string
    const header = decodeHeader(readFileSync(path), SEGMENT_OF.ring)
    if (typeof header === 'string') throw new Error(header)
    const { tenant_uid, epoch, salt } = header
    const found: Buffer[] = run.without(NEW_ONLY) ? [keyOf('zulu')] : []
    const rpc = await connect(socketPath(box.data, 'keys', 'agent'))
    for (const method of [
      'openRing',
      'openSegment',
      'readSegment',
      'parquetKey',
      'packets',
      'query',
    ])
      for (const more of [
        {},
        { epoch, salt: salt.toString('hex') },
        { ...header, salt: salt.toString('hex') },
      ]) {
        const answer = (await run.does(method, rpc.call(method, { tenant_uid, ...more }))) as { key?: string } | undefined // biome-ignore format: one line
        if (answer?.key) found.push(Buffer.from(answer.key, 'base64'))
      }
    rpc.close()
    for (const key of found)
      readSegmentChunks(path, { tenant_uid, key }, (chunk) => {
        run.saw('its frames', chunk)
        return true
      })
    if (!run.seen.some(({ where }) => where === 'its frames')) run.saw('the segment', 'no key opens it') // biome-ignore format: one line
  },
})

attempt('own-ring-07', {
  layers: [SAYS],
  try: async (run) => {
    const child = new ConfinedChild({ program: new URL('./ring-flood.ts', import.meta.url) })
    let taken = 0
    const ended = new Promise<string>((done) => child.onGone(done))
    child.take((message) => {
      taken += (message as { bytes: string }).bytes.length
    })
    const limits = { cpuMs: 60_000, wallMs: 60_000, rssBytes: 4 * 2 ** 30 }
    const stop = child.watch(run.without(SAYS) ? limits : { ...limits, saysBytes: 8 << 20 })
    run.saw('the child', `ended: ${await ended}`)
    stop()
    if (taken > 64 << 20) run.harm(`its parent was made to hold ${taken >> 20} MiB`)
  },
})

/** Whatever was planted with this number. */
function clean(n: number): void {
  const begins = `${String(n).padStart(10, '0')}-`
  for (const name of readdirSync(folderOf('alfa')))
    if (name.startsWith(begins)) rmSync(join(folderOf('alfa'), name))
}
