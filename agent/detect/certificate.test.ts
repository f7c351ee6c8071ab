import { expect, test } from 'vitest'
import { selfSigned } from '../../test/traffic/certificate.ts'
import { readCertificate } from './certificate.ts'

const derOf = (host: string) =>
  Buffer.from(selfSigned(host).cert.replace(/-----.*-----|\n/g, ''), 'base64')

test('what is sent again is read once, and what differs in one byte is another', () => {
  const der = derOf('mail.example.com')
  const first = readCertificate(Uint8Array.from(der))
  expect(first).toMatchObject({ subject: 'CN=mail.example.com', names: ['mail.example.com'] })
  const other = readCertificate(derOf('www.example.com'))
  expect(other?.subject).toBe('CN=www.example.com')
  expect(readCertificate(Uint8Array.from(der))).toBe(first)

  const altered = Uint8Array.from(der)
  altered[altered.length - 1] = (altered.at(-1) as number) ^ 1
  expect(readCertificate(altered)).not.toBe(first)
  expect(readCertificate(altered)?.fingerprint).not.toBe(first?.fingerprint)
})

test('of many, the newest are remembered', () => {
  const garbage = (i: number) => Buffer.alloc(60_000, `${i},`)
  const first = readCertificate(garbage(0))
  expect(first).toMatchObject({ subject: '', fingerprint: expect.stringMatching(/^(..:){19}..$/) })
  for (let i = 1; i < 200; i++) readCertificate(garbage(i)) // more bytes than are kept
  const again = readCertificate(garbage(0))
  expect(again).not.toBe(first)
  expect(again).toEqual(first)
})
