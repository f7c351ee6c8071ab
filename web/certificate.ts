/**
 * The certificate of the pages: made here at the first start, signed by itself, so what a person compares with the box's
 * own screen is its fingerprint. Its key belongs to this process alone and opens nothing but its pages. An operator who
 * has a better one puts it in the place of both files.
 */
import 'reflect-metadata' // @peculiar/x509 wants it loaded before itself
import { createPrivateKey, randomBytes, webcrypto, X509Certificate } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import * as x509 from '@peculiar/x509'
import { Failure } from '../agent/base/failure.ts'
import { sharedMode, writeWhole } from '../agent/base/files.ts'

const ECDSA = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
/** Fixed, as a box may not know what day it is when it makes one. */
const NOT_BEFORE = new Date('2020-01-01T00:00:00Z')
const NOT_AFTER = new Date('2049-12-31T00:00:00Z')
const SERIAL_BYTES = 16
const NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

export interface PageCertificate {
  key: string
  cert: string
}

/** That of `<data>/web`, made where there is none. */
export async function pageCertificate(data: string): Promise<PageCertificate> {
  const folder = join(data, 'web')
  const [keyFile, certificateFile] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
  if (!existsSync(certificateFile)) {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const { key, cert } = await make()
    writeWhole(keyFile, key)
    writeWhole(certificateFile, cert, sharedMode(folder)) // last: with it both are there. The console shows it
  }
  const found = { key: readFileSync(keyFile, 'utf8'), cert: readFileSync(certificateFile, 'utf8') }
  if (!fits(found))
    throw new Failure('invalid', `${keyFile} is not the key of ${certificateFile}. Put the right one there, or remove both: new ones are made.`) // biome-ignore format: one line
  return found
}

function fits({ key, cert }: PageCertificate): boolean {
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))
  } catch {
    return false
  }
}

async function make(): Promise<PageCertificate> {
  const keys = await webcrypto.subtle.generateKey(ECDSA, true, ['sign', 'verify'])
  const own = hostname().toLowerCase()
  const names = NAME.test(own) ? [own, `${own}.local`] : []
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: randomBytes(SERIAL_BYTES).toString('hex').replace(/^./, '4'), // positive
    name: new x509.Name([{ O: ['Picket'] }, { CN: [names[0] ?? 'picket'] }]),
    notBefore: NOT_BEFORE,
    notAfter: NOT_AFTER,
    signingAlgorithm: ECDSA,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        ['localhost', ...names].map((value) => ({ type: 'dns', value }) as const),
      ),
    ],
  })
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey))
  const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
  pkcs8.fill(0)
  return {
    key: key.export({ type: 'pkcs8', format: 'pem' }) as string,
    cert: `${certificate.toString('pem')}\n`,
  }
}
