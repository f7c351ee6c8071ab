/**
 * The connections that carry the queued summaries of a hundred sites each into Mosquitto: newest of all first, each
 * again when no signed ack tells of it within a minute, as a sender does. FOLDER, URL.
 */
import { openSync, readSync } from 'node:fs'
import { connectAsync, type MqttClient } from 'mqtt'
import type { Envelope } from '../../../agent/base/signing.ts'
import { AGAIN_MS } from '../../../agent/link/limits.ts'
import { formatTopic, parseTopic, type TopicKind } from '../../../agent/link/topics.ts'
import type { Ack } from '../../../agent/summary/summary.ts'
import type { BoxKeys } from '../../link/fleet.ts'
import { messagesPath, readScene, SLOT_BYTES, slotOf } from './scene.ts'

/** Handed to Mosquitto and not yet answered by it, of one connection. */
const UNANSWERED_MAX = 50
const LOOK_MS = 1000

const [folder = '', url = ''] = process.argv.slice(2)
const scene = readScene(folder)
const { fleet, carriers, each } = scene
const file = openSync(messagesPath(folder), 'r')
const share = Math.ceil(fleet.sites.length / carriers.length)
const places = fleet.sites.length * each
/** By place in the file; when it was sent, NaN once acknowledged. */
const sentAt = new Float64Array(places).fill(Number.NEGATIVE_INFINITY)
const indexOf = new Map(fleet.sites.map(({ tenant_uid }, i) => [tenant_uid, i]))
const tries = new Uint8Array(places)
let acked = 0
let again = 0
let acks = 0
let allAckedAt: number | null = null

process.on('disconnect', () => process.exit())
await new Promise((go) => {
  process.once('message', go)
  process.send?.('ready')
})
setInterval(() => process.send?.({ acked, again, acks, allAckedAt }), 500)
await Promise.all(carriers.map(carry))

async function carry(carrier: (typeof carriers)[number], at: number): Promise<void> {
  const sites = fleet.sites.slice(at * share, (at + 1) * share)
  const client = await connectAsync(url, {
    ...{ ca: fleet.ca, cert: carrier.certificate, key: carrier.privateKey },
    ...{ clientId: carrier.appliance_id, clean: true, protocolVersion: 4, reconnectPeriod: 0 },
  })
  client.on('message', (topic, payload) => acknowledged(topic, payload))
  const acksOf = sites.map((site) => topicOf(site, 'ack'))
  await client.subscribeAsync(acksOf, { qos: 1 })
  const own = { first: at * share, sites }
  await sendDue(client, own)
  while (allAckedAt === null) {
    await new Promise((done) => setTimeout(done, LOOK_MS))
    await sendDue(client, own)
  }
}

async function sendDue(client: MqttClient, own: { first: number; sites: BoxKeys[] }) {
  const unanswered = new Set<Promise<unknown>>()
  for (let sequence = each; sequence > 0; sequence--)
    for (const [i, site] of own.sites.entries()) {
      const slot = slotOf(scene, own.first + i, sequence)
      const place = slot / SLOT_BYTES
      const before = sentAt[place] as number
      if (Number.isNaN(before) || Date.now() - before < againMs(place)) continue
      if (before > 0) again++
      tries[place] = Math.min((tries[place] as number) + 1, 4)
      sentAt[place] = Date.now()
      const payload = Buffer.allocUnsafe(SLOT_BYTES)
      readSync(file, payload, 0, SLOT_BYTES, slot)
      const sending = client
        .publishAsync(topicOf(site, 'sum'), payload, { qos: 1 })
        .finally(() => unanswered.delete(sending))
      unanswered.add(sending)
      if (unanswered.size >= UNANSWERED_MAX) await Promise.race(unanswered)
    }
  await Promise.all(unanswered)
}

function againMs(place: number): number {
  return AGAIN_MS * 2 ** Math.max(0, (tries[place] as number) - 1)
}

/** The signature of the ack is not looked at: that is work of ten thousand other machines. */
function acknowledged(text: string, payload: Buffer): void {
  const site = indexOf.get(parseTopic(text)?.tenant_uid ?? '')
  if (site === undefined) return
  acks++
  const { whole_up_to, also } = JSON.parse((JSON.parse(payload.toString()) as Envelope).body) as Ack
  for (const [first, last] of [[1, whole_up_to], ...also] as [number, number][])
    for (let sequence = first; sequence <= Math.min(last, each); sequence++) {
      const place = slotOf(scene, site, sequence) / SLOT_BYTES
      if (Number.isNaN(sentAt[place])) continue
      sentAt[place] = Number.NaN
      acked++
    }
  if (acked === places) allAckedAt ??= Date.now()
}

function topicOf({ tenant_uid, appliance_id }: BoxKeys, kind: TopicKind): string {
  return formatTopic({ fleet_uid: fleet.fleet_uid, tenant_uid, appliance_id, kind })
}
