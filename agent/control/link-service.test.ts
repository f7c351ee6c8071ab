/** A primary and a branch, each with its real picket-keys: certificates renewed in time, and what the trail is told. */
import { readFileSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { TestClock } from '../../test/breach/box.ts'
import { type Site, startSite } from '../../test/breach/fleet-sites.ts'
import { freePort } from '../../test/link/free-port.ts'
import { calmSummary } from '../../test/traffic/summary-source.ts'
import { loadConfig } from '../base/config.ts'
import { silentLog } from '../base/log.ts'
import { MqttSession } from '../link/mqtt-session.ts'
import { formatTopic } from '../link/topics.ts'
import { seal } from '../summary/seal.ts'
import { asJson, type Summary } from '../summary/summary.ts'
import { bodyHash } from '../summary/verify.ts'
import { join as joinAt } from './commands/fleet-door.ts'
import type { LinkFacts } from './link-facts.ts'
import type { Uplink } from './link-keys.ts'
import { isRenewalDue } from './link-renewal.ts'
import { LinkService } from './link-service.ts'

const DAY_MS = 86_400_000
const SOON = { timeout: 10_000, interval: 50 }

let london: Site
let sydney: Site
let primary: LinkService
let doorPort = 0

beforeAll(async () => {
  const [mqttPort, port] = [await freePort(), await freePort()]
  doorPort = port
  // TLS goes by the machine's own clock: so all of this begins 61 days ago.
  const clock = new TestClock()
  clock.aheadMs = -61 * DAY_MS
  london = await startSite('london', { clock, fleet: { host: '127.0.0.1', mqttPort, doorPort } })
  sydney = await startSite('sydney', { clock })
  await london.cli.fleetEdition({ on: true })
  primary = serviceOf(london)
  await primary.start()
  const { code } = await london.cli.fleetClaim({})
  let join_id = ''
  const reply = await joinAt({ host: '127.0.0.1', port: doorPort }, async (exporter) => {
    const request = await sydney.cli.joinRequest({ code, exporter })
    join_id = request.join_id
    return request.body
  })
  await sydney.cli.joinFinish({ join_id, reply })
})
afterAll(async () => {
  await primary.close()
  for (const site of [london, sydney]) await site.close()
})

function serviceOf({ data, link, clock }: Site): LinkService {
  const facts: Pick<LinkFacts, 'collect'> = {
    collect: async ({ tenant_id, tenant_uid, fleet_id, appliance_id }, window) => ({
      make: (place) => ({
        ...{ ...calmSummary(window.to), tenant_id, tenant_uid, fleet_id, appliance_id },
        ...{ site: tenant_id, window, ...place },
      }),
      carried: { to: window.to, counters: null, disk: [], restarts: 0 },
    }),
  }
  return new LinkService({ ...{ data, facts, clock }, config: () => loadConfig(data), keys: link, log: silentLog }) // biome-ignore format: one line
}

const uplinkOf = async (site: Site) => (await site.link.uplinks()).uplinks[0] as Uplink

test('a certificate is renewed at the door once two thirds of its life are over, and not before', async () => {
  const before = (await uplinkOf(sydney)).certificate
  const branch = serviceOf(sydney)
  await branch.start()
  await expect.poll(() => branch.uplinks()[0]?.connected, SOON).toBe(true)
  london.clock.aheadMs += 59 * DAY_MS
  await branch.reload()
  const until = () => branch.uplinks()[0]?.certificateNotAfter ?? 0
  expect((await uplinkOf(sydney)).certificate).toBe(before)
  const first = until()
  const dayBefore = (days: number) => first - days * DAY_MS * 1000
  const due = [31, 29].map((days) => isRenewalDue({ certificateNotAfter: first }, dayBefore(days)))
  expect(due).toEqual([false, true])
  london.clock.aheadMs += 2 * DAY_MS
  await branch.reload()
  await expect.poll(until, SOON).toBeGreaterThan(first)
  expect((await uplinkOf(sydney)).certificate).not.toBe(before)
  await expect.poll(() => branch.uplinks()[0]?.connected, SOON).toBe(true)
  await branch.close()
})

test('a reload goes where config.json says now; one that does not read changes nothing', async () => {
  const path = join(london.data, 'config.json')
  const before = readFileSync(path, 'utf8')
  const config = JSON.parse(before)
  const moved = { ...config.fleet, doorPort: await freePort() }
  writeFileSync(path, JSON.stringify({ ...config, fleet: moved }))
  expect(await answers(doorPort)).toBe(true)
  await primary.reload()
  expect([await answers(doorPort), await answers(moved.doorPort)]).toEqual([false, true])
  writeFileSync(path, '{')
  await primary.reload().catch(() => {}) // picket-keys reads the file too, and may say so
  expect(await answers(moved.doorPort)).toBe(true)
  writeFileSync(path, before)
  await primary.reload()
  expect([await answers(doorPort), await answers(moved.doorPort)]).toEqual([true, false])
})

function answers(port: number): Promise<boolean> {
  const socket = createConnection(port, '127.0.0.1')
  return new Promise<boolean>((done) => {
    socket.once('connect', () => done(true))
    socket.once('error', () => done(false))
  }).finally(() => socket.destroy())
}

test('what was refused, forked or fell is told to the trail: by tenant and count, once', async () => {
  const told = async () => {
    const { items } = await london.cli.auditList({ limit: 200 })
    return items
      .filter(({ verb }) => verb.startsWith('summary.'))
      .map(({ verb, subject, sentence }) => `${verb} ${subject}: ${sentence}`)
  }
  await primary.reload()
  const already = await told()
  const fold = () => primary.fleet().sites.find(({ member }) => member.tenant_id === 'sydney')?.fold
  const epoch = (fold()?.newest?.summary.epoch ?? 0) + 1
  const speaks = await mouthOf(sydney)
  const first = await speaks.summary({ epoch, sequence: 1 })
  await speaks.summary({ epoch, sequence: 1, sentence: 'Another story.' })
  const fallen = { ...calmSummary(0).anchors, audit_seq: 1, audit_head: 'b'.repeat(64) }
  await speaks.summary({ epoch, sequence: 2, previous: first, anchors: fallen })
  speaks.say(Buffer.from('no seal'))
  speaks.say(Buffer.from('none either'))
  await expect.poll(() => fold()?.rejected['not-sealed'], SOON).toBe(2)
  await expect.poll(() => fold()?.newest?.summary.sequence, SOON).toBe(2)
  await primary.reload()
  await expect.poll(async () => (await told()).length, SOON).toBe(already.length + 3)
  const lines = (await told()).filter((line) => !already.includes(line)).sort()
  expect(lines).toMatchInlineSnapshot(`
    [
      "summary.fell sydney: picket-link saw anchors of sydney fall: 1.",
      "summary.forked sydney: picket-link found summaries of sydney that contradict others: 1.",
      "summary.rejected sydney: picket-link turned away messages about sydney: 3.",
    ]
  `)
  await primary.reload()
  expect(await told()).toHaveLength(lines.length + already.length) // nothing new, nothing told
  await speaks.end()
})

/** Says what it likes with that site's keys and certificate. */
async function mouthOf(site: Site) {
  const uplink = await uplinkOf(site)
  const { tenant_id, tenant_uid, fleet_id, appliance_id } = site.tenant
  const { fleet_uid, receiver } = uplink
  const topic = formatTopic({ fleet_uid, tenant_uid, appliance_id, kind: 'sum' })
  const session = await MqttSession.open({
    ...{ ...uplink, clientId: appliance_id, server: receiver },
    onMessage: async () => {},
  })
  const say = (payload: Buffer) => session.publish(topic, payload)
  return {
    say,
    async summary(change: Partial<Summary>): Promise<string> {
      const who = { tenant_id, tenant_uid, fleet_id, appliance_id, site: tenant_id }
      const body = asJson({ ...calmSummary(site.clock.nowUs()), ...who, ...change })
      const envelope = await site.link.sign({ type: 'summary', body })
      const receiverKey = Buffer.from(receiver.sealKey, 'base64')
      say(seal(envelope, { receiverKey, topic }))
      return bodyHash(envelope.body)
    },
    end: () => session.end(),
  }
}
