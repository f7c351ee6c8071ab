/**
 * A fleet in one process: a CA, a primary that receives, sites that send, each with real keys, certificates, outbox
 * and log. What picket-keys does is done here by its five lines.
 */
import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Json } from '../../agent/base/canonical.ts'
import { type Clock, systemClock } from '../../agent/base/clock.ts'
import { silentLog } from '../../agent/base/log.ts'
import { keyId, type SignedType, signJson } from '../../agent/base/signing.ts'
import { Cursors } from '../../agent/link/cursors.ts'
import { type NextPlace, Outbox } from '../../agent/link/outbox.ts'
import { ReceivedLog } from '../../agent/link/received.ts'
import { Receiver, type ReceivingMember } from '../../agent/link/receiver.ts'
import { Sender, type SenderOptions, type SenderUplink } from '../../agent/link/sender.ts'
import { sealKeyFromRaw } from '../../agent/summary/seal.ts'
import { asJson } from '../../agent/summary/summary.ts'
import { calmSummary } from '../traffic/summary-source.ts'

/** All of one box that its disk would hold; plain, so that another process can be handed it. */
export interface BoxKeys {
  tenant_id: string
  tenant_uid: string
  appliance_id: string
  /** PKCS #8 and SPKI, base64. */
  identity: string
  spki: string
  certificate: string
  privateKey: string
  queueKey: string
  storeKey: string
}

export interface FleetKeys {
  fleet_uid: string
  ca: string
  sealPrivate: string
  /** base64 of 32 bytes. */
  sealKey: string
  primary: BoxKeys
  sites: BoxKeys[]
}

/** Written for another process. */
export function saveFleet(path: string, fleet: FleetKeys): void {
  writeFileSync(path, JSON.stringify(fleet))
}

export function readFleet(path: string): FleetKeys {
  return JSON.parse(readFileSync(path, 'utf8')) as FleetKeys
}

export function memberOf({ tenant_id, tenant_uid, appliance_id, spki, storeKey }: BoxKeys) {
  const key = createPublicKey({ key: Buffer.from(spki, 'base64'), format: 'der', type: 'spki' })
  const member: ReceivingMember = {
    ...{ tenant_id, tenant_uid, fleet_id: 'acme', appliance_id, spki, storeKey },
    key_id: keyId(key),
    joinedAt: 0,
    revoked: null,
  }
  return member
}

export function signerOf({ identity }: BoxKeys) {
  const key = privateKeyOf(identity)
  return async (type: SignedType, body: Json) => signJson(key, type, body)
}

export function privateKeyOf(base64: string): KeyObject {
  return createPrivateKey({ key: Buffer.from(base64, 'base64'), format: 'der', type: 'pkcs8' })
}

export function uplinkOf(fleet: FleetKeys, site: BoxKeys, url: string): SenderUplink {
  const { certificate, privateKey, tenant_uid } = site
  return {
    ...{ uplink_id: `up-${fleet.primary.tenant_id}`, tenant_uid, url, certificateNotAfter: 0 },
    ...{ ca: fleet.ca, certificate, privateKey, fleet_uid: fleet.fleet_uid },
    receiver: {
      tenant_uid: fleet.primary.tenant_uid,
      appliance_id: fleet.primary.appliance_id,
      site: 'London',
      sealKey: fleet.sealKey,
      spki: fleet.primary.spki,
    },
  }
}

export async function openOutbox(
  folder: string,
  site: BoxKeys,
  { clock = systemClock, uplinks = ['up-london'] }: { clock?: Clock; uplinks?: string[] } = {},
) {
  mkdirSync(folder, { recursive: true })
  const cursors = new Cursors(join(folder, 'uplinks.json'))
  const outbox = await Outbox.open({
    folder: join(folder, 'outbox'),
    cursors,
    tenant_uid: site.tenant_uid,
    key: async () => ({ epoch: 1, key: Buffer.from(site.queueKey, 'base64') }),
    clock,
    log: silentLog,
  })
  cursors.keep(uplinks, outbox.epoch)
  return { outbox, cursors }
}

/** A calm summary at that place, signed. */
export function summaryAt(site: BoxKeys, place: NextPlace, toUs: number) {
  const { tenant_id, tenant_uid, appliance_id } = site
  const who = { tenant_id, tenant_uid, appliance_id, fleet_id: 'acme', site: tenant_id }
  const summary = { ...calmSummary(toUs), ...who, ...place }
  return signJson(privateKeyOf(site.identity), 'summary', asJson(summary))
}

export function makeSender(
  uplink: SenderUplink,
  site: BoxKeys,
  outbox: Outbox,
  options: Partial<SenderOptions> = {},
): Sender {
  return new Sender(uplink, {
    appliance_id: site.appliance_id,
    outbox,
    sign: signerOf(site),
    clock: systemClock,
    log: silentLog,
    messages: { perSecond: 1000, burst: 1000 },
    backOff: { firstMs: 20, mostMs: 100 },
    ...options,
  })
}

const opened: ReceivedLog[] = []

/** Logs of receivers that a test left open, as a crash would. */
export async function closeLogs(): Promise<void> {
  for (const log of opened.splice(0)) await log.close()
}

export async function openReceiver(
  folder: string,
  fleet: FleetKeys,
  options: {
    publish?(topic: string, payload: Buffer): void
    members?: ReceivingMember[]
    messages?: { perSecond: number; burst: number }
    segmentBytes?: number
    clock?: Clock
  } = {},
) {
  mkdirSync(folder, { recursive: true })
  const { segmentBytes } = options
  const log = await ReceivedLog.open({
    folder: join(folder, 'received'),
    log: silentLog,
    ...(segmentBytes ? { segmentBytes } : {}),
  })
  opened.push(log)
  const { primary, fleet_uid } = fleet
  const sealPrivate = privateKeyOf(fleet.sealPrivate)
  const receiver = Receiver.open(
    {
      primary: { ...primary, fleet_uid },
      log,
      snapshotPath: join(folder, 'folds.snapshot'),
      openSeal: async ({ ephemeral }) => ({
        shared: diffieHellman({
          privateKey: sealPrivate,
          publicKey: sealKeyFromRaw(Buffer.from(ephemeral, 'base64')),
        }).toString('base64'),
        receiverKey: fleet.sealKey,
      }),
      sign: signerOf(primary),
      anchors: async () => ({ audit_seq: 1, audit_head: null }),
      publish: options.publish ?? (() => {}),
      changed: () => {},
      clock: options.clock ?? systemClock,
      logger: silentLog,
      messages: options.messages ?? { perSecond: 100_000, burst: 100_000 },
    },
    options.members ?? [primary, ...fleet.sites].map(memberOf),
  )
  return { receiver, log }
}

/** Until it holds, or a failure that says what did not. */
export async function until(what: string, holds: () => boolean, ms = 15_000): Promise<void> {
  const deadline = performance.now() + ms
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`not within ${ms} ms: ${what}`)
    await new Promise((done) => setTimeout(done, 10))
  }
}
