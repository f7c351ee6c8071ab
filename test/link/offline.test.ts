/** A site whose line is down: it goes on writing, and when the line is back everything arrives, the newest first. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Clock } from '../../agent/base/clock.ts'
import { silentLog } from '../../agent/base/log.ts'
import { Broker } from '../../agent/link/broker.ts'
import { Bucket } from '../../agent/link/bucket.ts'
import { MESSAGES } from '../../agent/link/limits.ts'
import {
  type BoxKeys,
  makeSender,
  openOutbox,
  openReceiver,
  summaryAt,
  until,
  uplinkOf,
} from './fleet.ts'
import { makeFleet } from './fleet-ca.ts'

const HOURS = 72
const PERIOD_S = 300
const SUMMARIES = (HOURS * 3600) / PERIOD_S

test(`${HOURS} hours offline lose nothing: ${SUMMARIES} summaries, the newest first`, async () => {
  const { keys: fleet } = await makeFleet(['sydney'])
  const site = fleet.sites[0] as BoxKeys
  const folder = mkdtempSync(join(tmpdir(), 'picket-offline-'))
  let nowUs = 1.8e15
  const clock: Clock = { nowUs: () => nowUs, steadyMs: () => performance.now() }

  let { outbox } = await openOutbox(join(folder, 'site'), site, { clock })
  for (let i = 0; i < SUMMARIES; i++) {
    nowUs += PERIOD_S * 1e6
    await outbox.append(async (place) => summaryAt(site, place, nowUs))
    // Every eight hours the box loses its power.
    if (i % 96 === 95) outbox = (await openOutbox(join(folder, 'site'), site, { clock })).outbox
  }
  expect(outbox.waiting('up-london')).toBe(SUMMARIES)

  const acks: { broker?: Broker } = {}
  const { receiver, log } = await openReceiver(folder, fleet, {
    publish: (topic, payload) => acks.broker?.publish(topic, payload),
  })
  const { certificate, privateKey } = fleet.primary
  const broker = await Broker.open({
    ...{ ca: fleet.ca, certificate, privateKey, fleet_uid: fleet.fleet_uid },
    ...{ host: '127.0.0.1', port: 0, log: silentLog },
    take: async (topic, payload) => void (await receiver.take(topic, payload)),
  })
  acks.broker = broker
  const sender = makeSender(uplinkOf(fleet, site, `mqtts://127.0.0.1:${broker.port}`), site, outbox)
  sender.start()
  await until('all are acknowledged', () => outbox.waiting('up-london') === 0, 60_000)
  const state = receiver.sites().get(site.tenant_uid)
  const order = [...log.read()].map(({ head }) => head.sequence)
  expect(order[0]).toBe(SUMMARIES)
  expect(order).toHaveLength(SUMMARIES)
  expect(state?.held(outbox.epoch, 9)).toEqual({ whole: SUMMARIES, also: [] })
  expect(state?.fold.forks).toEqual([])
  expect(state?.fold.epochs[0]?.holes).toEqual([])
  expect([outbox.size, outbox.dropped, outbox.aside]).toEqual([1, 0, 0])
  await sender.stop()
  await broker.close()
  await receiver.close()
  await log.close()
})

test('three days come back within 13 minutes at the pace a receiver allows', () => {
  let now = 0
  const bucket = new Bucket(MESSAGES, now)
  for (let sent = 0; sent < SUMMARIES; sent++) {
    now += bucket.waitMs(now)
    expect(bucket.take(now)).toBe(true)
  }
  expect(now / 60_000).toBeLessThan(13)
})
