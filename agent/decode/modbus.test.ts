import { expect, test } from 'vitest'
import { decodeModbus, modbusBytes } from './modbus.ts'

/** Unit 1, transaction 7, the length as it should be. */
function adu(pdu: string): Buffer {
  const body = Buffer.from(`01${pdu}`, 'hex')
  const head = Buffer.from('000700000000', 'hex')
  head.writeUInt16BE(body.length, 4)
  return Buffer.concat([head, body])
}

const request = (pdu: string) => decodeModbus(adu(pdu), { toServer: true })
const response = (pdu: string) => decodeModbus(adu(pdu), { toServer: false })

test.each([
  ['01', 1, { address: 19, quantity: 37, write: false }, '0100130025'],
  ['03', 3, { address: 107, quantity: 3, write: false }, '03006b0003'],
  ['05 on', 5, { address: 172, quantity: 1, values: [1], write: true }, '0500acff00'],
  ['06', 6, { address: 1, values: [3], write: true }, '0600010003'],
  [
    '15',
    15,
    { address: 19, quantity: 10, values: [1, 0, 1, 1, 0, 0, 1, 1, 1, 0] },
    '0f0013000a02cd01',
  ],
  ['16', 16, { address: 1, quantity: 2, values: [10, 258], write: true }, '1000010002 04000a0102'],
  ['22', 22, { address: 4, values: [0xf2, 0x25], write: true }, '16000400f20025'],
  [
    '23',
    23,
    { readAddress: 3, readQuantity: 6, address: 14, values: [255, 255, 255], write: true },
    '170003 0006 000e 0003 06 00ff00ff00ff',
  ],
  ['43', 43, { subFunction: 14, read: [1, 0], write: false }, '2b0e0100'],
  ['8', 8, { subFunction: 0, read: [0xa5, 0x37] }, '080000a537'],
  ['a user function', 90, { read: [1, 2], write: false }, '5a0102'],
])('reads a request of function %s', (_, code, fields, pdu) => {
  expect(request(pdu.replaceAll(' ', ''))).toMatchObject({
    transaction: 7,
    unit: 1,
    function: code,
    toServer: true,
    exception: undefined,
    ...fields,
  })
})

test('reads answers and exceptions', () => {
  expect(response('0304000a0102')).toMatchObject({ read: [0, 10, 1, 2] })
  expect(response('1000010002')).toMatchObject({ address: 1, quantity: 2, write: true })
  expect(response('8302')).toMatchObject({ function: 3, exception: 2 })
})

test.each([
  ['a byte count that is not what the quantity says', '10000100 0203000a0102'],
  ['fewer bytes than the byte count', '100001000204000a'],
  ['more bytes than the function has', '060001000300'],
  ['no registers', '0300010000'],
  ['more registers than an answer can hold', '030001007e'],
  ['a span past the end of the address space', '03ffff0002'],
])('calls %s a bad length', (_, pdu) => {
  expect(request(pdu.replaceAll(' ', ''))).toBe('bad-length')
})

test('names other faults', () => {
  expect(request('0300')).toBe('truncated')
  expect(request('00')).toBe('bad-function')
  expect(request('8302')).toBe('bad-function')
  expect(response('0305000a')).toBe('bad-length')
  const foreign = adu('0300010001')
  foreign[2] = 1
  expect(decodeModbus(foreign, { toServer: true })).toBe('bad-protocol-id')
})

test('says how long an ADU is before it is whole', () => {
  const bytes = adu('0300010001')
  for (let size = 0; size < 6; size++) expect(modbusBytes(bytes, 0, size)).toBe(0)
  expect(modbusBytes(bytes, 0, 6)).toBe(12)
  bytes[4] = 1
  expect(modbusBytes(bytes, 0, 6)).toBe('bad-length')
})
