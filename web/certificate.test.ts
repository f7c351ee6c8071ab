import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, get } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { pageCertificate } from './certificate.ts'

let data = ''
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'picket-page-'))
})
afterEach(() => rmSync(data, { recursive: true }))

test('made once, kept, and only its owner reads the key', async () => {
  const first = await pageCertificate(data)
  expect(await pageCertificate(data)).toEqual(first)
  expect(statSync(join(data, 'web/key.pem')).mode & 0o777).toBe(0o600)
  const cert = new X509Certificate(first.cert)
  expect(cert.verify(cert.publicKey)).toBe(true)
  expect(cert.ca).toBe(false)
  expect(cert.validFromDate.getUTCFullYear()).toBe(2020) // a box may not know the day
})

test('what a browser is shown has the fingerprint of the file', async () => {
  const server = createServer(await pageCertificate(data), (_, reply) => reply.end('page'))
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  const seen = await new Promise((done, fail) =>
    get({ port, host: '127.0.0.1', rejectUnauthorized: false }, (reply) => {
      done((reply.socket as TLSSocket).getPeerCertificate().fingerprint256)
      reply.resume()
    }).on('error', fail),
  )
  server.close()
  expect(seen).toBe(new X509Certificate(readFileSync(join(data, 'web/certificate.pem'))).fingerprint256) // biome-ignore format: one line
})

test('a key of another certificate, or half a file, is a sentence and not a page without TLS', async () => {
  await pageCertificate(data)
  for (const text of ['-----BEGIN', '']) {
    writeFileSync(join(data, 'web/certificate.pem'), text)
    await expect(pageCertificate(data)).rejects.toThrow(/is not the key of/)
  }
})
