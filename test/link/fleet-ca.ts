/** A fleet's CA, its certificates and the keys of its boxes, made when they are needed. */
import 'reflect-metadata' // wanted by @peculiar/x509 before itself
import { createPrivateKey, generateKeyPairSync, randomBytes, webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { newUid } from '../../agent/base/ids.ts'
import { pointOf } from '../../agent/summary/seal.ts'
import type { BoxKeys, FleetKeys } from './fleet.ts'

const ECDSA = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const DAY_MS = 86_400_000
const { ExtendedKeyUsage, KeyUsageFlags } = x509

interface IssueOptions {
  serves?: boolean
  daysAgo?: number
  named?: boolean
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

  /** A certificate for clients, for servers too where there are host names, and its key; made so long ago; `named` by its SAN. */
  async issue(
    of: { tenant_uid: string; appliance_id: string },
    { serves = false, daysAgo = 0, named = true }: IssueOptions = {},
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
      ...lifetime(90, daysAgo),
      signingAlgorithm: ECDSA,
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      extensions: [
        new x509.ExtendedKeyUsageExtension(usages),
        ...(named
          ? [
              new x509.SubjectAlternativeNameExtension([
                { type: 'url', value: `urn:picket:${of.tenant_uid}:${of.appliance_id}` },
                ...names,
              ]),
            ]
          : []),
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

function lifetime(days: number, daysAgo = 0): { notBefore: Date; notAfter: Date } {
  const now = Date.now() - daysAgo * DAY_MS
  return { notBefore: new Date(now - DAY_MS), notAfter: new Date(now + days * DAY_MS) }
}

export async function makeFleet(
  siteNames: readonly string[],
): Promise<{ keys: FleetKeys; ca: FleetCa }> {
  const ca = await FleetCa.make()
  const { publicKey, privateKey } = generateKeyPairSync('x25519')
  const keys: FleetKeys = {
    fleet_uid: ca.fleet_uid,
    ca: ca.pem,
    sealPrivate: privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64'),
    sealKey: pointOf(publicKey).toString('base64'),
    primary: await ca.box('london', { serves: true }),
    sites: await Promise.all(siteNames.map((name) => ca.box(name))),
  }
  return { keys, ca }
}
