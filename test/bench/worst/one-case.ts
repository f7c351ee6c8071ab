/** One worst case through the whole path in a process of its own: `one-case.ts NAME FRAMES SEED` prints its figures as JSON. */
import { readFileSync } from 'node:fs'
import { PerformanceObserver } from 'node:perf_hooks'
import koffi from 'koffi'
import { parsePrefix } from '../../../agent/base/address.ts'
import { frameMemory } from '../../../agent/capture/frame-memory.ts'
import { FrameBatch } from '../../../agent/capture/source.ts'
import { ObservationBatch } from '../../../agent/detect/baselines/observation-batch.ts'
import { RuleSet } from '../../../agent/detect/signatures/rule-set.ts'
import { Inspector } from '../../../agent/inspector.ts'
import { shippedRuleFiles } from '../../../agent/rules-on-disk.ts'
import { WORST_CASES, type WorstCase } from '../../traffic/worst-cases.ts'

const BATCH_FRAMES = 64
const STEP_US = 5
const MEMORY_EVERY = 64
/** Batches that are not judged: the engine is still being compiled. */
const WARM_BATCHES = 32

export interface WorstFigures {
  frames: number
  /** Of a frame: median and longest over batches of 64. */
  usMedian: number
  usMost: number
  framesACpuSecond: number
  rssMb: number
  rssGrewMb: number
  gcPauseMs: number
  alerts: number
  events: number
  counters: Record<string, number>
  faults: Record<string, number>
}

export async function runCase(name: string, frames: number, seed: number): Promise<WorstFigures> {
  const one = WORST_CASES[name] as WorstCase
  const texts = one.rules
    ? [{ path: `${name}.rules`, text: one.rules() }]
    : shippedRuleFiles().map((path) => ({ path, text: readFileSync(path, 'utf8') }))
  const { ruleSet, refused } = RuleSet.load(texts)
  if (refused.length > 0) throw new Error(`a rule of ${name} is refused: ${refused[0]?.reason}`)
  const said = { alerts: 0, events: 0 }
  const inspector = new Inspector(
    { home: [parsePrefix('10.0.0.0/8')], rules: ruleSet, run: 0, shard: 0, seed, selfTestSecret: undefined }, // biome-ignore format: one line
    {
      event: () => void said.events++,
      alert: () => void said.alerts++,
      observations: new ObservationBatch((batch) => batch.clear()),
      sighting: () => {},
      selfTestFound: () => {},
    },
  )
  let gcPauseMs = 0
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) gcPauseMs = Math.max(gcPauseMs, duration)
  })
  const frame = one.frames(seed)
  const batch = new FrameBatch(BATCH_FRAMES)
  batch.bytes = frameMemory(BATCH_FRAMES * 2048)
  const times: number[] = []
  const rssBefore = process.memoryUsage.rss()
  let rss = rssBefore
  let cpuUs = 0
  for (let at = 0, turn = 0; at < frames; at += batch.count, turn++) {
    fill(batch, frame, at, Math.min(BATCH_FRAMES, frames - at))
    if (turn === WARM_BATCHES) observer.observe({ entryTypes: ['gc'] })
    const cpu = process.cpuUsage()
    const before = threadUs()
    inspector.run(batch)
    if (turn >= WARM_BATCHES) times.push((threadUs() - before) / batch.count)
    const { user, system } = process.cpuUsage(cpu)
    cpuUs += user + system
    if (turn % MEMORY_EVERY === 0) rss = Math.max(rss, process.memoryUsage.rss())
    // As the capture loop does: node:zlib gives memory back only then.
    await new Promise((resolve) => setImmediate(resolve))
  }
  const { counters } = inspector
  inspector.end()
  observer.disconnect()
  times.sort((a, b) => a - b)
  return {
    frames: inspector.processed,
    usMedian: round(times[times.length >> 1] ?? 0),
    usMost: round(times.at(-1) ?? 0),
    framesACpuSecond: Math.round(frames / (cpuUs / 1e6)),
    rssMb: Math.round(rss / 1e6),
    rssGrewMb: Math.round((rss - rssBefore) / 1e6),
    gcPauseMs: round(gcPauseMs),
    ...said,
    counters: Object.fromEntries(Object.entries(counters).filter(([, count]) => count > 0)),
    faults: inspector.faults,
  }
}

function fill(batch: FrameBatch, frame: (i: number) => Uint8Array, from: number, count: number) {
  let at = 0
  for (let k = 0; k < count; k++) {
    const bytes = frame(from + k)
    batch.bytes.set(bytes, at)
    batch.start[k] = at
    batch.captured[k] = bytes.length
    batch.wire[k] = bytes.length
    batch.timeUs[k] = 1_700_000_000_000_000 + (from + k) * STEP_US
    batch.vlan[k] = -1
    at += bytes.length
  }
  batch.count = count
}

const clock = koffi.load('libc.so.6').func('int clock_gettime(int, _Out_ int64_t *)')
const time = new BigInt64Array(2)
const CLOCK_THREAD_CPUTIME_ID = 3

/** Microseconds that this thread ran, whoever else wanted the processor: process.threadCpuUsage counts in ticks here. */
function threadUs(): number {
  clock(CLOCK_THREAD_CPUTIME_ID, time)
  return Number(time[0]) * 1e6 + Number(time[1]) / 1e3
}

const round = (value: number) => Math.round(value * 100) / 100

if (import.meta.main) {
  const [name = '', frames = '', seed = ''] = process.argv.slice(2)
  process.stdout.write(JSON.stringify(await runCase(name, Number(frames), Number(seed))))
}
