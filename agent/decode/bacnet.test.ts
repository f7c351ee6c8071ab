import { expect, test } from 'vitest'
import { decodeBacnet, isBacnet } from './bacnet.ts'

/** A message with the length filled in. */
function bacnet(code: number, text: string): Buffer {
  const data = Buffer.from(text.replaceAll(' ', ''), 'hex')
  const head = Buffer.from([0x81, code, 0, 0])
  head.writeUInt16BE(4 + data.length, 2)
  return Buffer.concat([head, data])
}

const decode = (bytes: Buffer) =>
  decodeBacnet(bytes, { start: 0, end: bytes.length, toServer: true })

test('a written property, by its object', () => {
  expect(
    decode(bacnet(0x0a, '0104 00 05 01 0f 0c 00800003 19 55 3e 44 42c80000 3f')),
  ).toMatchObject({
    operation: 'write_property',
    request: true,
    write: true,
    attackIds: ['T0836'],
    about: 'analog value 3, present value',
    fields: { apdu: 'confirmed', invoke_id: 1, service: 15, property: 'present value' },
  })
})

test('a restart, and its acknowledgement', () => {
  expect(decode(bacnet(0x0a, '0104 02 75 09 14 09 00'))).toMatchObject({
    operation: 'reinitialize_device',
    attackIds: ['T0816'],
  })
  expect(decode(bacnet(0x0a, '0100 20 09 14'))).toMatchObject({
    operation: 'reinitialize_device',
    request: false,
    write: false,
    fields: { apdu: 'simple_ack' },
  })
})

test('through routers: networks, and who was first', () => {
  expect(decode(bacnet(0x0b, '0120 ffff 00 ff 1008'))).toMatchObject({
    operation: 'who_is',
    request: true,
    fields: { destination_network: 0xffff },
  })
  expect(decode(bacnet(0x04, '0a000105 bac0 0108 0002 01 07 1000 c4 02000007'))).toMatchObject({
    operation: 'i_am',
    request: false,
    fields: { origin: '10.0.1.5:47808', source_network: 2 },
  })
})

test('a request in segments asks once', () => {
  expect(decode(bacnet(0x0a, '0104 0e 75 09 00 04 10 0c 00800003'))).toMatchObject({
    operation: 'write_property_multiple',
    write: true,
    fields: { segment: 0, more: true },
  })
  expect(decode(bacnet(0x0a, '0104 0a 75 09 01 04 10 aabb'))).toMatchObject({
    operation: 'write_property_multiple',
    request: false,
    write: false,
    fields: { segment: 1, more: false },
  })
})

test('what is none', () => {
  const restart = bacnet(0x0a, '0104 02 75 09 14 09 00')
  expect(isBacnet(restart, false)).toBe(true)
  expect(isBacnet(bacnet(0x0a, '0204 02 75 09 14 09 00'), true)).toBe(false)
  expect(decode(bacnet(0x0a, '0204'))).toBe('bad-version')
  expect(decode(bacnet(0x0a, '0104 02'))).toMatchObject({ fault: 'truncated' })
  expect(decode(bacnet(0x0a, '0104 f0'))).toBe('bad-function')
})

test('a length that lies hides nothing', () => {
  const restart = bacnet(0x0a, '0104 02 75 09 14 09 00')
  restart[3] = 4
  expect(decode(restart)).toMatchObject({ operation: 'reinitialize_device', fault: 'bad-length' })
  expect(isBacnet(restart, true)).toBe(true)
  expect(isBacnet(restart, false)).toBe(false)
})
