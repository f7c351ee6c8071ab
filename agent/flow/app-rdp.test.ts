import { expect, test } from 'vitest'
import { clientHello } from '../../test/golden/messages.ts'
import {
  rdpChosen,
  rdpClient,
  rdpRefused,
  rdpRequest,
  rdpServer,
} from '../../test/golden/rdp-messages.ts'
import { RDP_TALK, RDP_TLS_TALK } from '../../test/golden/talks-it.ts'
import { heard, textTalk } from '../../test/traffic/app-talk.ts'

test.each([1e6, 7, 1])('the client of RDP in the clear, in segments of %d bytes', (size) => {
  const { proto, said, faults } = heard(RDP_TALK, size)
  expect([proto, faults]).toEqual(['rdp', []])
  const client = { name: 'FRONT-DESK', width: 1920, height: 1080, channels: ['rdpdr', 'cliprdr'] }
  expect(said).toMatchObject([
    { rdp: { cookie: 'anna', protocols: 3, answered: true, selected: 0, client } },
  ])
})

test.each([1e6, 7])("the server's encryption and certificates, in segments of %d bytes", (size) => {
  const der = [Buffer.alloc(40, 1), Buffer.alloc(9, 2)]
  const talk = (answer: Buffer) => ({
    port: 3389,
    turns: [
      { toServer: true, bytes: rdpRequest('anna', 0) },
      { toServer: false, bytes: rdpChosen(0) },
      { toServer: true, bytes: rdpClient('FRONT-DESK', []) },
      { toServer: false, bytes: answer },
    ],
  })
  const server = { method: 2, level: 3, certificateType: 2, temporary: true }
  const certificates = der.map((bytes) => Uint8Array.from(bytes))
  expect(heard(talk(rdpServer(der, true)), size).said).toMatchObject([
    { rdp: { client: { name: 'FRONT-DESK', colours: 0 }, server: { ...server, certificates } } },
  ])
  expect(heard(talk(rdpServer([])), size).said).toMatchObject([
    { rdp: { server: { certificateType: 1, temporary: false, certificates: [] } } },
  ])
})

test('TLS is looked for where it was chosen', () => {
  const hello = { toServer: true, bytes: clientHello('desk.example') }
  const { proto, said } = heard({ ...RDP_TLS_TALK, turns: [...RDP_TLS_TALK.turns, hello] })
  expect(proto).toBe('tls')
  expect(said.map((tx) => tx.proto)).toEqual(['rdp', 'tls', 'tls'])
  expect(said[0]).toMatchObject({ rdp: { cookie: 'bo', selected: 2 } })
})

test('a refusal, no answer, and what only looks like it', () => {
  const ask = { toServer: true, bytes: rdpRequest('anna', 0) }
  const turns = [ask, { toServer: false, bytes: rdpRefused(5) }]
  expect(heard({ port: 4000, turns }).said).toMatchObject([{ rdp: { failure: 5 } }])
  expect(heard({ port: 3389, turns: [ask] }).said).toMatchObject([{ rdp: { answered: false } }])
  expect(heard({ port: 102, turns: [ask] }).proto).not.toBe('rdp')
  const s7 =
    '>\x03\x00\x00\x16\x11\xe0\x00\x00\x00\x01\x00\xc1\x02\x01\x00\xc2\x02\x01\x02\xc0\x01\x0a'
  expect(heard(textTalk(4000, s7)).proto).not.toBe('rdp')
  const broken = [ask, { toServer: false, bytes: Buffer.from('0400000b06d00000000000', 'hex') }]
  expect(heard({ port: 3389, turns: broken }).faults).toEqual(['bad-version'])
})
