import { expect, test } from 'vitest'
import { Packet } from '../decode/packet.ts'
import { type Tag, Tags } from './tags.ts'

function packet(flow: number, src: number, dest: number, timeUs = 0): Packet {
  const made = new Packet()
  made.flow = flow
  made.src.set([0, 0, 0xffff, src])
  made.dest.set([0, 0, 0xffff, dest])
  made.timeUs = timeUs
  made.wireBytes = 100
  return made
}

const tag = (over: Partial<Tag>): Tag => ({
  scope: 'session',
  count: 2,
  metric: 'packets',
  side: 'src',
  ...over,
})

test('a session: so many packets of its flow, of no other', () => {
  const tags = new Tags()
  tags.begin([tag({})], packet(7, 1, 2))
  expect(tags.asks(packet(8, 1, 2))).toBe(false)
  const asked = [1, 2, 3].map(() => tags.asks(packet(7, 2, 1)))
  expect(asked).toEqual([true, true, false])
  expect(tags.running).toBe(false)
})

test('a host: what it sends and gets on any flow, for so long or so many bytes', () => {
  const tags = new Tags()
  tags.begin([tag({ scope: 'host', side: 'dst', metric: 'seconds', count: 3 })], packet(-1, 1, 2))
  expect(tags.asks(packet(9, 2, 5, 3e6))).toBe(true)
  expect(tags.asks(packet(9, 1, 5, 3e6))).toBe(false)
  expect(tags.asks(packet(9, 5, 2, 3_000_001))).toBe(false)
  tags.begin([tag({ scope: 'host', metric: 'bytes', count: 150 })], packet(-1, 1, 2))
  expect([1, 2].map(() => tags.asks(packet(3, 1, 9)))).toEqual([true, false])
})

test('a flow that ended is no longer followed, and a flood of tags meets a bound', () => {
  const tags = new Tags()
  tags.begin([tag({})], packet(7, 1, 2))
  tags.ended(7)
  expect(tags.running).toBe(false)
  for (let i = 0; i < 5000; i++) tags.begin([tag({})], packet(i, 1, 2))
  expect(tags.dropped).toBe(5000 - 4096)
})

test('hosts that fell silent do not keep others from being followed', () => {
  const tags = new Tags()
  const ofHost = tag({ scope: 'host', metric: 'seconds', count: 60 })
  for (let i = 0; i < 5000; i++) tags.begin([ofHost], packet(-1, i + 10, 1))
  tags.begin([ofHost], packet(-1, 5, 1, 3600e6))
  expect(tags.asks(packet(-1, 5, 2, 3601e6))).toBe(true)
  expect(tags.dropped).toBe(5001 - 4096)
})
