/** Outbox and sender of a site in a process of its own, to be killed: FOLDER, PORT of the primary, COUNT of summaries. */
import { join } from 'node:path'
import { type BoxKeys, makeSender, openOutbox, readFleet, summaryAt, uplinkOf } from './fleet.ts'

process.once('disconnect', () => process.exit()) // whoever started it has ended
const [folder = '', port = '', count = '0'] = process.argv.slice(2)
const fleet = readFleet(join(folder, 'fleet.json'))
const site = fleet.sites[0] as BoxKeys
const { outbox } = await openOutbox(join(folder, 'site'), site)
const uplink = uplinkOf(fleet, site, `mqtts://127.0.0.1:${port}`)
const sender = makeSender(uplink, site, outbox)
sender.start()
process.stdout.write('ready\n')
while (outbox.sequence < Number(count)) {
  await outbox.append(async (place) => summaryAt(site, place, 1e15 + place.sequence * 3e8))
  sender.wake()
  await new Promise((done) => setTimeout(done, 5))
}
while (outbox.waiting(uplink.uplink_id) > 0) await new Promise((done) => setTimeout(done, 10))
await sender.stop()
process.exit(0)
