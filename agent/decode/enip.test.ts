import { expect, test } from 'vitest'
import { decodeEnip, enipBytes } from './enip.ts'

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')

/** A message with the header's length filled in. */
function enip(command: number, data: Buffer): Buffer {
  const header = Buffer.alloc(24)
  header.writeUInt16LE(command)
  header.writeUInt16LE(data.length, 2)
  header.writeUInt32LE(7, 4)
  return Buffer.concat([header, data])
}

/** A CIP message of a connection (0xb1) or of none (0xb2). */
function cip(text: string, connected = false): Buffer {
  const data = hex(connected ? `0100${text}` : text)
  const items = hex(
    connected
      ? '000000000000 0200 a1000400 01020304 b100 0000'
      : '000000000000 0200 00000000 b200 0000',
  )
  items.writeUInt16LE(data.length, items.length - 2)
  return enip(connected ? 0x70 : 0x6f, Buffer.concat([items, data]))
}

const decode = (bytes: Buffer, toServer = true) =>
  decodeEnip(bytes, { start: 0, end: bytes.length, toServer })

test('the mode of the controller is changed', () => {
  expect(decode(cip('07 02 208e 2401', true))).toMatchObject({
    operation: 'plc_stop',
    request: true,
    write: true,
    attackIds: ['T0858', 'T0881'],
    about: 'class 142 instance 1',
    fields: { command: 'send_unit_data', session: 7, service: 7 },
    fault: undefined,
  })
})

test('a tag is written, and answered', () => {
  expect(decode(cip('4d 04 9106 6c6576656c31 c400 0100 05000000'))).toMatchObject({
    operation: 'write_tag',
    write: true,
    about: 'level1',
  })
  expect(decode(cip('cd 00 00 00'), false)).toMatchObject({
    request: false,
    write: false,
    fields: { service: 0x4d, general_status: 0 },
  })
})

test('what is wrapped is told: an unconnected send, several services', () => {
  expect(decode(cip('52 02 2006 2401 0a0e 0600 0502 2001 2401 0100 0100'))).toMatchObject({
    operation: 'reset_device',
    attackIds: ['T0816'],
  })
  const several = '0a 02 2002 2401 0200 0600 0c00 0e02 2001 2401 1002 2004 2401'
  expect(decode(cip(several))).toMatchObject({
    operation: 'set_attribute_single',
    fields: { services: ['get_attribute_single', 'set_attribute_single'] },
  })
})

test('services of one class are not those of another', () => {
  expect(decode(cip('54 02 2006 2401'))).toMatchObject({ operation: 'forward_open', write: false })
  expect(decode(cip('4e 02 2006 2401'))).toMatchObject({ operation: 'forward_close' })
})

test('commands without a message, and lengths', () => {
  expect(decode(enip(0x65, hex('01000000')))).toMatchObject({ operation: 'register_session' })
  expect(decode(enip(0x63, Buffer.alloc(0)))).toMatchObject({ operation: 'list_identity' })
  expect(enipBytes(hex('ffff0000'), 0, 4)).toBe('bad-function')
  expect(enipBytes(hex('6500'), 0, 2)).toBe(0)
  expect(decode(cip('07 09 208e'))).toMatchObject({ operation: 'cip', fault: 'truncated' })
})
