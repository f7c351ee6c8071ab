import { expect, test } from 'vitest'
import { rpcDatagram, SNMP_GET, SNMP_TRAP, TFTP_READ } from '../../test/golden/small-messages.ts'
import { decodeRpcDatagram, looksLikeRpcDatagram } from './dcerpc-udp.ts'
import { decodeSnmp, looksLikeSnmp } from './snmp.ts'
import { decodeTftp } from './tftp.ts'

test('SNMP: who may ask, what is asked, a trap', () => {
  expect([SNMP_GET, SNMP_TRAP].map(looksLikeSnmp)).toEqual([true, true])
  expect(decodeSnmp(SNMP_GET, true)).toMatchObject({
    version: 2,
    community: 'plant',
    pduType: 'get_request',
    vars: ['1.3.6.1.2.1.1.1.0'],
  })
  expect(decodeSnmp(SNMP_TRAP, false)).toMatchObject({
    version: 1,
    pduType: 'trap_v1',
    trapType: 'link_down',
    trapAddress: '10.0.0.9',
    trapOid: '1.3.6.1.4.1.439',
  })
  for (let i = 0; i < SNMP_GET.length; i++) expect(looksLikeSnmp(SNMP_GET.subarray(0, i))).toBe(false) // biome-ignore format: one thought
})

test('TFTP: the file and the mode', () => {
  expect(decodeTftp(TFTP_READ)).toEqual({ packet: 'read', file: 'boot/pxe.cfg', mode: 'octet' })
  const others = ['\0\x03\0\x01data here', '\0\x01name\0nothing\0', '\0\x01name without an end']
  expect(others.map((text) => typeof decodeTftp(Buffer.from(text, 'latin1')))).toEqual(['string', 'string', 'string']) // biome-ignore format: one list
})

test('DCE/RPC over datagrams: what a call is for', () => {
  const bytes = rpcDatagram(0, 7)
  expect(looksLikeRpcDatagram(bytes)).toBe(true)
  expect(looksLikeRpcDatagram(bytes.subarray(0, -1))).toBe(false)
  expect(decodeRpcDatagram(bytes)).toMatchObject({
    uuid: '11111111-1111-1111-1111-111111111111',
    activity: '22222222-2222-2222-2222-222222222222',
    version: 3,
    sequence: 7,
    opnum: 9,
    stub: Buffer.from('stub'),
  })
})
