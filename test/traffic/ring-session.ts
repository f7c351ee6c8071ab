/**
 * Run inside a network namespace of its own (`unshare -rn`): a veth pair, real frames from one end, rings
 * on the other. Prints what was counted as JSON. The arguments are `ring-session.ts CASE`.
 */
import { execFileSync } from 'node:child_process'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import koffi from 'koffi'
import { CaptureCounters } from '../../agent/capture/counters.ts'
import { rxPackets } from '../../agent/capture/interface.ts'
import * as libc from '../../agent/capture/libc.ts'
import { openRing, type RingSource } from '../../agent/capture/ring.ts'
import { Nft } from '../../agent/contain/nft.ts'
import { udp } from './frames.ts'

const send = koffi
  .load('libc.so.6')
  .func('long send(int fd, const void *bytes, size_t size, int flags)')

/** A raw socket on the sending end. */
function sender(name: string): (frame: Uint8Array) => void {
  const fd = libc.socket(17, 3, 0)
  const address = Buffer.alloc(20)
  address.writeUInt16LE(17)
  address.writeInt32LE(libc.ifNameToIndex(name), 4)
  if (fd < 0 || libc.bind(fd, address, 20) < 0) throw new Error(libc.errorName())
  return (frame) => {
    if ((send(fd, frame, frame.length, 0) as number) !== frame.length)
      throw new Error(libc.errorName())
  }
}

function run(command: string): void {
  const [program = '', ...rest] = command.split(' ')
  execFileSync(program, rest)
}

function pair(): void {
  for (const command of [
    'ip link add v0 type veth peer name v1',
    // No address, so that the kernel says nothing of its own on this wire.
    'ip link set v0 addrgenmode none',
    'ip link set v1 addrgenmode none',
    'ip link set v0 up',
    'ip link set v1 up',
  ])
    run(command)
}

function frame(i: number, size = 0): Buffer {
  const ends = { src: '10.0.0.1', dest: `10.0.${i & 255}.2`, srcPort: i & 0x3fff, destPort: 53 }
  return udp(ends, Buffer.alloc(size + 8, i & 255))
}

/** What is there now. */
function takeReady(ring: RingSource, counters: CaptureCounters): void {
  for (let batch = ring.poll(0); batch && batch.count > 0; batch = ring.poll(0)) {
    let bytes = 0
    for (let i = 0; i < batch.count; i++) bytes += batch.wire[i] as number
    counters.shard(0).processed(batch.count, bytes)
  }
}

/** Everything until `expected` frames have come or two seconds have passed, then the stop. */
function drain(
  ring: RingSource,
  counters: CaptureCounters,
  expected: number,
  shard = 0,
): number[][] {
  const vlans: number[][] = []
  const until = performance.now() + 2000
  let seen = 0
  for (let batch = ring.poll(20); batch; batch = ring.poll(20)) {
    let bytes = 0
    for (let i = 0; i < batch.count; i++) {
      bytes += batch.wire[i] as number
      if (vlans.length < 10)
        vlans.push([batch.vlan[i] as number, batch.captured[i] as number, batch.wire[i] as number])
    }
    seen += batch.count
    counters.shard(shard).processed(batch.count, bytes)
    if (seen >= expected || performance.now() > until) ring.stop()
  }
  return vlans
}

const SENT = 50_000

const cases: Record<string, () => unknown> = {
  /** Sent while the ring is open: every one processed. */
  all() {
    const counters = new CaptureCounters(1)
    const emit = sender('v1')
    const early = () => {
      for (let i = 0; i < 100; i++) emit(frame(i)) // before the run: not of it
    }
    early()
    const ring = openRing({ interface: 'v0', counters, ringMiB: 32, beforeHearing: early })
    const before = rxPackets('v0')
    // Read in between: on a busy machine blocks are handed over half empty, and the ring would run full.
    for (let i = 0; i < SENT; i++) {
      emit(frame(i))
      if (i % 500 === 499) takeReady(ring, counters)
    }
    const frames = rxPackets('v0') - before
    drain(ring, counters, SENT)
    return { sent: SENT, frames, totals: counters.totals(), port: ring.port }
  },
  /** A ring too small, with nobody reading: the loss is exact. */
  overrun() {
    const counters = new CaptureCounters(1)
    const ring = openRing({ interface: 'v0', counters, ringMiB: 2 })
    const emit = sender('v1')
    const before = rxPackets('v0')
    for (let i = 0; i < SENT; i++) emit(frame(i))
    const frames = rxPackets('v0') - before
    drain(ring, counters, SENT)
    return { sent: SENT, frames, totals: counters.totals() }
  },
  /** Frames larger than a page, tagged frames, and what this end itself sends. */
  shapes() {
    run('ip link set v0 mtu 60000')
    run('ip link set v1 mtu 60000')
    const counters = new CaptureCounters(1)
    const ring = openRing({ interface: 'v0', counters, ringMiB: 4 })
    const [emit, own] = [sender('v1'), sender('v0')]
    emit(udp({ src: '10.0.0.1', dest: '10.0.0.2' }, 'tagged', [7]))
    emit(frame(1, 50_000))
    for (let i = 0; i < 100; i++) own(frame(i))
    const seen = drain(ring, counters, 2)
    return { seen, totals: counters.totals() }
  },
  /** Two wires that are one through a bridge, with one sender blocked: what is captured, and what comes out at the other end. */
  wire() {
    for (const command of [
      'ip link add v2 type veth peer name v3',
      'ip link add line0 type bridge forward_delay 0 mcast_snooping 0',
      ...['v2', 'v3', 'line0'].map((name) => `ip link set ${name} addrgenmode none`),
      ...['v0', 'v2'].map((name) => `ip link set ${name} master line0`),
      ...['v2', 'v3', 'line0'].map((name) => `ip link set ${name} up`),
    ])
      run(command)
    const counters = new CaptureCounters(1)
    const ring = openRing({ interface: 'line0', members: ['v0', 'v2'], counters, ringMiB: 2 })
    const [there, back] = [sender('v1'), sender('v3')]
    let sent = 0
    const passes = (emit: typeof there, far: string, frame: Buffer) => {
      const before = rxPackets(far)
      emit(frame)
      sent++
      takeReady(ring, counters)
      return rxPackets(far) > before
    }
    const from = (src: string, ...tags: number[]) => udp({ src, dest: '10.0.0.2' }, 'hello', tags)
    while (!passes(there, 'v3', from('10.0.0.9')) && sent < 1000) ring.poll(10) // until both ports forward
    const firewall = new Nft('bridge')
    const fault = firewall.prepare()
    firewall.change({ add: [{ set: 'host4', tuple: '10.0.0.1', leftMs: 60_000 }] })
    const passed = {
      plain: passes(there, 'v3', from('10.0.0.1')),
      tagged: passes(there, 'v3', from('10.0.0.1', 7)),
      twice: passes(there, 'v3', from('10.0.0.1', 7, 8)),
      another: passes(there, 'v3', from('10.0.0.9')),
      back: passes(back, 'v1', from('10.0.0.2')),
    }
    drain(ring, counters, 0)
    return { fault, passed, sent, port: ring.port, totals: counters.totals() }
  },
  /** The interface goes away under the ring. */
  gone() {
    const counters = new CaptureCounters(1)
    const ring = openRing({ interface: 'v0', counters, ringMiB: 2 })
    run('ip link set v0 down')
    const down = ring.poll(20)?.count
    run('ip link set v0 up')
    // The kernel takes its time to see the carrier again, and drops what comes before.
    const emit = sender('v1')
    let after = 0
    for (let tries = 0; tries < 100 && after === 0; tries++) {
      emit(frame(1))
      after = ring.poll(20)?.count ?? 0
    }
    run('ip link del v0')
    try {
      for (;;) ring.poll(20)
    } catch (error) {
      ring.close()
      return { down, after: after > 0, message: (error as Error).message }
    }
  },
}

/** Two workers share an interface. */
async function shards(): Promise<unknown> {
  const counters = new CaptureCounters(2)
  const workers = [0, 1].map(
    (shard) =>
      new Worker(new URL(import.meta.url), { workerData: { shard, buffer: counters.buffer } }),
  )
  const said = (worker: Worker) => new Promise((resolve) => worker.once('message', resolve))
  await Promise.all(workers.map(said))
  const before = rxPackets('v0')
  const emit = sender('v1')
  for (let i = 0; i < SENT; i++) emit(frame(i))
  const frames = rxPackets('v0') - before
  const live = counters.totals(rxPackets('v0'))
  const ends = workers.map(said)
  for (const worker of workers) worker.postMessage('stop')
  const seen = await Promise.all(ends)
  return { sent: SENT, frames, live, seen, totals: counters.totals() }
}

function shard(): void {
  const { shard: index, buffer } = workerData as { shard: number; buffer: SharedArrayBuffer }
  const counters = new CaptureCounters(buffer)
  const ring = openRing({ interface: 'v0', counters, shard: index, ringMiB: 32, fanoutGroup: 77 })
  parentPort?.postMessage('ready')
  parentPort?.once('message', () => ring.stop())
  let seen = 0
  void (async () => {
    for await (const batch of ring) {
      seen += batch.count
      counters.shard(index).processed(batch.count, 0)
    }
    parentPort?.postMessage(seen)
  })()
}

if (!isMainThread) shard()
else {
  pair()
  const name = process.argv[2] ?? ''
  const result = name === 'shards' ? await shards() : cases[name]?.()
  process.stdout.write(JSON.stringify(result))
}
