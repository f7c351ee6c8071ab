import { expect, test } from 'vitest'
import { EPMAPPER, RPC_ASKED, rpcCall, rpcPdu } from '../../test/golden/rpc-messages.ts'
import { RPC_TALK } from '../../test/golden/talks-it.ts'
import { heard, textTalk } from '../../test/traffic/app-talk.ts'

test.each([1e6, 7, 1])('a bind, a login and two calls, in segments of %d bytes', (size) => {
  const { proto, said, faults } = heard(RPC_TALK, size)
  expect([proto, faults]).toEqual(['dcerpc', []])
  const interfaces = [{ contextId: 7, uuid: EPMAPPER, version: '3.0' }]
  expect(said).toMatchObject([
    { dcerpc: { request: 11, response: 12, interfaces, results: [0] } },
    { dcerpc: { request: 16, response: undefined, login: { user: 'anna', host: 'FRONT-DESK' } } },
    {
      dcerpc: {
        request: 0,
        response: 2,
        uuid: EPMAPPER,
        opnum: 3,
        requestFragments: 2,
        requestBytes: 60,
        responseFragments: 2,
        responseBytes: 16,
      },
    },
    { dcerpc: { request: 0, response: 3, opnum: 2, requestBytes: 10_000, status: 5 } },
  ])
})

test('calls without an answer are bounded and handed on', () => {
  const calls = Array.from({ length: 100 }, (_, i) => rpcPdu({ type: 0, callId: i }, rpcCall(1, 4)))
  const turns = calls.map((bytes) => ({ toServer: true, bytes }))
  const { said, faults } = heard({ port: 4000, turns })
  expect([said.length, new Set(faults)]).toEqual([100, new Set(['transactions-full'])])
})

test('what is broken ends it; a greeting of SOCKS is none', () => {
  const [bind] = RPC_ASKED as [Buffer]
  const turns = [bind, Buffer.alloc(20, 9)].map((bytes) => ({ toServer: true, bytes }))
  expect(heard({ port: 135, turns })).toMatchObject({ said: [{}], faults: ['bad-version'] })
  expect(heard(textTalk(1080, '>\x05\x01\x00')).proto).toBe('failed')
})
