/**
 * One shard: a worker thread with a ring of its own that does capture → decode → flow → detect and hands
 * batches of what it found to the main thread. Its loop is synchronous; it waits in poll(2) only.
 */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { parsePrefix } from './base/address.ts'
import { CaptureCounters } from './capture/counters.ts'
import { openRing } from './capture/ring.ts'
import { FrameBatch } from './capture/source.ts'
import { ObservationBatch } from './detect/baselines/observation-batch.ts'
import { selfTestFrame } from './health/self-test.ts'
import { collectNow } from './heap.ts'
import { Inspector, type InspectorOptions } from './inspector.ts'
import { Handover } from './packets/handover.ts'
import { RuleSwap } from './rule-swap.ts'
import { loadRules, startLoading } from './rules-on-disk.ts'
import type { FromShard, ShardBatch, ShardOptions, ToShard } from './shard-messages.ts'
import { wantedRows } from './wanted-rows.ts'
import { WARMED_PACKETS, warmUp } from './warm-up.ts'

/** Rows, alerts and sightings. */
const BATCH_MAX = 512
const BATCH_MS = 100
const POLL_MS = 50
const COUNTERS_MS = 1000

const options = workerData as ShardOptions
const port = parentPort
if (!port) throw new Error('a shard is a worker thread')
const say = (message: FromShard, handed: ArrayBuffer[] = []) => port.postMessage(message, handed)

let batch = emptyBatch()
const observed = new ObservationBatch(() => sendBatch(true))
let sentAt = performance.now()
let countedAt = 0

function emptyBatch(): Omit<ShardBatch, 'observations'> {
  return { did: 'batch', events: [], alerts: [], sightings: [] }
}

function sendBatch(force: boolean): void {
  const things = batch.events.length + batch.alerts.length + batch.sightings.length
  if (things + observed.count === 0) return
  const now = performance.now()
  if (!force && things < BATCH_MAX && now - sentAt < BATCH_MS) return
  const observations = observed.take()
  say({ ...batch, observations }, [observations.words.buffer])
  batch = emptyBatch()
  sentAt = now
}

const { packets } = options
const handover = packets && new Handover(packets.buffer)

/** Before anything looks at them: the frame that brings a stage down is the one that will be wanted. */
function keepFrames(frames: FrameBatch): void {
  if (handover?.offer(frames)) packets?.port.postMessage(0)
}

const counters = new CaptureCounters(options.counters)
const mine = counters.shard(options.shard)
const { ruleSet } = loadRules(options.ruleFiles, options.home, options.inspection)
const path: InspectorOptions = {
  home: options.home.map(parsePrefix),
  rules: ruleSet,
  run: options.run,
  shard: options.shard,
  seed: (Math.random() * 2 ** 32) | 0,
  selfTestSecret: options.selfTestSecret,
  inspection: options.inspection,
}
const letGo = await warmUp(path)
const inspector = new Inspector(path, {
  event: wantedRows(options.inspection, (draft) => void batch.events.push(draft)),
  alert: (alert) => void batch.alerts.push(alert),
  observations: observed,
  sighting: (seen) => void batch.sightings.push(seen),
  selfTestFound: () => say({ did: 'self-test-found' }),
})

const rules = new RuleSwap(ruleSet, (set) => inspector.swapRules(set))

/** The frame takes every step a frame of the wire takes after the ring; it is not counted as one. */
function injectSelfTest(): void {
  const frame = selfTestFrame(options.selfTestSecret)
  const one = new FrameBatch(1)
  one.bytes = frame
  one.count = 1
  one.captured[0] = frame.length
  one.wire[0] = frame.length
  one.timeUs[0] = Date.now() * 1000
  one.vlan[0] = -1
  inspector.run(one)
}

/** Returns false when the shard is to end. */
function obey(message: ToShard): boolean {
  switch (message.do) {
    case 'self-test':
      injectSelfTest()
      return true
    case 'rules':
      rules.begin(startLoading(message.files, options.home, options.inspection, rules.current))
      return true
    case 'stop':
      return false
  }
}

/** Rules come into force between two batches of frames. */
function swapRules(idle: boolean): void {
  const swapped = rules.step(idle)
  if (swapped) say({ did: 'rules', loaded: swapped.loaded, refused: swapped.refused.length })
}

function sendCounters(): void {
  const now = performance.now()
  if (now - countedAt < COUNTERS_MS) return
  countedAt = now
  if (inspector.processed > WARMED_PACKETS) letGo()
  const shard = `${options.interface}/${options.shard}`
  const { counters } = inspector
  say({ did: 'counters', shard, counters, liveFlows: counters.flowsLive ?? 0 })
}

function capture(): void {
  const ring = openRing({
    interface: options.interface,
    members: options.members,
    counters,
    shard: options.shard,
    ringMiB: options.ringMiB,
    fanoutGroup: options.fanoutGroup,
    beforeHearing: collectNow,
  })
  say({ did: 'ready' })
  for (;;) {
    const frames = ring.poll(rules.busy ? 0 : POLL_MS)
    if (!frames) break
    let bytes = 0
    for (let i = 0; i < frames.count; i++) bytes += frames.wire[i] as number
    keepFrames(frames)
    inspector.run(frames)
    mine.processed(frames.count, bytes)
    if (frames.count === 0) inspector.tick(Date.now() * 1000)
    if (rules.busy) swapRules(frames.count === 0)
    sendBatch(false)
    sendCounters()
    for (let next = receiveMessageOnPort(port as NonNullable<typeof port>); next; ) {
      if (!obey(next.message as ToShard)) ring.stop()
      next = receiveMessageOnPort(port as NonNullable<typeof port>)
    }
  }
  ring.close()
  inspector.end()
  sendBatch(true)
  countedAt = 0
  sendCounters()
  say({ did: 'stopped' })
}

try {
  capture()
} catch (error) {
  say({ did: 'failed', message: (error as Error).message })
}
// Nothing keeps the thread after this but the port to the main thread.
port.unref()
packets?.port.close()
