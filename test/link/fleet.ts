/**
 * A fleet in one process: a CA, a primary that receives, sites that send, each with real keys, certificates, outbox
 * and log. What picket-keys does is done here by its five lines.
 */
import 'reflect-metadata' // wanted by @peculiar/x509 before itself
import {
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  webcrypto,
} from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as x509 from '@peculiar/x509'
import type { Json } from '../../agent/base/canonical.ts'
import { type Clock, systemClock } from '../../agent/base/clock.ts'
import { newUid } from '../../agent/base/ids.ts'
import { silentLog } from '../../agent/base/log.ts'
import { keyId, type SignedType, signJson } from '../../agent/base/signing.ts'
import { Cursors } from '../../agent/link/cursors.ts'
import { type NextPlace, Outbox } from '../../agent/link/outbox.ts'
import { ReceivedLog } from '../../agent/link/received.ts'
import { Receiver, type ReceivingMember } from '../../agent/link/receiver.ts'
import { Sender, type SenderOptions, type SenderUplink } from '../../agent/link/sender.ts'
import { pointOf, sealKeyFromRaw } from '../../agent/summary/seal.ts'
import { asJson } from '../../agent/summary/summary.ts'
import { calmSummary } from '../traffic/summary-source.ts'

const ECDSA = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const DAY_MS = 86_400_000
const { ExtendedKeyUsage, KeyUsageFlags } = x509

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

export class FleetCa {
  readonly fleet_uid = newUid()
  readonly #keys: webcrypto.CryptoKeyPair
  readonly #certificate: x509.X509Certificate

  private constructor(keys: webcrypto.CryptoKeyPair, certificate: x509.X509Certificate) {
    this.#keys = keys
    this.#certificate = certificate
  }

  static async make(): Promise<FleetCa> {
    const keys = (await webcrypto.subtle.generateKey(ECDSA, true, [
      'sign',
      'verify',
    ])) as webcrypto.CryptoKeyPair
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: randomBytes(8).toString('hex'),
      name: 'CN=fleet authority',
      ...lifetime(3650),
      signingAlgorithm: ECDSA,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
      ],
    })
    return new FleetCa(keys, certificate)
  }

  get pem(): string {
    return this.#certificate.toString('pem')
  }

  /** A certificate for clients, for servers too where there are host names, and its key. */
  async issue(
    of: { tenant_uid: string; appliance_id: string },
    { serves = false }: { serves?: boolean } = {},
  ): Promise<{ certificate: string; privateKey: string }> {
    const keys = (await webcrypto.subtle.generateKey(ECDSA, true, [
      'sign',
      'verify',
    ])) as webcrypto.CryptoKeyPair
    const names: x509.JsonGeneralName[] = serves
      ? [
          { type: 'dns', value: 'localhost' },
          { type: 'ip', value: '127.0.0.1' },
        ]
      : []
    const usages = [ExtendedKeyUsage.clientAuth, ...(serves ? [ExtendedKeyUsage.serverAuth] : [])]
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: randomBytes(8).toString('hex'),
      subject: `CN=${of.appliance_id},O=${this.fleet_uid}`,
      issuer: this.#certificate.subject,
      ...lifetime(90),
      signingAlgorithm: ECDSA,
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      extensions: [
        new x509.ExtendedKeyUsageExtension(usages),
        new x509.SubjectAlternativeNameExtension([
          { type: 'url', value: `urn:picket:${of.tenant_uid}:${of.appliance_id}` },
          ...names,
        ]),
      ],
    })
    const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey))
    const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
    return {
      certificate: certificate.toString('pem'),
      privateKey: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    }
  }

  async box(tenant_id: string, options: { serves?: boolean } = {}): Promise<BoxKeys> {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519')
    const who = { tenant_uid: newUid(), appliance_id: newUid() }
    return {
      tenant_id,
      ...who,
      identity: privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64'),
      spki: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
      ...(await this.issue(who, options)),
      queueKey: randomBytes(32).toString('base64'),
      storeKey: randomBytes(32).toString('base64'),
    }
  }
}

function lifetime(days: number): { notBefore: Date; notAfter: Date } {
  const now = Date.now()
  return { notBefore: new Date(now - DAY_MS), notAfter: new Date(now + days * DAY_MS) }
}

export async function makeFleet(
  siteNames: readonly string[],
): Promise<FleetKeys & { ca_: FleetCa }> {
  const ca = await FleetCa.make()
  const { publicKey, privateKey } = generateKeyPairSync('x25519')
  return {
    ca_: ca,
    fleet_uid: ca.fleet_uid,
    ca: ca.pem,
    sealPrivate: privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64'),
    sealKey: pointOf(publicKey).toString('base64'),
    primary: await ca.box('london', { serves: true }),
    sites: await Promise.all(siteNames.map((name) => ca.box(name))),
  }
}

/** Written for another process. */
export function saveFleet(path: string, { ca_, ...fleet }: FleetKeys & { ca_?: FleetCa }): void {
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
