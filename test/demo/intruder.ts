/**
 * Somebody with a branch's transport key and a copy of its outbox, but not its signing key, sends three messages in its
 * name: an old summary again, a changed one under a signature of his own, and one with a bit of the seal flipped.
 * `node intruder.ts DATA`: the branch's data folder. Runs where the branch's network is.
 */
import { generateKeyPairSync, sign } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import 'reflect-metadata'
import type { Envelope } from '../../agent/base/signing.ts'
import { signedBytes } from '../../agent/base/signing.ts'
import { keysForLink } from '../../agent/control/keys-client.ts'
import { aad, unseal } from '../../agent/keys/seal.ts'
import { MqttSession } from '../../agent/link/mqtt-session.ts'
import { formatTopic } from '../../agent/link/topics.ts'
import { seal } from '../../agent/summary/seal.ts'

const HEAD_BYTES = 8
const EPOCH_AT = 4

const data = process.argv[2] as string
const keys = keysForLink(data)

/** The newest summary of the outbox, as the branch signed it. */
async function newest(tenant_uid: string): Promise<Envelope> {
  const folder = join(data, 'link', 'sends', tenant_uid, 'outbox')
  const name = readdirSync(folder)
    .filter((each) => each.endsWith('.sum'))
    .sort()
    .at(-1) as string
  const [epoch, sequence] = name.slice(0, -4).split('-').map(Number) as [number, number]
  const bytes = readFileSync(join(folder, name))
  const { key } = await keys.queueKey({ tenant_uid, epoch: bytes.readUInt32BE(EPOCH_AT) })
  const bound = aad(tenant_uid, epoch, sequence)
  const plain = unseal(Buffer.from(key, 'base64'), bytes.subarray(HEAD_BYTES), bound)
  if (!plain) throw new Error('The stolen summary does not open.')
  return JSON.parse(plain.toString())
}

/** All quiet, says somebody who has no key for it. */
function forge(envelope: Envelope): Envelope {
  const { privateKey } = generateKeyPairSync('ed25519')
  const said = JSON.parse(envelope.body)
  const body = JSON.stringify({ ...said, sequence: said.sequence + 1 })
  const signature = sign(null, signedBytes('summary', body), privateKey).toString('base64')
  return { ...envelope, body, signature }
}

const [tenant] = (await keys.tenants()).tenants
const [uplink] = (await keys.uplinks()).uplinks
if (!tenant || !uplink) throw new Error('This branch has no uplink.')
const { tenant_uid, appliance_id } = tenant
const topic = formatTopic({ fleet_uid: uplink.fleet_uid, tenant_uid, appliance_id, kind: 'sum' })
const to = { receiverKey: Buffer.from(uplink.receiver.sealKey, 'base64'), topic }
const old = await newest(tenant_uid)
const flipped = seal(old, to)
flipped[1000] = (flipped[1000] as number) ^ 1

const session = await MqttSession.open({
  url: uplink.url,
  clientId: appliance_id,
  ca: uplink.ca,
  certificate: uplink.certificate,
  privateKey: uplink.privateKey,
  server: uplink.receiver,
  onMessage: async () => {},
})
for (const payload of [seal(old, to), seal(forge(old), to), flipped])
  await session.publish(topic, payload)
await session.end()
process.exit(0)
