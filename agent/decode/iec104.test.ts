import { expect, test } from 'vitest'
import { apduBytes, decodeApdu } from './iec104.ts'

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')
const decode = (text: string, toServer = true) => {
  const bytes = hex(text)
  return decodeApdu(bytes, { start: 0, end: bytes.length, toServer })
}

test('a command, by its object and state', () => {
  expect(decode('680e 0000 0000 2d 01 06 00 0a00 0c0000 81')).toMatchObject({
    operation: 'single_command',
    write: true,
    attackIds: ['T0855'],
    about: 'station 10 object 12 state 1, select',
    fields: { type_id: 45, cause: 6, common_address: 10, ioa: 12, state: 1, select: true },
  })
  expect(decode('6812 0000 0000 32 01 06 00 0a00 0c0000 00002041 00')).toMatchObject({
    operation: 'set_point_float',
    about: 'station 10 object 12 value 10',
  })
})

test('confirmations and reports are no writes', () => {
  expect(decode('680e 0000 0000 2d 01 47 00 0a00 0c0000 01', false)).toMatchObject({
    request: false,
    write: false,
    attackIds: [],
    fields: { cause: 7, negative: true },
  })
  expect(decode('680e 0000 0000 01 01 14 00 0a00 0c0000 01', false)).toMatchObject({
    operation: 'single_point',
    request: false,
  })
})

test('a deactivation asks, and changes nothing', () => {
  expect(decode('680e 0000 0000 2d 01 08 00 0a00 0c0000 01')).toMatchObject({
    request: true,
    write: false,
  })
})

test('the formats without data', () => {
  expect(decode('680407000000')).toMatchObject({ operation: 'startdt_act', request: true })
  expect(decode('680443000000')).toMatchObject({ operation: 'testfr_act', fields: { apci: 'U' } })
  expect(decode('680401000a00')).toMatchObject({ operation: 'acknowledge', request: false })
  expect(decode('680405000000')).toBe('bad-record')
})

test('lengths', () => {
  expect(apduBytes(hex('68'), 0, 1)).toBe(0)
  expect(apduBytes(hex('6803'), 0, 2)).toBe('bad-length')
  expect(apduBytes(hex('68fe'), 0, 2)).toBe('bad-length')
  expect(decode('6804070000')).toBe('truncated')
  expect(decode('680a 0000 0000 2d 01 06 00 0a00')).toMatchObject({ fault: 'truncated' })
})
