/** A receiver that does not acknowledge gets a summary again, each time after twice as long: one that is behind can catch up. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { silentLog } from '../../agent/base/log.ts'
import { Broker } from '../../agent/link/broker.ts'
import { AGAIN_MS, AGAIN_MS_MOST } from '../../agent/link/limits.ts'
import { TestClock } from '../breach/box.ts'
import { type BoxKeys, makeSender, openOutbox, summaryAt, until, uplinkOf } from './fleet.ts'
import { makeFleet } from './fleet-ca.ts'

const LATE_MS = 200

test('again after a minute, two, four, eight, and eight', async () => {
  const { keys: fleet } = await makeFleet(['cape-town'])
  const [cape] = fleet.sites as [BoxKeys]
  const { certificate, privateKey } = fleet.primary
  let arrived = 0
  const broker = await Broker.open({
    ...{ ca: fleet.ca, certificate, privateKey, fleet_uid: fleet.fleet_uid },
    ...{ host: '127.0.0.1', port: 0, log: silentLog },
    take: async ({ kind }) => {
      if (kind === 'sum') arrived++
    },
  })
  const clock = new TestClock()
  const { outbox } = await openOutbox(mkdtempSync(join(tmpdir(), 'picket-again-')), cape)
  await outbox.append(async (place) => summaryAt(cape, place, 1e15))
  const url = `mqtts://127.0.0.1:${broker.port}`
  const sender = makeSender(uplinkOf(fleet, cape, url), cape, outbox, { clock })
  sender.start()
  await until('it arrives', () => arrived === 1)
  for (const [i, minutes] of [1, 2, 4, 8, 8].entries()) {
    clock.aheadMs += minutes * AGAIN_MS - 5_000
    sender.wake()
    await new Promise((done) => setTimeout(done, LATE_MS)) // nothing may come of it
    expect(arrived).toBe(i + 1)
    clock.aheadMs += 5_000
    sender.wake()
    await until('it arrives again', () => arrived === i + 2)
  }
  expect(AGAIN_MS_MOST).toBe(8 * AGAIN_MS)
  await sender.stop()
  await broker.close()
})
