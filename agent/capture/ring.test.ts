import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { CaptureCounters, type CaptureTotals } from './counters.ts'
import { rxPackets } from './interface.ts'

const SESSION = fileURLToPath(new URL('../../test/traffic/ring-session.ts', import.meta.url))
const SESSION_MS_MAX = 18_000
const namespaces = spawnSync('unshare', ['-rn', 'ip', 'link', 'add', 'v0', 'type', 'veth'])
const why =
  namespaces.status === 0
    ? undefined
    : `network namespaces are not permitted here: ${namespaces.stderr ?? namespaces.error}`

interface Outcome {
  sent: number
  frames: number
  totals: CaptureTotals
  live: CaptureTotals
  seen: number[]
  port: unknown
}

interface Wire {
  fault?: string
  passed: Record<string, boolean>
  sent: number
  port: unknown
  totals: CaptureTotals
}

function session<T = Outcome>(name: string): T {
  const { status, stdout, stderr } = spawnSync(
    'unshare',
    ['-rn', process.execPath, SESSION, name],
    {
      timeout: SESSION_MS_MAX,
      killSignal: 'SIGKILL',
    },
  )
  expect(status, stderr.toString()).toBe(0)
  return JSON.parse(stdout.toString()) as T
}

test('frames sent = interface count = processed', ({ skip }) => {
  if (why) skip(why)
  const { sent, frames, totals, port } = session('all')
  expect(port).toEqual({ interface: 'v0', linkType: 1, offloads: 'off' })
  expect(frames).toBe(sent)
  expect(totals).toMatchObject({ frames: sent, processed: sent, dropped: 0, pending: 0 })
  expect(totals.bytes).toBe(sent * 50)
})

test('a ring that overruns counts every frame it lost', ({ skip }) => {
  if (why) skip(why)
  const { sent, frames, totals } = session('overrun')
  expect(frames).toBe(sent)
  expect(totals.frames).toBe(sent)
  expect(totals.dropped).toBeGreaterThan(1000)
  expect(totals.processed + totals.dropped).toBe(sent)
  expect(totals.pending).toBe(0)
})

test('tags put back, frames larger than a page, own frames left out', ({ skip }) => {
  if (why) skip(why)
  const { seen, totals } = session('shapes')
  expect(seen).toEqual([
    [7, 48, 48],
    [-1, 50_050, 50_050],
  ])
  expect(totals).toMatchObject({ frames: 2, processed: 2, dropped: 0 })
})

test('two shards share an interface, each frame once', ({ skip }) => {
  if (why) skip(why)
  const { sent, frames, seen, live, totals } = session('shards')
  expect(frames).toBe(sent)
  expect(live.frames).toBe(sent)
  expect(live.processed + live.dropped + live.pending).toBe(sent)
  expect((seen[0] as number) + (seen[1] as number)).toBe(sent)
  expect(Math.min(...seen)).toBeGreaterThan(sent / 10)
  expect(totals).toMatchObject({ frames: sent, processed: sent, dropped: 0, pending: 0 })
})

test('the wire of a box in the line: both directions, each frame once, also what a block stops', ({
  skip,
}) => {
  if (why) skip(why)
  const { fault, passed, sent, port, totals } = session<Wire>('wire')
  expect(fault).toBeUndefined()
  // An address behind two tags is shown to no rule: contain/README.md says so.
  expect(passed).toEqual({ plain: false, tagged: false, twice: true, another: true, back: true })
  expect(totals).toMatchObject({ frames: sent, processed: sent, dropped: 0, pending: 0 })
  expect(port).toEqual({ interface: 'line0', linkType: 1, offloads: 'off' })
})

test('an interface that is down comes back; one that is gone is said to be', ({ skip }) => {
  if (why) skip(why)
  expect(session('gone')).toEqual({
    down: 0,
    after: true,
    message: 'The network interface v0 is gone.',
  })
})

test('what the counters say while a run goes on and after it', () => {
  const counters = new CaptureCounters(2)
  const shared = new CaptureCounters(counters.buffer)
  const [a, b] = [counters.shard(0), counters.shard(1)]
  expect(shared.totals(500)).toMatchObject({ frames: 0, pending: 0 })
  a.began(100)
  b.began(101)
  a.processed(10, 1000)
  b.processed(5, 500)
  b.dropped(2)
  expect(shared.totals(120)).toEqual({
    frames: 20,
    processed: 15,
    dropped: 2,
    pending: 3,
    bytes: 1500,
  })
  a.ended(130)
  expect(shared.totals(131)).toMatchObject({ frames: 31, pending: 14 })
  b.ended(132)
  // What nobody processed was dropped, whoever lost it.
  expect(shared.totals(999)).toEqual({
    frames: 32,
    processed: 15,
    dropped: 17,
    pending: 0,
    bytes: 1500,
  })
})

test('an interface that is not there', () => {
  expect(rxPackets('lo')).toBeGreaterThanOrEqual(0)
  expect(() => rxPackets('no-such-port')).toThrow(
    'There is no network interface no-such-port here.',
  )
})
