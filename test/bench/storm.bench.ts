/**
 * A fleet comes back at once: 10,000 sites with 20 summaries queued each, over 100 connections to Mosquitto, and 500
 * sites with certificate, outbox and connection of their own that lost their primary to kill -9. How long until
 * the newest of every site is shown, until all is on disk, what it costs, and whether anything is missing or twice.
 *
 * Real: sockets, mutual TLS, seals, signatures, picket-keys' socket in another process, log, folds, picture, acks. Left out: the
 * members' table of picket-keys (its answers are kept in memory there too), and for the 10,000 sites, because
 * D18 gives each connection one site: their own certificates, outboxes, and a look at each ack's signature.
 * All of it shares the machine. PICKET_STORM_SITES makes it smaller.
 */
import type { ChildProcess } from 'node:child_process'
import { createPublicKey, generateKeyPairSync, randomBytes, verify } from 'node:crypto'
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { newUid } from '../../agent/base/ids.ts'
import { silentLog } from '../../agent/base/log.ts'
import { type Envelope, signedBytes } from '../../agent/base/signing.ts'
import { ReceivedLog } from '../../agent/link/received.ts'
import { KIND_SUMMARY, openRecord } from '../../agent/link/record.ts'
import { type BoxKeys, makeSender, openOutbox, summaryAt, until, uplinkOf } from '../link/fleet.ts'
import { type FleetCa, makeFleet } from '../link/fleet-ca.ts'
import { hasMosquitto, startMosquitto } from '../link/mosquitto.ts'
import {
  cpuSeconds,
  messagesPath,
  type Scene,
  SLOT_BYTES,
  type Standing,
  saveScene,
  startProgram,
} from './storm/scene.ts'

const SITES = Number(process.env.PICKET_STORM_SITES ?? 10_000)
const EACH = 20
const CARRIERS = Math.min(100, SITES)
const CLIENTS = Math.max(10, SITES / 20)
const GOAL_S = 60
const MS_MAX = 300_000
const REFERENCE = 10_000

test.runIf(hasMosquitto)('the storm', { timeout: 2 * MS_MAX }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'picket-storm-'))
  const scene = await makeScene(folder)
  await writeMessages(folder)
  say('prepared', { sites: SITES, each: EACH, connections: CARRIERS, clients: CLIENTS })
  const mosquitto = await startMosquitto(scene.fleet, stormRules(scene))
  const url = `mqtts://localhost:${mosquitto.port}`
  const keys = await ready(startProgram('keys', [folder]))
  const first = await startPrimary(folder, url, '0')
  const clients = await connectClients(folder, scene, first.port)

  first.child.kill('SIGKILL')
  await until('all saw it', () => clients.connected() === 0, MS_MAX)
  await clients.write()
  const carriers = await ready(startProgram('carriers', [folder, url]))
  const keysBefore = await cpuOf(keys)
  const began = Date.now()
  carriers.child.send('go')
  const second = await startPrimary(folder, url, String(first.port))
  const isOver = () => second.said?.allStoredAt && carriers.said?.allAckedAt
  const reconnected = { at: 0 }
  await until(
    'all is stored and acknowledged',
    () => {
      if (clients.connected() === CLIENTS) reconnected.at ||= Date.now()
      return Boolean(isOver()) && clients.waiting() === 0
    },
    MS_MAX,
  )
  const said = second.said as unknown as Standing
  const keysCpu = (await cpuOf(keys)) - keysBefore
  const seconds = (at: number | null) => Math.round(((at ?? 0) - began) / 100) / 10
  say('seconds until', {
    reconnected: seconds(reconnected.at),
    newestShown: seconds(said.allShownAt),
    allOnDisk: seconds(said.allStoredAt),
    allAcknowledged: seconds(Number(carriers.said?.allAckedAt)),
  })
  await clients.stop()
  await ended(second.child)
  await mosquitto.close()
  for (const { child } of [keys, carriers]) child.kill('SIGKILL')
  const { lost, doubled, sample } = await readBack(folder, scene)
  const cpu = said.cpuSeconds + keysCpu
  say('cost', {
    perCoreSecond: Math.round((SITES * EACH) / cpu),
    bareVerifyPerCoreSecond: bareVerify(sample),
    cpuSeconds: { link: Math.round(said.cpuSeconds), keys: Math.round(keysCpu) },
    rssMib: said.rssMib,
    ...{ sentAgain: carriers.said?.again, acks: carriers.said?.acks, verdicts: said.others },
  })
  say('in the log', { lost, doubled })
  rmSync(folder, { recursive: true, force: true })
  expect({ lost, doubled }).toEqual({ lost: 0, doubled: 0 })
  expect(seconds(said.allShownAt)).toBeLessThan(GOAL_S)
})

async function makeScene(folder: string): Promise<Scene> {
  const names = Array.from({ length: CLIENTS }, (_, i) => `client-${i}`)
  const { keys: fleet, ca } = await makeFleet(names)
  const scene: Scene = {
    fleet: { ...fleet, sites: Array.from({ length: SITES }, (_, i) => identityOf(`site-${i}`)) },
    clients: fleet.sites,
    carriers: await Promise.all(Array.from({ length: CARRIERS }, () => carrierOf(ca))),
    each: EACH,
  }
  saveScene(folder, scene)
  return scene
}

function identityOf(tenant_id: string): BoxKeys {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  return {
    ...{ tenant_id, tenant_uid: newUid(), appliance_id: newUid() },
    identity: privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64'),
    spki: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
    ...{ certificate: '', privateKey: '', queueKey: '' },
    storeKey: randomBytes(32).toString('base64'),
  }
}

async function carrierOf(ca: FleetCa) {
  const of = { tenant_uid: newUid(), appliance_id: newUid() }
  return { appliance_id: of.appliance_id, ...(await ca.issue(of)) }
}

async function writeMessages(folder: string): Promise<void> {
  writeFileSync(messagesPath(folder), '')
  truncateSync(messagesPath(folder), SITES * EACH * SLOT_BYTES)
  const half = Math.ceil(SITES / 2)
  const now = String(Date.now() * 1000)
  const writers = [
    [0, half],
    [half, SITES],
  ].map((part) => startProgram('writer', [folder, ...part.map(String), now]))
  await Promise.all(writers.map(ended))
}

/** A carrier speaks for its hundred sites, and as many wait for the primary as there are. */
function stormRules({ fleet, carriers }: Scene) {
  const of = `p/v1/${fleet.fleet_uid}/+/+`
  const may = carriers.flatMap(({ appliance_id }) => [
    `user ${appliance_id}`,
    `topic write ${of}/sum`,
    `topic read ${of}/ack`,
  ])
  return { may, settings: ['max_queued_messages 0'] }
}

interface Running<T> {
  child: ChildProcess
  /** The latest that it told. */
  said: T | undefined
}

async function ready<T extends Record<string, unknown>>(child: ChildProcess): Promise<Running<T>> {
  const running: Running<T> = { child, said: undefined }
  await new Promise((done) => child.once('message', done))
  child.on('message', (said) => {
    running.said = said as T
  })
  return running
}

async function startPrimary(folder: string, url: string, port: string) {
  const child = startProgram('primary', [folder, url, port])
  const running: Running<Standing> & { port: number } = { child, said: undefined, port: 0 }
  const first = await new Promise((done) => child.once('message', done))
  running.port = (first as { port: number }).port
  child.on('message', (said) => {
    running.said = said as Standing
  })
  return running
}

async function ended(child: ChildProcess): Promise<void> {
  const code = new Promise((done) => child.once('exit', done))
  if (child.connected) child.send('end')
  expect(await code).toBe(0)
}

async function cpuOf({ child }: { child: ChildProcess }): Promise<number> {
  const answer = new Promise((done) => child.once('message', done))
  child.send('cpu')
  return ((await answer) as { cpuSeconds: number }).cpuSeconds
}

async function connectClients(folder: string, { fleet, clients }: Scene, port: number) {
  const url = `mqtts://127.0.0.1:${port}`
  const boxes = await Promise.all(
    clients.map(async (site, i) => {
      const { outbox } = await openOutbox(join(folder, `box-${i}`), site)
      const backOff = { firstMs: 500, mostMs: 5_000 }
      const sender = makeSender(uplinkOf(fleet, site, url), site, outbox, { backOff })
      return { site, outbox, sender }
    }),
  )
  const waiting = () => boxes.reduce((sum, { outbox }) => sum + outbox.waiting('up-london'), 0)
  const write = async () => {
    const now = Date.now() * 1000
    for (const { site, outbox } of boxes)
      await outbox.append(async (place) => summaryAt(site, place, now))
  }
  await write()
  for (const { sender } of boxes) sender.start()
  await until('all are acknowledged', () => waiting() === 0, MS_MAX)
  return {
    ...{ waiting, write },
    connected: () => boxes.filter(({ sender }) => sender.view().connected).length,
    stop: () => Promise.all(boxes.map(({ sender }) => sender.stop())),
  }
}

/** Each place that was written, once: counted in the log, and some of the envelopes. */
async function readBack(folder: string, { fleet, clients }: Scene) {
  const log = await ReceivedLog.open({ folder: join(folder, 'received'), log: silentLog })
  const boxes = new Map([...clients, ...fleet.sites].map((box) => [box.tenant_uid, box]))
  const found = new Set<string>()
  const sample: { envelope: Envelope; box: BoxKeys }[] = []
  let doubled = 0
  for (const record of log.read()) {
    const { tenant_uid, kind, epoch, sequence } = record.head
    const place = `${tenant_uid}|${kind}|${epoch}|${sequence}`
    if (found.has(place)) doubled++
    found.add(place)
    const box = boxes.get(tenant_uid)
    if (!box || kind !== KIND_SUMMARY || sample.length >= REFERENCE) continue
    const envelope = openRecord(record, Buffer.from(box.storeKey, 'base64'))
    if (envelope) sample.push({ envelope, box })
  }
  await log.close()
  return { lost: SITES * EACH + 2 * CLIENTS - found.size, doubled, sample }
}

function bareVerify(sample: { envelope: Envelope; box: BoxKeys }[]): number {
  const ready = sample.map(({ envelope, box }) => ({
    envelope,
    key: createPublicKey({ key: Buffer.from(box.spki, 'base64'), format: 'der', type: 'spki' }),
  }))
  const before = process.cpuUsage()
  for (const { envelope, key } of ready) {
    const signature = Buffer.from(envelope.signature, 'base64')
    if (!verify(null, signedBytes('summary', envelope.body), key, signature))
      throw new Error('forged')
  }
  return Math.round(ready.length / cpuSeconds(before))
}

function say(what: string, numbers: object): void {
  process.stdout.write(`${what} ${JSON.stringify(numbers)}\n`)
}
