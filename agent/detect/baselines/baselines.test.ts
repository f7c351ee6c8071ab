import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { Baselines } from './baselines.ts'
import type { BaselineFinding } from './finding.ts'
import type { Observation } from './observation.ts'

const T0 = 1_700_000_000_000_000
const SECOND = 1e6
const HOUR = 3600 * SECOND
const DAY = 24 * HOUR

/** Runs observations through one model; only new findings. */
function run(seen: Iterable<Observation>, model = new Baselines()) {
  const all: BaselineFinding[] = []
  for (const each of seen) all.push(...model.observe(each))
  return { model, all, fresh: all.filter(({ update }) => !update) }
}

const rules = (found: readonly BaselineFinding[]) => found.map(({ rule_id }) => rule_id)

interface Try {
  src?: string
  dest: string
  port: number
  timeUs: number
  proto?: 'TCP' | 'UDP'
  answer?: 'open' | 'refused' | 'none'
}

function* tries(each: Try): Generator<Observation> {
  const { src = '10.0.0.9', dest, port, timeUs, proto = 'TCP', answer = 'refused' } = each
  const flow = { src, dest, port, timeUs, proto }
  yield { what: 'flow-new', ...flow, syn: proto === 'TCP' }
  if (answer === 'open' && proto === 'TCP') yield { what: 'flow-established', ...flow, proto }
  if (answer === 'none') return
  yield {
    what: 'flow-closed',
    ...flow,
    timeUs: timeUs + 1000,
    bytes: 500,
    packets: 8,
    durationMs: 1,
    established: answer === 'open',
    app_proto: 'unknown',
  }
}

function* many(count: number, make: (i: number) => Try): Generator<Observation> {
  for (let i = 0; i < count; i++) yield* tries(make(i))
}

test('many refused ports of one host are one port scan', () => {
  const { all, fresh } = run(
    many(1000, (i) => ({ dest: '10.1.0.5', port: i + 1, timeUs: T0 + i * 5000 })),
  )
  expect(fresh).toMatchObject([
    {
      rule_id: 'base:port-scan',
      severity: 'medium',
      src: '10.0.0.9',
      dest: '10.1.0.5',
      evidence: 'spoofable',
    },
  ])
  expect(fresh[0]?.title).toMatch(
    /^10\.0\.0\.9 tried \d+ TCP ports of 10\.1\.0\.5 in 1 s; \d+ did not answer\.$/,
  )
  expect(all.length).toBeLessThan(20)
  expect(all.at(-1)?.attack_ids).toEqual(['T1046', 'T0846']) // 102, 502 and others were among them
})

test('ports that never answer are a scan too, once they are old enough', () => {
  const fast = [
    ...many(60, (i) => ({ dest: '10.1.0.5', port: i, timeUs: T0 + i * 1000, answer: 'none' })),
  ]
  expect(run(fast).fresh).toEqual([])
  const later = tries({ dest: '10.1.0.5', port: 80, timeUs: T0 + 5 * SECOND, answer: 'open' })
  expect(rules(run([...fast, ...later]).fresh)).toEqual(['base:port-scan'])
})

test('a burst that ends at once is found without another packet of its source', () => {
  const burst = [
    ...many(60, (i) => ({ dest: '10.1.0.5', port: i, timeUs: T0 + i * 1000, answer: 'none' })),
  ]
  const { model, fresh } = run(burst)
  expect(fresh).toEqual([])
  expect(model.tick(T0 + SECOND)).toEqual([])
  expect(rules(model.tick(T0 + 3 * SECOND))).toEqual(['base:port-scan'])
  expect(model.tick(T0 + 4 * SECOND)).toEqual([])
})

test('refused tries count at the refusal, long before their flows end', () => {
  const refused = Array.from({ length: 60 }, (_, i): Observation[] => {
    const flow = { src: '10.0.0.9', dest: '10.1.0.5', port: i, timeUs: T0 + i * 1000 }
    return [
      { what: 'flow-new', ...flow, proto: 'TCP', syn: true },
      { what: 'flow-refused', ...flow, proto: 'TCP' },
    ]
  })
  expect(rules(run(refused.flat()).fresh)).toEqual(['base:port-scan'])
})

test('one port on many hosts is a sweep; of an OT port it says so', () => {
  const { fresh } = run(
    many(40, (i) => ({ dest: `10.1.0.${i}`, port: 502, timeUs: T0 + i * 10_000 })),
  )
  expect(fresh).toMatchObject([
    { rule_id: 'base:host-sweep', port: 502, attack_ids: ['T1046', 'T0846'] },
  ])
})

test('a scan of a whole network is a handful of findings', () => {
  const { fresh } = run(
    many(20_000, (i) => ({ dest: `10.1.${i % 50}.1`, port: 1 + (i >> 5), timeUs: T0 + i * 2000 })),
  )
  expect(fresh.length).toBeGreaterThan(0)
  expect(fresh.length).toBeLessThanOrEqual(5)
})

test('busy ordinary clients are no scanners', () => {
  const browser = many(400, (i) => ({
    dest: `192.0.2.${i % 200}`,
    port: 443,
    timeUs: T0 + i * 3000,
    answer: i % 10 === 0 ? 'none' : 'open',
  }))
  expect(run(browser).fresh).toEqual([])
  const trace = many(90, (i) => ({
    dest: '192.0.2.1',
    port: 33_434 + i,
    proto: 'UDP',
    timeUs: T0 + i * SECOND,
    answer: 'none',
  }))
  expect(run(trace).fresh).toEqual([])
  const flood = many(3000, (i) => ({
    src: `10.${i >> 8}.0.${i & 255}`,
    dest: '10.1.0.5',
    port: 80,
    timeUs: T0 + i,
    answer: 'none',
  }))
  expect(run(flood).fresh).toEqual([])
})

function* sshAttempts(count: number, stepUs: number, client = '10.0.0.9'): Generator<Observation> {
  for (let i = 0; i < count; i++)
    yield { what: 'ssh-attempt', client, server: '10.1.0.5', port: 22, timeUs: T0 + i * stepUs }
}

test('many SSH logins in a minute are brute force, proven', () => {
  const { fresh } = run(sshAttempts(200, SECOND))
  expect(fresh).toMatchObject([
    {
      rule_id: 'base:brute-force',
      severity: 'high',
      attack_ids: ['T1110'],
      evidence: 'proven',
      dest: '10.1.0.5',
      port: 22,
      count: 10,
      title: '10.0.0.9 tried 10 SSH logins on 10.1.0.5 in 9 s, each after a complete handshake.',
    },
  ])
})

test('an administrator who logs in now and then is none', () => {
  expect(run(sshAttempts(100, 8 * SECOND)).fresh).toEqual([])
})

test('short sessions on another login port are brute force; long or empty ones are not', () => {
  const logins = (fields: object) =>
    run(
      Array.from(
        { length: 40 },
        (_, i): Observation => ({
          what: 'flow-closed',
          src: '10.0.0.9',
          dest: '10.1.0.5',
          port: 23,
          proto: 'TCP',
          timeUs: T0 + i * SECOND,
          bytes: 2000,
          packets: 20,
          durationMs: 900,
          established: true,
          app_proto: 'failed',
          ...fields,
        }),
      ),
    ).fresh
  expect(logins({})).toMatchObject([{ rule_id: 'base:brute-force', port: 23 }])
  for (const calm of [
    { durationMs: 60_000 },
    { bytes: 1e6 },
    { packets: 7 },
    { established: false },
  ])
    expect(logins(calm)).toEqual([])
})

const PLC = '10.9.0.2'

function contact(station: string, timeUs: number): Observation {
  return { what: 'flow-established', src: station, dest: PLC, port: 502, proto: 'TCP', timeUs }
}

function write(station: string, timeUs: number, code = 16): Observation {
  return { what: 'modbus-write', station, dest: PLC, port: 502, function: code, unit: 1, timeUs }
}

test('a write from a station never seen writing is said at once, as critical and proven', () => {
  const { fresh, all } = run([
    contact('10.0.0.20', T0),
    contact('10.0.0.66', T0 + 30 * SECOND),
    write('10.0.0.66', T0 + 31 * SECOND),
    write('10.0.0.66', T0 + 32 * SECOND),
    write('10.0.0.66', T0 + 33 * SECOND),
  ])
  expect(fresh).toEqual([
    {
      rule_id: 'base:ot-new-writer',
      severity: 'critical',
      attack_ids: ['T0836', 'T0855'],
      title:
        '1 Modbus write to 10.9.0.2 (function 16, unit 1) from 10.0.0.66, a station never seen writing to it, in 1 s. Its usual station: 10.0.0.20.',
      src: '10.0.0.66',
      dest: PLC,
      port: 502,
      proto: 'TCP',
      evidence: 'proven',
      timeUs: T0 + 31 * SECOND,
      firstUs: T0 + 31 * SECOND,
      count: 1,
      update: false,
    },
  ])
  expect(all.at(-1)).toMatchObject({ update: true, count: 2 })
})

test('a control message of another protocol is told by its name and its technique', () => {
  const { fresh } = run([
    contact('10.0.0.20', T0),
    contact('10.0.0.66', T0 + 30 * SECOND),
    {
      what: 'ot-write',
      protocol: 'DNP3',
      operation: 'cold restart',
      attackIds: ['T0816'],
      station: '10.0.0.66',
      dest: PLC,
      port: 20_000,
      proto: 'TCP',
      timeUs: T0 + 31 * SECOND,
    },
  ])
  expect(fresh).toMatchObject([
    {
      rule_id: 'base:ot-new-writer',
      severity: 'critical',
      attack_ids: ['T0855', 'T0816'],
      title:
        '1 DNP3 write to 10.9.0.2 (cold restart) from 10.0.0.66, a station never seen writing to it, in 1 s. Its usual station: 10.0.0.20.',
      port: 20_000,
    },
  ])
})

test('the poller of a controller may write, rarely or often enough to be usual', () => {
  const day: Observation[] = [contact('10.0.0.20', T0)]
  for (let i = 0; i < 500; i++) day.push(write('10.0.0.20', T0 + i * 20 * SECOND))
  // A second master that starts with the first.
  day.splice(1, 0, contact('10.0.0.21', T0 + SECOND), write('10.0.0.21', T0 + 2 * SECOND))
  expect(run(day).fresh).toEqual([])
})

test('a SYN in a forged name does not make a master', () => {
  const forged: Observation = {
    what: 'flow-new',
    src: '10.0.0.66',
    dest: PLC,
    port: 502,
    proto: 'TCP',
    timeUs: T0,
    syn: true,
  }
  const { fresh } = run([
    forged,
    contact('10.0.0.20', T0 + SECOND),
    contact('10.0.0.66', T0 + 20 * SECOND),
    write('10.0.0.66', T0 + 21 * SECOND),
  ])
  expect(rules(fresh)).toEqual(['base:ot-new-writer'])
})

test('after the time of learning even a lone controller has no new writer in silence', () => {
  const early: Observation[] = [write('10.0.0.20', T0), contact('10.0.0.30', T0 + SECOND)]
  const late = [write('10.0.0.30', T0 + 2 * DAY), write('10.0.0.20', T0 + 2 * DAY)]
  expect(run([...early, ...late]).fresh).toMatchObject([
    { rule_id: 'base:ot-new-writer', src: '10.0.0.30', severity: 'high' },
  ])
  const other: Observation = {
    ...write('10.0.0.40', T0 + 2 * DAY),
    dest: '10.9.0.9',
  } as Observation
  expect(run([...early, other]).fresh).toMatchObject([{ dest: '10.9.0.9', severity: 'critical' }])
})

test('a function never used, and a burst of writes, by a known writer', () => {
  const known = [...Array(30 * 60)].map((_, i) => write('10.0.0.20', T0 + i * 60 * SECOND))
  expect(run([...known, write('10.0.0.20', T0 + 31 * HOUR, 5)]).fresh).toMatchObject([
    { rule_id: 'base:ot-new-function', severity: 'medium' },
  ])
  const burst = [...Array(100)].map((_, i) => write('10.0.0.20', T0 + 31 * HOUR + i * 100_000))
  const { fresh } = run([...known, ...burst])
  expect(fresh).toMatchObject([{ rule_id: 'base:ot-write-spike', severity: 'high' }])
  expect(fresh[0]?.title).toContain('its busiest minute before had 1 write')
})

test('what was learned and said survives a restart', () => {
  const before = run([
    contact('10.0.0.20', T0),
    write('10.0.0.20', T0 + SECOND),
    write('10.0.0.66', T0 + 60 * SECOND),
    ...sshAttempts(12, SECOND),
  ])
  expect(before.fresh.length).toBe(2)
  const after = new Baselines()
  after.restore(JSON.parse(JSON.stringify(before.model.snapshot())))
  const again = run(
    [
      write('10.0.0.20', T0 + HOUR),
      write('10.0.0.66', T0 + HOUR),
      ...sshAttempts(12, SECOND),
      write('10.0.0.67', T0 + HOUR),
    ],
    after,
  )
  expect(again.fresh).toMatchObject([{ rule_id: 'base:ot-new-writer', src: '10.0.0.67' }])
  expect(after.snapshot().otWrites.controllers.length).toBe(1)
})

function query(name: string, timeUs: number, client = '10.0.0.7'): Observation {
  return { what: 'dns-query', client, name, timeUs, server: '10.0.0.53' }
}

test('many long random names under one domain are a tunnel', () => {
  const { fresh } = run(
    [...Array(80)].map((_, i) =>
      query(`${randomBytes(20).toString('hex')}.t.evil.co.uk`, T0 + i * SECOND),
    ),
  )
  expect(fresh).toMatchObject([
    {
      rule_id: 'base:dns-tunnel',
      severity: 'high',
      attack_ids: ['T1071.004', 'T1048.003'],
      src: '10.0.0.7',
      dest: '10.0.0.53',
      count: 30,
    },
  ])
  expect(fresh[0]?.title).toMatch(
    /^10\.0\.0\.7 asked for 30 different long names under evil\.co\.uk in /,
  )
})

test('ordinary names are no tunnel', () => {
  const calm = (name: (i: number) => string) =>
    run([...Array(300)].map((_, i) => query(name(i), T0 + i * 100_000))).fresh
  expect(calm((i) => `r${i % 9}---sn-4g5e6nz${i}.googlevideo.com`)).toEqual([])
  expect(calm((i) => `d${randomBytes(6).toString('hex')}${i}.cloudfront.net`)).toEqual([])
  expect(calm((i) => `ec2-18-196-${i}-224.eu-central-1.compute.amazonaws.com`)).toEqual([])
  expect(calm((i) => `${i}.2.0.192.in-addr.arpa`)).toEqual([])
  expect(
    calm((i) => `${randomBytes(16).toString('hex').split('').join('.')}${i}.ip6.arpa`),
  ).toEqual([])
  expect(calm((i) => `the-very-long-name-of-one-service-${i % 5}.example.com`)).toEqual([])
  expect(calm(() => `${'a'.repeat(60)}.example.com`)).toEqual([])
})

test('state is bounded and what was forgotten is counted', () => {
  const model = new Baselines()
  for (let i = 0; i < 6000; i++) {
    const address = `10.${i >> 8}.0.${i & 255}`
    for (const seen of sshAttempts(1, 0, address)) model.observe(seen)
    model.observe(query('a.example.com', T0, address))
    model.observe({ ...write(address, T0), dest: address } as Observation)
    model.observe(write(address, T0))
    for (const seen of tries({ src: address, dest: '10.1.0.5', port: 80, timeUs: T0 }))
      model.observe(seen)
  }
  const counters = model.counters()
  expect(counters.scanEvicted).toBe(6000 - 1024)
  expect(counters.bruteForceEvicted).toBe(6000 - 4096)
  expect(counters.dnsTunnelEvicted).toBe(6000 - 4096)
  expect(counters.otWritesEvicted).toBeGreaterThan(4000)
  expect(counters.otWritesDropped).toBeGreaterThan(0)
})
