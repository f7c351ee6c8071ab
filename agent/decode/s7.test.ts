import { expect, test } from 'vitest'
import { decodeCotp, decodeS7, tpktBytes } from './s7.ts'

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')
const decode = (text: string) => {
  const bytes = hex(text)
  return decodeS7(bytes, { start: 0, end: bytes.length, toServer: true })
}

test('a stop is a change of the mode', () => {
  expect(decode('3201 0000 3500 0010 0000 29 0000000000 09 505f50524f4752414d')).toMatchObject({
    operation: 'plc_stop',
    request: true,
    write: true,
    about: 'P_PROGRAM',
    attackIds: ['T0858', 'T0881'],
    fields: { rosctr: 'job', pdu_reference: 0x3500 },
    fault: undefined,
  })
})

test('a program invocation is told by what it starts', () => {
  expect(
    decode('3201 0000 0001 0014 0000 28 000000000000fd 0000 09 505f50524f4752414d'),
  ).toMatchObject({ operation: 'plc_start', write: true, attackIds: ['T0858'] })
  expect(decode('3201 0000 0001 0010 0000 28 000000000000fd 0000 05 5f494e5345')).toMatchObject({
    operation: 'activate_block',
  })
})

test('a read and a write name their first address', () => {
  expect(decode('3201 0000 0001 000e 0000 04 01 120a10 02 0001 0005 84 000053')).toMatchObject({
    operation: 'read_var',
    write: false,
    about: 'DB 5 address 10.3',
  })
  expect(
    decode('3201 0000 0001 000e 0005 05 01 120a10 02 0001 0000 83 000008 00 04 0008 ff'),
  ).toMatchObject({
    operation: 'write_var',
    write: true,
    about: 'M address 1.0',
    fields: { items: [{ area: 'M', address: '1.0', length: 1 }] },
  })
})

test('answers and userdata are no writes', () => {
  expect(decode('3203 0000 0001 0002 0001 0000 05 01 ff')).toMatchObject({
    operation: 'write_var',
    request: false,
    write: false,
    attackIds: [],
  })
  expect(decode('3207 0000 0000 0008 0008 000112 04 11 44 01 00 ff09000400110000')).toMatchObject({
    operation: 'read_szl',
    request: true,
  })
})

test('a length that disagrees is a fault beside the operation', () => {
  expect(decode('3201 0000 3500 0010 0007 29 0000000000 09 505f50524f4752414d')).toMatchObject({
    operation: 'plc_stop',
    fault: 'bad-length',
  })
})

test('packets, and what is none', () => {
  expect(tpktBytes(hex('0300'), 0, 2)).toBe(0)
  expect(tpktBytes(hex('03000021'), 0, 4)).toBe(33)
  expect(tpktBytes(hex('03000003'), 0, 4)).toBe('bad-length')
  expect(tpktBytes(hex('1603'), 0, 2)).toBe('bad-version')
  expect(decodeCotp(hex('0300000702f080'), 0, 7)).toEqual({ type: 0xf, last: true, at: 7 })
  expect(decodeCotp(hex('0300000703f080'), 0, 7)).toBe('bad-length')
  expect(decode('31')).toBe('bad-protocol-id')
})
