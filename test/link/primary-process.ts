/** Broker, receiver and log of a primary in a process of its own, to be killed: FOLDER, which holds fleet.json, and PORT. */
import { join } from 'node:path'
import { silentLog } from '../../agent/base/log.ts'
import { Broker } from '../../agent/link/broker.ts'
import { openReceiver, readFleet } from './fleet.ts'

process.once('disconnect', () => process.exit()) // whoever started it has ended
const [folder = '', port = '0', snapshotMs = '200'] = process.argv.slice(2)
const fleet = readFleet(join(folder, 'fleet.json'))
const { certificate, privateKey } = fleet.primary
let broker: Broker | undefined
const { receiver } = await openReceiver(folder, fleet, {
  publish: (topic, payload) => broker?.publish(topic, payload),
  segmentBytes: 64 << 10, // so that segments roll
})
broker = await Broker.open({
  ...{ ca: fleet.ca, certificate, privateKey, fleet_uid: fleet.fleet_uid },
  ...{ host: '127.0.0.1', port: Number(port), log: silentLog },
  take: async (topic, payload) => void (await receiver.take(topic, payload)),
})
setInterval(() => void receiver.saveSnapshot(), Number(snapshotMs))
process.stdout.write(`ready ${broker.port}\n`)
