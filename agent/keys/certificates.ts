/**
 * The certificates of a fleet: an authority of its own on the primary, ten years, and leaves of
 * 90 days for the keys that boxes name. A certificate opens a connection; it never says that a summary is true.
 */
import 'reflect-metadata' // @peculiar/x509 wants it loaded before itself
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  webcrypto,
  X509Certificate,
} from 'node:crypto'
import { isIP } from 'node:net'
import * as x509 from '@peculiar/x509'
import { Failure } from '../base/failure.ts'

const DAY_US = 86_400_000_000
export const LEAF_DAYS = 90
const AUTHORITY_DAYS = 3652
/** Clocks of boxes without a time source lag. */
const BACKDATED_US = DAY_US
const SPKI_BYTES_MAX = 128
const PEM_BYTES_MAX = 8192
const ECDSA = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const NAME_CONSTRAINTS = '2.5.29.30'

/** PEM: certificate and PKCS #8. */
export interface Authority {
  certificate: string
  privateKey: string
}

/** Whom a leaf is for. */
export interface Holder {
  fleet_uid: string
  tenant_uid: string
  appliance_id: string
}

export interface Issued {
  certificate: string
  /** Microseconds since 1970. */
  notAfter: number
}

export function identityUri({ tenant_uid, appliance_id }: Omit<Holder, 'fleet_uid'>): string {
  return `urn:picket:${tenant_uid}:${appliance_id}`
}

/** A key for TLS: PKCS #8 PEM, and its public half as base64 SPKI. */
export function newTlsKey(): { privateKey: string; spki: string } {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
  return { privateKey: pem, spki: spkiOf(pem) }
}

/** base64 SPKI of a private key in PEM. */
export function spkiOf(privateKey: string): string {
  return spkiBytes(createPublicKey(createPrivateKey(privateKey))).toString('base64')
}

export async function makeAuthority(fleetUid: string, nowUs: number): Promise<Authority> {
  const keys = await webcrypto.subtle.generateKey(ECDSA, true, ['sign', 'verify'])
  const name = new x509.Name([{ O: [fleetUid] }, { CN: ['Picket fleet authority'] }])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name,
    notBefore: dateOf(nowUs - BACKDATED_US),
    notAfter: dateOf(nowUs + AUTHORITY_DAYS * DAY_US),
    signingAlgorithm: ECDSA,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      new x509.Extension(NAME_CONSTRAINTS, true, nameConstraint(fleetUid)),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey))
  const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
  pkcs8.fill(0)
  const privateKey = key.export({ type: 'pkcs8', format: 'pem' }) as string
  return { certificate: `${certificate.toString('pem')}\n`, privateKey }
}

/** What a certificate that is issued then begins with: certificates know seconds. */
export function notBeforeOf(issuedUs: number): number {
  return Math.floor((issuedUs - BACKDATED_US) / 1e6) * 1e6
}

/** A leaf for a bare public key: no request of foreign making is parsed. With `names` it may also serve. */
export async function issue(
  authority: Authority,
  holder: Holder,
  { spki, names = [], nowUs }: { spki: string; names?: readonly string[]; nowUs: number },
): Promise<Issued> {
  const der = new Uint8Array(spkiBytes(readTlsKey(spki)))
  const { subtle } = webcrypto
  const publicKey = await subtle.importKey('spki', der, ECDSA, true, ['verify'])
  const ca = new x509.X509Certificate(authority.certificate)
  const pkcs8 = createPrivateKey(authority.privateKey).export({ type: 'pkcs8', format: 'der' })
  const signingKey = await subtle.importKey('pkcs8', pkcs8, ECDSA, false, ['sign'])
  const notAfter = Math.floor((nowUs + LEAF_DAYS * DAY_US) / 1e6) * 1e6 // certificates know seconds
  const usages = [x509.ExtendedKeyUsage.clientAuth]
  if (names.length > 0) usages.push(x509.ExtendedKeyUsage.serverAuth)
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: newSerial(),
    issuer: ca.subjectName,
    // O first: the authority's name constraint is a prefix of every name below it.
    subject: new x509.Name([{ O: [holder.fleet_uid] }, { CN: [holder.appliance_id] }]),
    notBefore: dateOf(notBeforeOf(nowUs)),
    notAfter: dateOf(notAfter),
    signingAlgorithm: ECDSA,
    publicKey,
    signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(usages),
      new x509.SubjectAlternativeNameExtension([
        { type: 'url', value: identityUri(holder) },
        ...names.map((value) => ({ type: isIP(value) ? 'ip' : 'dns', value }) as const),
      ]),
      await x509.AuthorityKeyIdentifierExtension.create(ca.publicKey),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
    ],
  })
  return { certificate: `${certificate.toString('pem')}\n`, notAfter }
}

/** When a leaf ends, having checked that it is for this key and this box, by that authority; else a refusal. */
export function checkLeaf(
  pem: string,
  { ca, spki, holder, nowUs }: { ca: string; spki: string; holder: Holder; nowUs: number },
): number {
  const leaf = readCertificate(pem)
  const authority = readCertificate(ca)
  const notAfter = leaf.validToDate.getTime() * 1000
  const names = (leaf.subjectAltName ?? '').split(', ')
  const fits =
    !leaf.ca &&
    leaf.checkIssued(authority) &&
    leaf.verify(authority.publicKey) &&
    spkiBytes(leaf.publicKey).toString('base64') === spki &&
    names.includes(`URI:${identityUri(holder)}`) &&
    notAfter > nowUs
  if (!fits)
    throw new Failure('refused', 'The certificate is not for this box, or not of its fleet.')
  return notAfter
}

/** The authority of a fleet as a joining box meets it: signed by itself, may issue, carries the fleet's uid. */
export function checkAuthority(pem: string, fleetUid: string, nowUs: number): void {
  const ca = readCertificate(pem)
  const fits =
    ca.ca &&
    ca.checkIssued(ca) &&
    ca.verify(ca.publicKey) &&
    ca.subject.split('\n').includes(`O=${fleetUid}`) &&
    ca.validToDate.getTime() * 1000 > nowUs
  if (!fits)
    throw new Failure('refused', 'The authority that was offered is not that of the fleet.')
}

/** A P-256 key in its plain form; anything else is refused before any library sees it. */
export function readTlsKey(spki: string): KeyObject {
  const der = Buffer.from(spki, 'base64')
  try {
    if (der.length > SPKI_BYTES_MAX) throw new Error('too long')
    const key = createPublicKey({ key: der, format: 'der', type: 'spki' })
    const { namedCurve } = key.asymmetricKeyDetails ?? {}
    if (namedCurve !== 'prime256v1' || spkiBytes(key).toString('base64') !== spki)
      throw new Error('another form')
    return key
  } catch (error) {
    throw new Failure('refused', 'The key for the certificate is not a P-256 key.', {}, error)
  }
}

/** When two thirds of a leaf's life are over it is time for the next. */
export function isDue(notAfter: number, nowUs: number): boolean {
  return nowUs > notAfter - (LEAF_DAYS * DAY_US) / 3
}

function readCertificate(pem: string): X509Certificate {
  try {
    if (pem.length > PEM_BYTES_MAX) throw new Error('too long')
    return new X509Certificate(pem)
  } catch (error) {
    throw new Failure('refused', 'A certificate cannot be read.', {}, error)
  }
}

function spkiBytes(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' })
}

/** Permitted below this authority: names that begin with O = fleet. A thief of one CA key cannot speak for another fleet. */
function nameConstraint(fleetUid: string): Buffer {
  const name = Buffer.from(new x509.Name([{ O: [fleetUid] }]).toArrayBuffer())
  const wrap = (tag: number, content: Buffer) =>
    Buffer.concat([Buffer.from([tag, content.length]), content]) // all below 128 bytes
  return wrap(0x30, wrap(0xa0, wrap(0x30, wrap(0xa4, name))))
}

/** 127 random bits: positive, never zero. */
function newSerial(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] as number) & 0x3f) | 0x40
  return bytes.toString('hex')
}

function dateOf(us: number): Date {
  return new Date(Math.floor(us / 1000))
}
