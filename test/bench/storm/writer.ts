/** Writes, signs and seals what the sites FROM to TO have queued, as they would have done it in their hours alone. */
import { openSync, writeSync } from 'node:fs'
import { signJson } from '../../../agent/base/signing.ts'
import { formatTopic } from '../../../agent/link/topics.ts'
import { seal } from '../../../agent/summary/seal.ts'
import { asJson } from '../../../agent/summary/summary.ts'
import { bodyHash } from '../../../agent/summary/verify.ts'
import { privateKeyOf } from '../../link/fleet.ts'
import { calmSummary, PERIOD_US } from '../../traffic/summary-source.ts'
import { messagesPath, readScene, SLOT_BYTES, slotOf } from './scene.ts'

const [folder = '', from = '0', to = '0', nowUs = '0'] = process.argv.slice(2)
const scene = readScene(folder)
const { fleet, each } = scene
const receiverKey = Buffer.from(fleet.sealKey, 'base64')
const file = openSync(messagesPath(folder), 'r+')

for (let i = Number(from); i < Number(to); i++) {
  const { tenant_id, tenant_uid, appliance_id, identity } = fleet.sites[i] as never as Site
  const key = privateKeyOf(identity)
  const who = { tenant_id, tenant_uid, appliance_id, fleet_id: 'acme', site: tenant_id }
  const topic = formatTopic({ fleet_uid: fleet.fleet_uid, tenant_uid, appliance_id, kind: 'sum' })
  let previous = '0'.repeat(64)
  for (let sequence = 1; sequence <= each; sequence++) {
    const end = Number(nowUs) - (each - sequence) * PERIOD_US
    const place = { epoch: 1, sequence, previous, outbox_from: 1 }
    const envelope = signJson(
      key,
      'summary',
      asJson({ ...calmSummary(end), ...who, ...place, digests: digestsAt(end) }),
    )
    previous = bodyHash(envelope.body)
    const payload = seal(envelope, { receiverKey, topic })
    if (payload.length !== SLOT_BYTES) throw new Error(`sealed to ${payload.length} bytes`)
    writeSync(file, payload, 0, SLOT_BYTES, slotOf(scene, i, sequence))
  }
}

type Site = (typeof fleet.sites)[number]

function digestsAt(us: number) {
  return [1, 2, 3].map((i) => ({
    ...{ id: `0198f0d2-0000-7000-8000-00000000000${i}`, rule_id: `sid:20${i}2345` },
    ...{ title: 'A host asks for many ports of another', severity: 'medium' as const },
    ...{ host: `10.40.7.${i}`, attack_ids: ['T1046'], first: us, last: us },
    ...{ count: i, state: 'open' as const },
  }))
}
