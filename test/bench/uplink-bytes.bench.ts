/**
 * What one site's line carries in an hour at one summary in 300 s: counted where TLS ends, on a loopback connection to the
 * embedded broker, both ways, acks and keep-alives included; without the headers of TCP and IP.
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { createServer, connect as dial, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { silentLog } from '../../agent/base/log.ts'
import { signJson } from '../../agent/base/signing.ts'
import { Broker } from '../../agent/link/broker.ts'
import { KEEPALIVE_S } from '../../agent/link/limits.ts'
import type { Sender } from '../../agent/link/sender.ts'
import { SEALED_BYTES } from '../../agent/summary/seal.ts'
import { asJson } from '../../agent/summary/summary.ts'
import {
  type BoxKeys,
  makeSender,
  openOutbox,
  openReceiver,
  privateKeyOf,
  until,
  uplinkOf,
} from '../link/fleet.ts'
import { makeFleet } from '../link/fleet-ca.ts'
import { calmSummary } from '../traffic/summary-source.ts'

const AN_HOUR = 12
const PINGS_AN_HOUR = 3600 / KEEPALIVE_S
/** TLS 1.3: header 5, content type 1, tag 16, around the two bytes of PINGREQ or PINGRESP. */
const PING_BYTES = 2 + 22
/** Bytes of text in a summary that make it each size; a quiet site is the smallest. */
const TEXTS = [0, 3_000, 8_000, 20_000]

test('uplink bytes of a site in an hour', { timeout: 60_000 }, async () => {
  const { keys: fleet } = await makeFleet(['cape-town'])
  const [site] = fleet.sites as [BoxKeys]
  const folder = mkdtempSync(join(tmpdir(), 'picket-uplink-'))
  const held: { broker?: Broker } = {}
  const { receiver } = await openReceiver(folder, fleet, {
    publish: (topic, payload) => held.broker?.publish(topic, payload),
  })
  const { certificate, privateKey } = fleet.primary
  held.broker = await Broker.open({
    ...{ ca: fleet.ca, certificate, privateKey, fleet_uid: fleet.fleet_uid },
    ...{ host: '127.0.0.1', port: 0, log: silentLog },
    take: async (topic, payload) => void (await receiver.take(topic, payload)),
  })
  const line = await countingLine(held.broker.port)
  const { outbox } = await openOutbox(join(folder, 'box'), site)
  const sender = makeSender(uplinkOf(fleet, site, `mqtts://127.0.0.1:${line.port}`), site, outbox)
  sender.start()
  await until('it is connected', () => sender.view().connected)
  await quiet(line)
  const connecting = { ...line.bytes }
  say('a connection (TLS, CONNECT, SUBSCRIBE, "here")', connecting)
  for (const [i, text] of TEXTS.entries()) {
    const before = { ...line.bytes }
    await outbox.append(async (place) => {
      const { tenant_id, tenant_uid, appliance_id } = site
      const who = { tenant_id, tenant_uid, appliance_id, fleet_id: 'acme', site: tenant_id }
      const summary = { ...calmSummary(i * 3e8 + 1e15), ...who, ...place, ...digests(text) }
      return signJson(privateKeyOf(site.identity), 'summary', asJson(summary))
    })
    await acknowledged(sender)
    await quiet(line)
    const up = line.bytes.up - before.up
    const down = line.bytes.down - before.down
    const sealed = SEALED_BYTES.findLast((size) => size < up) ?? 0
    expect(SEALED_BYTES[i]).toBe(sealed)
    say(`sealed to ${sealed >> 10} KiB`, {
      aSummary: { up, down },
      anHour: {
        up: up * AN_HOUR + PINGS_AN_HOUR * PING_BYTES,
        down: down * AN_HOUR + PINGS_AN_HOUR * PING_BYTES,
      },
    })
  }
  await sender.stop()
  await held.broker.close()
  await receiver.close()
  line.server.close()
})

/** Digests with that much text in all, which does not repeat. */
function digests(bytes: number) {
  const count = Math.ceil(bytes / 600)
  const digests = Array.from({ length: count }, (_, i) => ({
    ...{ id: `d${i}`, rule_id: `sid:${i}`, title: randomBytes(110).toString('hex') },
    ...{ severity: 'high' as const, host: randomBytes(50).toString('hex') },
    ...{ attack_ids: ['T1046'], first: 1, last: 2, count: 1, state: 'open' as const },
  }))
  return { digests }
}

interface Line {
  server: Server
  port: number
  bytes: { up: number; down: number }
}

async function countingLine(to: number): Promise<Line> {
  const bytes = { up: 0, down: 0 }
  const server = createServer((near) => {
    const far = dial(to, '127.0.0.1')
    for (const [from, into, way] of [
      [near, far, 'up'],
      [far, near, 'down'],
    ] as const) {
      from.on('data', (chunk: Buffer) => {
        bytes[way] += chunk.length
        into.write(chunk)
      })
      from.on('error', () => into.destroy())
      from.on('end', () => into.end())
    }
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return { server, port: (server.address() as { port: number }).port, bytes }
}

async function acknowledged(sender: Sender): Promise<void> {
  sender.wake()
  await until('it is acknowledged', () => sender.view().waiting === 0)
}

/** Until nothing has moved for a while: the last PUBACK has no other sign. */
async function quiet({ bytes }: Line): Promise<void> {
  let [last, since] = [-1, performance.now()]
  await until('the line is quiet', () => {
    const now = bytes.up + bytes.down
    if (now !== last) [last, since] = [now, performance.now()]
    return performance.now() - since > 300
  })
}

function say(what: string, numbers: object): void {
  process.stdout.write(`${what} ${JSON.stringify(numbers)}\n`)
}
