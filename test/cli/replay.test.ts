/** `picket replay` on whole, broken and foreign input: one line that says what to do, and every whole frame counted. */
import {
  existsSync,
  linkSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, test } from 'vitest'
import { icmpEcho, pcapFile, tcpConversation, timed, udp } from '../traffic/frames.ts'
import { Pcapng } from '../traffic/pcapng.ts'
import { picket } from './picket.ts'

const folder = mkdtempSync(join(tmpdir(), 'picket-cli-'))
afterAll(() => rmSync(folder, { recursive: true }))

const ENDS = { src: '10.0.0.5', dest: '192.0.2.9', srcPort: 40_000, destPort: 80 }
const FRAMES = [
  ...tcpConversation(ENDS, [
    { from: 'client', data: 'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n' },
    { from: 'server', data: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi' },
  ]),
  udp({ ...ENDS, destPort: 9 }, 'x'),
  icmpEcho(ENDS, 1, 1),
]
const PCAP = pcapFile(timed(FRAMES))
const LAST = (FRAMES.at(-1) as Uint8Array).length

function file(name: string, bytes: Uint8Array | string): string {
  const path = join(folder, name)
  writeFileSync(path, bytes)
  return path
}

const whole = { packets: FRAMES.length, processed: FRAMES.length, dropped: 0, flows: 3 }

describe('what is no capture prints one line and nothing else', () => {
  const packed = gzipSync(PCAP)
  test.concurrent.each([
    ['empty', '', 'is empty'],
    ['one byte', '\xd4', 'neither a pcap nor a pcapng'],
    ['a picture', Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'), 'neither a pcap nor'],
    ['text', 'hello\n', 'neither a pcap nor'],
    ['gzip of text', gzipSync('hello\n'), 'neither a pcap nor'],
    ['gzip of nothing', gzipSync(''), 'is empty'],
    ['gzip cut in its header', packed.subarray(0, 9), 'is no capture'],
    ['gzip cut in its data', packed.subarray(0, 24), 'is no capture'],
    ['a header cut', PCAP.subarray(0, 23), 'ends in the middle of its header'],
    ['the first frame cut', PCAP.subarray(0, 60), 'ends in the middle of frame 1'],
  ] as const)('%s', async (name, bytes, named) => {
    const path = file(name, bytes)
    const plain = await picket(['replay', path])
    expect([plain.code, plain.out]).toEqual([2, ''])
    expect(plain.err).toMatch(/^picket: .+\.\n$/)
    expect(plain.err).toContain(path)
    expect(plain.err).toContain(named)
    const json = await picket(['replay', path, '--json'])
    expect([json.code, json.out]).toEqual([2, ''])
    expect(JSON.parse(json.err)).toEqual({
      error: { kind: 'invalid', message: plain.err.slice('picket: '.length, -1) },
    })
  })

  test.concurrent.each([
    ['/absent.pcap', 'There is no capture file'],
    ['', 'is a folder'],
  ])('%s', async (name, named) => {
    const { code, out, err } = await picket(['replay', folder + name])
    expect([code, out]).toEqual([2, ''])
    expect(err).toContain(named)
  })
})

test('a file cut in the middle of a frame: what was whole is reported, then the line, exit 2', async () => {
  for (const bytes of [
    PCAP.subarray(0, -1),
    PCAP.subarray(0, -LAST),
    PCAP.subarray(0, -LAST - 1),
  ]) {
    const { code, out, err } = await picket(['replay', file('cut.pcap', bytes), '--json'])
    const rest = FRAMES.length - 1
    expect(code).toBe(2)
    expect(JSON.parse(out)).toMatchObject({ packets: rest, processed: rest, dropped: 0 })
    expect(JSON.parse(err).error.message).toContain(
      `it ends in the middle of frame ${FRAMES.length}. The ${rest} frames before that were processed`,
    )
  }
})

test('a broken file ends the stream: files before it count, files after it are not opened', async () => {
  const good = file('good.pcap', PCAP)
  const { code, out, err } = await picket(['replay', good, file('bad', 'x'), good, '--json'])
  expect(code).toBe(2)
  expect(JSON.parse(out)).toMatchObject(whole)
  expect(JSON.parse(err).error.message).toContain('neither a pcap nor')
})

test('standard input, gzip, pcapng and several files as one stream', async () => {
  const ng = FRAMES.reduce((to, frame) => to.enhanced(frame, 0n), new Pcapng().interface()).bytes()
  for (const bytes of [PCAP, gzipSync(PCAP), ng, gzipSync(ng)]) {
    const { code, out, err } = await picket(['replay', '-', '--json'], bytes)
    expect([code, err]).toEqual([0, ''])
    expect(JSON.parse(out)).toMatchObject(whole)
  }
  const two = [file('a.pcap', PCAP), file('b.pcap.gz', gzipSync(PCAP))]
  const { out } = await picket(['replay', ...two, '--json'])
  expect(JSON.parse(out)).toMatchObject({ packets: 2 * FRAMES.length, dropped: 0 })
})

test('a link type nobody knows is a fault a frame, and each frame is processed', async () => {
  const path = file('link.pcap', pcapFile(timed(FRAMES), 65_000))
  const { code, out, err } = await picket(['replay', path, '--json'])
  expect([code, err]).toEqual([0, ''])
  expect(JSON.parse(out)).toMatchObject({
    ...whole,
    flows: 0,
    faults: { 'unknown-link-type': FRAMES.length },
  })
})

test('--eve writes one EVE record a line, also to standard output', async () => {
  const path = file('eve.pcap', PCAP)
  const eve = join(folder, 'eve.json')
  const { code } = await picket(['replay', path, '--eve', eve, '--json'])
  expect(code).toBe(0)
  const records = readFileSync(eve, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(records.map(({ event_type }) => event_type).sort()).toEqual([
    'fileinfo',
    'flow',
    'flow',
    'flow',
    'http',
  ])
  for (const record of records) {
    const sent = record.event_type === 'fileinfo' // by the server
    expect(record).toMatchObject({
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+0000$/),
      flow_id: expect.any(Number),
      community_id: expect.stringMatching(/^1:.{27}=$/),
      src_ip: sent ? '192.0.2.9' : '10.0.0.5',
      dest_ip: sent ? '10.0.0.5' : '192.0.2.9',
    })
  }
  const piped = await picket(['replay', path, '--eve', '-', '--json'])
  const lines = piped.out.trim().split('\n')
  expect(lines.slice(0, -1).map((line) => JSON.parse(line))).toEqual(records)
  expect(JSON.parse(lines.at(-1) as string)).toMatchObject(whole)
})

test('--options changes what is written, and an unknown key is one line', async () => {
  const path = file('options.pcap', PCAP)
  const options = file('options.json', Buffer.from('{"eve_types": ["http"]}'))
  const { out } = await picket(['replay', path, '--options', options, '--eve', '-', '--json'])
  const lines = out.trim().split('\n').slice(0, -1)
  expect(lines.map((line) => JSON.parse(line).event_type)).toEqual(['http'])
  const wrong = file('wrong.json', Buffer.from('{"chekcsum": "none"}'))
  const refused = await picket(['replay', path, '--options', wrong])
  expect(refused.code).toBe(2)
  expect(refused.err).toContain('there is no setting chekcsum.')
})

test('a place that --eve cannot write is one line, and no file is left', async () => {
  const path = file('eve.pcap', PCAP)
  const { code, err } = await picket(['replay', path, '--eve', join(folder, 'no/such/out')])
  expect(code).toBe(2)
  expect(err).toMatch(/^picket: .*cannot be written.*\n$/)
  const absent = join(folder, 'never.json')
  const foreign = await picket(['replay', file('text', 'hello\n'), '--eve', absent])
  expect([foreign.code, foreign.out]).toEqual([2, ''])
  expect(existsSync(absent)).toBe(false)
  symlinkSync(path, join(folder, 'symbolic.json'))
  linkSync(path, join(folder, 'hard.json'))
  for (const out of [path, join(folder, 'symbolic.json'), join(folder, 'hard.json')]) {
    const over = await picket(['replay', path, '--eve', out])
    expect([over.code, over.out]).toEqual([2, ''])
    expect(readFileSync(path)).toEqual(PCAP)
  }
})

test('--rules replaces what is shipped, and --rules none runs none', async () => {
  const path = file('rules.pcap', PCAP)
  const rules = file(
    'one.rules',
    'alert http any any -> any any (msg:"m"; http.host; content:"a.example"; sid:77; rev:1;)',
  )
  const found = async (...args: string[]) =>
    JSON.parse((await picket(['replay', path, '--json', ...args])).out).findings
  expect(await found('--rules', rules)).toEqual([
    { rule_id: 'sid:77', attack_ids: [], severity: 'low', count: 1 },
  ])
  expect(await found('--rules', 'none')).toEqual([])
})

test('--overrides holds back what the site tuned away, and a bad file is one line', async () => {
  const path = file('tuned.pcap', PCAP)
  const rules = file(
    'two.rules',
    'alert http any any -> any any (msg:"m"; http.host; content:"a.example"; sid:77; rev:1;)\n' +
      'alert http any any -> any any (msg:"n"; http.uri; content:"/"; sid:78; rev:1;)',
  )
  const override = {
    override_id: '01930000-0000-7000-8000-000000000001',
    rule_id: 'sid:77',
    act: 'suppress',
    where: { side: 'src', address: '10.0.0.0/24' },
    comment: 'known',
    by: 'console',
    at: 1,
    held: 3,
  }
  const tuned = file('tuned.json', JSON.stringify({ tenant_id: 'alfa', overrides: [override] }))
  const replay = (...args: string[]) =>
    picket(['replay', path, '--rules', rules, '--json', ...args])
  const ids = (out: string) =>
    JSON.parse(out).findings.map(({ rule_id }: { rule_id: string }) => rule_id)
  expect(ids((await replay()).out)).toEqual(['sid:77', 'sid:78'])
  expect(ids((await replay('--overrides', tuned)).out)).toEqual(['sid:78'])
  const bad = file('bad.json', JSON.stringify([{ ...override, act: 'mute' }]))
  const refused = await replay('--overrides', bad)
  expect([refused.code, refused.out]).toEqual([2, ''])
  expect(JSON.parse(refused.err).error.message).toContain('act')
})
