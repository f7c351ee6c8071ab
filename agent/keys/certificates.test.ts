/** Certificates as other software sees them: OpenSSL in a handshake, and its command line. */
import { spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, createServer, type TLSSocket } from 'node:tls'
import { beforeAll, expect, test } from 'vitest'
import { newUid } from '../base/ids.ts'
import {
  type Authority,
  checkAuthority,
  checkLeaf,
  identityUri,
  isDue,
  issue,
  makeAuthority,
  newTlsKey,
} from './certificates.ts'

const nowUs = Date.now() * 1000
const DAY_US = 86_400_000_000
const fleet_uid = newUid()
const server = { fleet_uid, tenant_uid: newUid(), appliance_id: newUid() }
const branch = { fleet_uid, tenant_uid: newUid(), appliance_id: newUid() }
const serverKey = newTlsKey()
const branchKey = newTlsKey()
let authority: Authority
let serverCertificate: string
let branchCertificate: string

beforeAll(async () => {
  authority = await makeAuthority(fleet_uid, nowUs)
  const names = ['localhost', '127.0.0.1', 'london.example']
  serverCertificate = (await issue(authority, server, { spki: serverKey.spki, names, nowUs }))
    .certificate
  branchCertificate = (await issue(authority, branch, { spki: branchKey.spki, nowUs })).certificate
})

/** Both ends' verdicts over a real connection. */
async function shake(client: { cert: string; key: string }): Promise<string> {
  const listener = createServer({
    ...{ ca: authority.certificate, cert: serverCertificate, key: serverKey.privateKey },
    // Looked at here, as Node itself says only that the connection was reset.
    ...{ requestCert: true, rejectUnauthorized: false, minVersion: 'TLSv1.3' },
  })
  const met = once(listener, 'secureConnection') as Promise<[TLSSocket]>
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  const socket = connect({ port, host: '127.0.0.1', ca: authority.certificate, ...client })
  socket.on('error', () => {})
  try {
    const [peer] = await met
    return peer.authorized
      ? String(peer.getPeerCertificate().subjectaltname)
      : String(peer.authorizationError)
  } finally {
    socket.destroy()
    listener.close()
  }
}

test('a leaf opens a mutual TLS connection and names its box', async () => {
  const seen = await shake({ cert: branchCertificate, key: branchKey.privateKey })
  expect(seen).toBe(`URI:${identityUri(branch)}`)
})

test('a leaf of an authority that only looks alike opens nothing', async () => {
  const twin = await makeAuthority(fleet_uid, nowUs)
  const { certificate } = await issue(twin, branch, { spki: branchKey.spki, nowUs })
  expect(await shake({ cert: certificate, key: branchKey.privateKey })).toMatch(
    /CERT|SIGNATURE|VERIFY/,
  )
})

test('a leaf that is over opens nothing', async () => {
  const long = nowUs - 91 * DAY_US
  const { certificate } = await issue(authority, branch, { spki: branchKey.spki, nowUs: long })
  expect(await shake({ cert: certificate, key: branchKey.privateKey })).toBe('CERT_HAS_EXPIRED')
})

test('a name outside the fleet is outside the constraint of its authority', async () => {
  const foreign = { ...branch, fleet_uid: newUid() }
  const { certificate } = await issue(authority, foreign, { spki: branchKey.spki, nowUs })
  expect(await shake({ cert: certificate, key: branchKey.privateKey })).toMatch(
    /PERMITTED_VIOLATION|UNSPECIFIED|VERIFY/,
  )
})

test('openssl verify agrees', (context) => {
  if (spawnSync('openssl', ['version']).status !== 0) return context.skip('there is no openssl')
  const folder = mkdtempSync(join(tmpdir(), 'certificates-'))
  const put = (name: string, pem: string) => {
    writeFileSync(join(folder, name), pem)
    return join(folder, name)
  }
  const ca = put('ca.pem', authority.certificate)
  const verify = (purpose: string, path: string) =>
    String(
      spawnSync('openssl', ['verify', '-x509_strict', '-purpose', purpose, '-CAfile', ca, path])
        .stdout,
    )
  expect(verify('sslclient', put('branch.pem', branchCertificate))).toContain('OK')
  expect(verify('sslserver', put('server.pem', serverCertificate))).toContain('OK')
  expect(verify('sslserver', join(folder, 'branch.pem'))).not.toContain('OK')
})

test('a branch takes a leaf for its own key, its own name and its own fleet only', async () => {
  const expected = { ca: authority.certificate, spki: branchKey.spki, holder: branch, nowUs }
  const notAfter = checkLeaf(branchCertificate, expected)
  expect(notAfter - nowUs).toBeGreaterThan(89 * DAY_US)
  expect(isDue(notAfter, nowUs + 59 * DAY_US)).toBe(false)
  expect(isDue(notAfter, nowUs + 61 * DAY_US)).toBe(true)
  const twin = (await makeAuthority(fleet_uid, nowUs)).certificate
  for (const wrong of [
    { ...expected, spki: newTlsKey().spki },
    { ...expected, holder: server },
    { ...expected, ca: twin },
    { ...expected, nowUs: nowUs + 100 * DAY_US },
  ])
    expect(() => checkLeaf(branchCertificate, wrong)).toThrow('not for this box')
  expect(() => checkLeaf('rubbish', expected)).toThrow('cannot be read')
  checkAuthority(authority.certificate, fleet_uid, nowUs)
  expect(() => checkAuthority(authority.certificate, newUid(), nowUs)).toThrow('not that of')
  expect(() => checkAuthority(branchCertificate, fleet_uid, nowUs)).toThrow('not that of')
})

test('only a P-256 key in its plain form gets a leaf', async () => {
  const der = (key: { export(options: object): unknown }) =>
    (key.export({ type: 'spki', format: 'der' }) as Buffer).toString('base64')
  for (const spki of [
    'AAAA',
    der(generateKeyPairSync('ed25519').publicKey),
    der(generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey),
    `${branchKey.spki.slice(0, -4)}AAAA`,
    `${branchKey.spki}${'A'.repeat(400)}`,
  ])
    await expect(issue(authority, branch, { spki, nowUs })).rejects.toThrow('not a P-256 key')
})
