/**
 * The receiving end in a process of its own: log on disk, receiver, picture; behind it both carriers, as a client of
 * Mosquitto for the queued, as the embedded broker for the 500. FOLDER, URL of Mosquitto, PORT.
 */
import { join } from 'node:path'
import { systemClock } from '../../../agent/base/clock.ts'
import { silentLog } from '../../../agent/base/log.ts'
import type { Envelope } from '../../../agent/base/signing.ts'
import { connect } from '../../../agent/control/rpc.ts'
import { socketPath } from '../../../agent/control/sockets.ts'
import { FleetPicture } from '../../../agent/health/fleet-status.ts'
import { Broker } from '../../../agent/link/broker.ts'
import { ExternalBroker } from '../../../agent/link/external-broker.ts'
import { ReceivedLog } from '../../../agent/link/received.ts'
import { Receiver } from '../../../agent/link/receiver.ts'
import type { Topic } from '../../../agent/link/topics.ts'
import { memberOf } from '../../link/fleet.ts'
import { cpuSeconds, readScene, type Standing } from './scene.ts'

const [folder = '', url = '', port = '0'] = process.argv.slice(2)
const { fleet, clients, each } = readScene(folder)
const { primary, fleet_uid, ca } = fleet
const { certificate, privateKey, appliance_id } = primary
const members = [primary, ...clients, ...fleet.sites].map(memberOf)
const queued = new Set(fleet.sites.map((site) => site.tenant_uid))
const keys = await connect(socketPath(folder, 'keys', 'link'))
const log = await ReceivedLog.open({ folder: join(folder, 'received'), log: silentLog })
const carriers: { broker?: Broker; external?: ExternalBroker } = {}
const receiver = Receiver.open(
  {
    primary: { ...primary, fleet_uid },
    log,
    snapshotPath: join(folder, 'folds.snapshot'),
    openSeal: (seal) => keys.call('openSeal', seal),
    sign: (type, body) => keys.call<Envelope>('sign', { type, body }),
    anchors: () => keys.call('anchors'),
    publish: (topic, payload) => {
      const isQueued = queued.has(topic.split('/')[3] ?? '')
      const carrier = isQueued ? carriers.external : carriers.broker
      carrier?.publish(topic, payload)
    },
    changed: () => {},
    clock: systemClock,
    logger: silentLog,
  },
  members,
)

const standing: Standing = {
  ...{ stored: 0, others: {}, shown: 0, allShownAt: null, allStoredAt: null },
  ...{ cpuSeconds: 0, rssMib: 0 },
}
const take = async (topic: Topic, payload: Buffer) => {
  const verdict = await receiver.take(topic, payload)
  if (topic.kind !== 'sum') return
  if (!queued.has(topic.tenant_uid)) return
  if (verdict !== 'accepted') {
    standing.others[verdict] = (standing.others[verdict] ?? 0) + 1
    return
  }
  standing.stored++
  if (standing.stored === queued.size * each) standing.allStoredAt = Date.now()
}
const both = { ca, certificate, privateKey, fleet_uid, take, log: silentLog }
carriers.broker = await Broker.open({ ...both, host: '127.0.0.1', port: Number(port) })
carriers.external = new ExternalBroker({ ...both, url, appliance_id })

const picture = new FleetPicture()
const shownMembers = members.map(({ tenant_id, tenant_uid, appliance_id, fleet_id }) => ({
  ...{ tenant_id, tenant_uid, appliance_id, fleet_id, site: tenant_id },
  ...{ primary: false, joinedAt: 0, revoked: null, certificateNotAfter: null },
}))

/** Sites whose newest stands in the picture: the last of the queue, or the second of those with a line of their own. */
function countShown(): number {
  const sites = shownMembers.flatMap((member) => {
    const site = receiver.sites().get(member.tenant_uid)
    return site ? [{ member, fold: site.fold }] : []
  })
  const facts = { fleet_id: 'acme', sites, rejected: {}, now: systemClock.nowUs() }
  const view = picture.view(facts)
  return view.sites.filter((site, i) => {
    const newest = queued.has(shownMembers[i]?.tenant_uid ?? '') ? each : 2
    return site.sequence >= newest
  }).length
}

setInterval(() => {
  if (standing.allShownAt === null) {
    standing.shown = countShown()
    if (standing.shown === members.length - 1) standing.allShownAt = Date.now()
  }
  standing.cpuSeconds = cpuSeconds()
  standing.rssMib = Math.round(process.memoryUsage.rss() / 2 ** 20)
  process.send?.(standing)
}, 500)
process.on('message', async () => {
  await Promise.all([carriers.broker?.close(), carriers.external?.close()])
  await receiver.close()
  await log.close()
  process.exit()
})
process.on('disconnect', () => process.exit())
process.send?.({ port: carriers.broker.port })
