/** All sites of a fleet come over the one connection to another broker: many are worked on at once, and never more than may. */
import { connectAsync } from 'mqtt'
import { expect, test } from 'vitest'
import { silentLog } from '../../agent/base/log.ts'
import { ExternalBroker } from '../../agent/link/external-broker.ts'
import { AT_ONCE_MAX } from '../../agent/link/limits.ts'
import { formatTopic } from '../../agent/link/topics.ts'
import { type BoxKeys, until } from './fleet.ts'
import { makeFleet } from './fleet-ca.ts'
import { hasMosquitto, startMosquitto } from './mosquitto.ts'

const COUNT = 3 * AT_ONCE_MAX

if (!hasMosquitto) process.stderr.write('SKIPPED: Mosquitto is not installed.\n')

test.runIf(hasMosquitto)('no message waits for the disk of another; none is lost', async () => {
  const { keys: fleet } = await makeFleet(['cape-town'])
  const [cape] = fleet.sites as [BoxKeys]
  const { ca, fleet_uid, primary } = fleet
  const mosquitto = await startMosquitto(fleet)
  const url = `mqtts://localhost:${mosquitto.port}`
  const disk = Promise.withResolvers<void>()
  const [taken, counted] = [new Set<string>(), { working: 0, most: 0 }]
  const broker = new ExternalBroker({
    ...{ ca, certificate: primary.certificate, privateKey: primary.privateKey, fleet_uid, url },
    ...{ appliance_id: primary.appliance_id, log: silentLog },
    take: async (_topic, payload) => {
      counted.most = Math.max(counted.most, ++counted.working)
      await disk.promise
      counted.working--
      taken.add(payload.toString())
    },
  })
  await until('the receiver listens', () => broker.connected)
  const client = await connectAsync(url, {
    ...{ ca, cert: cape.certificate, key: cape.privateKey, protocolVersion: 4 },
    ...{ clientId: cape.appliance_id, reconnectPeriod: 0 },
  })
  const topic = formatTopic({ ...cape, fleet_uid, kind: 'sum' })
  const sent = Array.from({ length: COUNT }, (_, i) => client.publishAsync(topic, `${i}`, { qos: 1 })) // biome-ignore format: one line
  await Promise.all(sent)
  await until('as many as may are worked on', () => counted.working === AT_ONCE_MAX)
  expect(taken.size).toBe(0)
  disk.resolve()
  await until('all are taken', () => taken.size === COUNT)
  expect(counted).toEqual({ working: 0, most: AT_ONCE_MAX })
  client.end(true)
  await broker.close()
  await mosquitto.close()
})
