/**
 * The packet ring as an operator uses it: captures in, `picket pcap` out, compared frame by frame with what the capture
 * itself holds by a filter that shares no code with the product; and live, against tcpdump on the same wire, across a kill.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { isoFromUs } from '../../agent/base/clock.ts'
import { openFile } from '../../agent/capture/file.ts'
import { keysForWeb } from '../../agent/control/keys-client.ts'
import { listSegments, ringFolder } from '../../agent/packets/folder.ts'
import { recordBy } from '../demo/recorder.ts'
import { corpus } from '../traffic/corpus.ts'
import { AT, canUnshare, until } from '../traffic/three-networks.ts'
import { RunningLake } from './running-lake.ts'
import { WholeBox } from './whole-box.ts'

const folder = mkdtempSync(join(tmpdir(), 'picket-packets-'))
afterAll(() => rmSync(folder, { recursive: true }))
const hasTcpdump = spawnSync('tcpdump', ['--version']).status === 0
if (!hasTcpdump)
  process.stderr.write('packets: tcpdump is not here, so only our own reader reads\n')
const able = canUnshare()

interface Frame {
  hex: string
  timeUs: number
  restNs: number
  wire: number
}

async function framesOf(path: string): Promise<Frame[]> {
  const found: Frame[] = []
  for await (const batch of openFile(path))
    for (let i = 0; i < batch.count; i++) {
      const start = batch.start[i] as number
      const bytes = batch.bytes.subarray(start, start + (batch.captured[i] as number))
      found.push({
        hex: Buffer.from(bytes).toString('hex'),
        timeUs: batch.timeUs[i] as number,
        restNs: batch.restNs[i] as number,
        wire: batch.wire[i] as number,
      })
    }
  return found
}

interface Flow {
  src_ip: string
  dest_ip: string
  src_port: number | null
  dest_port: number | null
}

/** By the bytes of an Ethernet frame with IPv4 in it, first fragments alone: nothing of ours decodes here. */
function isOf({ src_ip, dest_ip, src_port, dest_port }: Flow, { hex }: Frame): boolean {
  const bytes = Buffer.from(hex, 'hex')
  if (bytes.length < 38 || bytes.readUInt16BE(12) !== 0x0800) return false
  const at = 14 + ((bytes[14] as number) & 0xf) * 4
  const ends = [
    `${[...bytes.subarray(26, 30)].join('.')}:${bytes.readUInt16BE(at)}`,
    `${[...bytes.subarray(30, 34)].join('.')}:${bytes.readUInt16BE(at + 2)}`,
  ]
  return ends.includes(`${src_ip}:${src_port}`) && ends.includes(`${dest_ip}:${dest_port}`)
}

const byTime = (a: Frame, b: Frame) => a.timeUs - b.timeUs || a.restNs - b.restNs

async function replayed(running: RunningLake, ...captures: string[]): Promise<void> {
  const { code, err } = await running.picket('replay', ...captures, '--packets')
  expect([code, err]).toEqual([0, ''])
  await running.lake((lake) => lake.settle())
}

test('the frames of a finding are those of its flow, byte by byte, and the trail says who took them', async () => {
  await using stack = new AsyncDisposableStack()
  const running = await RunningLake.open({ alfa: 'alfa', beta: 'beta' })
  stack.defer(() => running.close())
  const capture = 'rules/web-shell-command/hit.pcap'
  await replayed(running, capture, 'rules/dns-tunnel/hit.pcap', 'rules/log4shell-jndi/hit.pcap')
  const sql = `SELECT event_id, src_ip, src_port, dest_ip, dest_port FROM events WHERE kind = 'finding' AND rule_id = 'sid:1000004'` // biome-ignore format: one line
  const { rows } = await running.ask(['alfa'], sql)
  const [[id, src_ip, src_port, dest_ip, dest_port]] = rows as [[string, string, number, string, number]] // biome-ignore format: one line
  const out = join(folder, 'finding.pcapng')
  const said = await running.picket('pcap', '--finding', id, '--out', out, '--json')
  expect(said.err).toBe('')

  const flow = { src_ip, src_port, dest_ip, dest_port }
  const sources = await Promise.all([capture, 'rules/log4shell-jndi/hit.pcap'].map(framesOf))
  const expected = sources.flat().filter((frame) => isOf(flow, frame)).sort(byTime) // biome-ignore format: one line
  const got = await framesOf(out)
  expect(got.length).toBeGreaterThan(5)
  expect(got.toSorted(byHex)).toEqual(expected.toSorted(byHex))
  expect(JSON.parse(said.out)).toMatchObject({ tenant_id: 'alfa', frames: got.length, truncated: false, broken: 0 }) // biome-ignore format: one line
  expect(statSync(out).mode & 0o777).toBe(0o600)
  if (hasTcpdump) {
    const lines = execFileSync('tcpdump', ['-nr', out], { stdio: ['ignore', 'pipe', 'ignore'] })
    expect(lines.toString().trim().split('\n').length).toBe(got.length)
  }
  const { items } = await running.cli.auditList({ limit: 20 })
  const sentences = items.map(({ sentence }) => sentence)
  expect(sentences).toContain(`The box's own operator asked to take raw frames by finding/${id}.`)
  expect(sentences).toContain(`The box's own operator took ${got.length} raw frames by finding/${id}.`) // biome-ignore format: one line

  // A file that is there is not written over; nobody's finding and another's are the same; no key, no frames.
  expect((await running.picket('pcap', '--finding', id, '--out', out)).err).toContain('exists already') // biome-ignore format: one line
  const nobody = id.replace(/.$/, (last) => (last === '0' ? '1' : '0'))
  const missed = await running.picket('pcap', '--finding', nobody, '--out', join(folder, 'no'))
  expect(missed).toMatchObject({ code: 2, out: '' })
  expect(missed.err).toContain('There is no such finding in your scope')
  const old = await running.picket('pcap', '--tenant', 'alfa', '--from', '2020-01-01T00:00:00Z', '--to', '2020-01-02T00:00:00Z', '--out', join(folder, 'no')) // biome-ignore format: one line
  expect(old.err).toBe('picket: The packet ring begins at 2023-11-14T22:13:20.000000Z: it no longer holds that time.\n') // biome-ignore format: one line
  const empty = await running.picket('pcap', '--tenant', 'beta', '--from', '2020-01-01T00:00:00Z', '--out', join(folder, 'no')) // biome-ignore format: one line
  expect(empty.err).toBe('picket: The packet ring of this site is empty.\n')
  const web = keysForWeb(running.data)
  await expect(web.packets({ token: 'x', finding_id: id })).rejects.toThrow('Please sign in.')
  web.close()
  const long = Buffer.from(
    got.map(({ hex }) => hex).sort((a, b) => b.length - a.length)[0] ?? '',
    'hex',
  )
  for (const form of ['latin1', 'hex', 'base64'] as const)
    expect(running.logs).not.toContain(long.subarray(60, 90).toString(form))
})

test('frames outlive an epoch of the key, not the key itself, nor another tenant’s name', async () => {
  await using stack = new AsyncDisposableStack()
  const running = await RunningLake.open({ alfa: 'alfa', beta: 'beta' })
  stack.defer(() => running.close())
  const all = { tenant_id: 'alfa', from_us: 0 }
  await replayed(running, 'rules/dns-tunnel/hit.pcap')
  const { frames } = await running.cli.packets(all)
  expect(await running.cli.rotateEpoch({ tenant_id: 'alfa' })).toEqual({ epoch: 2 })
  await replayed(running, 'rules/dns-tunnel/hit.pcap')
  expect((await running.cli.packets(all)).frames).toBe(frames * 2)
  const [alfa, beta] = ['alfa', 'beta'].map((id) => ringFolder(running.data, running.tenant(id).tenant_uid)) // biome-ignore format: one line
  const segments = listSegments(alfa ?? '')
  // Under another tenant's name it is nobody's segment.
  cpSync(alfa ?? '', beta ?? '', { recursive: true })
  await expect(running.cli.packets({ ...all, tenant_id: 'beta' })).rejects.toThrow('no frame of what was asked for') // biome-ignore format: one line
  const keys = join(running.data, 'keys/wrapped/1/tenants', running.tenant('alfa').tenant_uid)
  await running.stop('keys')
  rmSync(keys, { recursive: true })
  await running.start('keys')
  await expect(running.cli.packets(all)).rejects.toThrow('There are no keys for that tenant on this box.') // biome-ignore format: one line
  expect(segments.length).toBe(2) // the bytes are there, and noise
})

const byHex = (a: Frame, b: Frame) => byTime(a, b) || (a.hex < b.hex ? -1 : 1)

const benign = corpus('benign')
test.skipIf(!benign)('each flow of a real capture comes out whole and alone', async () => {
  await using stack = new AsyncDisposableStack()
  const running = await RunningLake.open({ alfa: 'alfa' })
  stack.defer(() => running.close())
  const capture = join(benign ?? '', 'dropbox.pcap')
  await replayed(running, capture)
  const all = await framesOf(capture)
  const { rows } = await running.ask(['alfa'], `SELECT community_id, any_value(src_ip), any_value(src_port), any_value(dest_ip), any_value(dest_port), sum(packets) FROM events WHERE kind = 'flow' AND proto IN ('TCP', 'UDP') AND src_ip NOT LIKE '%:%' GROUP BY community_id ORDER BY 6 DESC LIMIT 25`) // biome-ignore format: one line
  expect(rows.length).toBeGreaterThan(5)
  let frames = 0
  for (const [community_id, src_ip, src_port, dest_ip, dest_port, packets] of rows as [
    string,
    string,
    number,
    string,
    number,
    number,
  ][]) {
    // biome-ignore format: one line
    const answer = await running.cli.packets({ community_id })
    const out = join(folder, `flow-${frames}.pcapng`)
    writeFileSync(out, Buffer.from(answer.pcapng, 'base64'))
    const expected = all.filter((frame) => isOf({ src_ip, src_port, dest_ip, dest_port }, frame))
    expect(await framesOf(out)).toEqual(expected.toSorted(byTime))
    expect(answer.frames).toBe(Number(packets))
    frames += answer.frames
  }
  process.stderr.write(
    `packets: ${rows.length} flows of ${capture}, ${frames} of ${all.length} frames\n`,
  )
})

test.skipIf(!able || !hasTcpdump || process.getuid?.() !== 0)(
  'live: what tcpdump saw is in the ring, before a kill -9 and after it',
  async () => {
    await using stack = new AsyncDisposableStack()
    const box = await WholeBox.open({ settleSeconds: 0.4 })
    stack.defer(() => box.close())
    const { networks, tenant, data } = box
    const record = join(folder, 'wire.pcap')
    // As root of the machine, in that network alone: in the namespaces' own users tcpdump cannot give up its rights.
    const place = ['nsenter', '-t', String(networks.holder('gateway')), '-n']
    const recorder = await recordBy((words) => [...place, ...words], 'hosts', record)
    await networks.talk('assets', 'udp-listen', '5000')
    await networks.talk('hosts', 'udp-send', AT.asset, '5000', '20', AT.attacker)
    await networks.talk('hosts', 'dns-ask', AT.asset, '53', '25', AT.other)
    /** Kept, and lost with a count: a machine that is busy enough loses some. */
    const counted = async () => {
      const { counters, capture } = await box.status()
      const dropped = capture.interfaces.reduce((sum, port) => sum + port.dropped, 0)
      return { kept: counters.packetsKept ?? 0, lost: (counters.packetsNotKept ?? 0) + dropped }
    }
    const kept = async () => (await counted()).kept
    // Long enough that much of it is certain to be on the disk.
    await until(async () => (await kept()) > 2000, 'frames are kept', 60_000)
    // What the box said it has: a second's worth more may wait for the disk, or much more on a slow machine.
    const told = await counted()
    const killedUs = Date.now() * 1000
    await box.kill('agent')
    await until(async () => (await kept()) > 100, 'frames are kept again', 60_000)
    expect(listSegments(ringFolder(data, tenant.tenant_uid)).length).toBe(2)
    const answer = await box.keys.packets({ from_us: killedUs - 60e6, to_us: Date.now() * 1000 })
    await recorder.stop()
    const out = join(folder, 'live.pcapng')
    writeFileSync(out, Buffer.from(answer.pcapng, 'base64'))
    const got = await framesOf(out)
    const wire = await framesOf(record)
    const seen = new Set(wire.map(({ hex }) => hex))
    const inRing = new Set(got.map(({ hex }) => hex))
    // Of what it said it has, all that tcpdump saw: the box began some frames earlier.
    const earlier = got.filter(({ hex, timeUs }) => timeUs < killedUs && !seen.has(hex)).length
    expect(earlier).toBeLessThan(5)
    const certain = wire.slice(0, told.kept + told.lost - earlier)
    expect(certain.length).toBeGreaterThan(1900)
    expect(certain.filter(({ hex }) => !inRing.has(hex)).length).toBeLessThanOrEqual(told.lost)
    expect(told.lost).toBeLessThan(told.kept / 2)
    const before = got.filter(({ timeUs }) => timeUs < killedUs)
    expect(before.length).toBeGreaterThanOrEqual(100)
    expect(got.length - before.length).toBeGreaterThan(50)
    expect(got.filter(({ hex, timeUs }) => timeUs >= killedUs && !seen.has(hex))).toEqual([])
    expect(got.some(({ restNs }) => restNs > 0)).toBe(true)
    // Nothing of the wire stands on the disk in plain.
    const some = Buffer.from(got.at(-1)?.hex ?? '', 'hex').subarray(20, 60)
    for (const { path } of listSegments(ringFolder(data, tenant.tenant_uid)))
      expect(readFileSync(path).includes(some)).toBe(false)
    const oldest = isoFromUs(before[0]?.timeUs ?? 0)
    process.stderr.write(`packets: ${before.length} frames from ${oldest} before the kill, ${told.lost} lost, ${got.length - before.length} behind it\n`) // biome-ignore format: one line
  },
)
