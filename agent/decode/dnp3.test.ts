import { expect, test } from 'vitest'
import { decodeDnp3, decodeDnp3Link, dnp3FrameBytes } from './dnp3.ts'

const READ = Buffer.from(
  '056414c401006400 67d6 c6c7013c02063c03063c04063c0106 73c0'.replace(/ /g, ''),
  'hex',
)
const RESPONSE = Buffer.from('05640a44000002001288c1cb819002 4f9c'.replace(/ /g, ''), 'hex')

function message(bytes: Buffer, toServer: boolean) {
  const link = decodeDnp3Link(bytes, 0, bytes.length)
  if (typeof link === 'string') return link
  return decodeDnp3(link.data.subarray(1), link, toServer)
}

test('a read of classes', () => {
  expect(message(READ, true)).toMatchObject({
    operation: 'read',
    request: true,
    write: false,
    about: 'group 60 variation 2 and 3 more',
    fields: {
      type: 'request',
      control: { dir: true, pri: true, function_code: 4 },
      src: 100,
      dst: 1,
      application: { function_code: 1, complete: true },
    },
    fault: undefined,
  })
})

test('an answer and its indications', () => {
  expect(message(RESPONSE, false)).toMatchObject({
    operation: 'response',
    request: false,
    fields: { iin: { indicators: ['device_restart', 'need_time', 'object_unknown'] } },
  })
})

test('a control block names its point', () => {
  const app = Buffer.from('c0050c01170103030164000000640000000a'.replace(/0a$/, '00'), 'hex')
  expect(decodeDnp3(app, { control: 0xc4, dest: 1, src: 2 }, true)).toMatchObject({
    operation: 'direct_operate',
    write: true,
    attackIds: ['T0855'],
    about: 'group 12 variation 1 index 3',
    fields: {
      application: {
        objects: [{ count: 1, points: [{ index: 3, op_type: 3, ontime: 100, offtime: 100 }] }],
      },
    },
  })
})

test('a changed byte is found by the checksums', () => {
  for (let at = 0; at < READ.length; at++) {
    const changed = Buffer.from(READ)
    changed[at] = (changed[at] as number) ^ 0x10
    expect(typeof decodeDnp3Link(changed, 0, changed.length), `byte ${at}`).toBe('string')
  }
})

test('objects that lie about their number leave the operation known', () => {
  const app = Buffer.from('c0020c0128ffff0100', 'hex')
  expect(decodeDnp3(app, { control: 0xc4, dest: 1, src: 2 }, true)).toMatchObject({
    operation: 'write',
    fault: 'truncated',
    fields: { application: { complete: false } },
  })
})

test('how long a frame is is known from its first ten bytes', () => {
  for (let end = 0; end < 10; end++) expect(dnp3FrameBytes(READ, 0, end)).toBe(0)
  expect(dnp3FrameBytes(READ, 0, 10)).toBe(READ.length)
  expect(dnp3FrameBytes(Buffer.from('0565'), 0, 2)).toBe('bad-record')
})
