import { expect, test } from 'vitest'
import { Packet } from '../decode/packet.ts'
import { FlowKeys } from './flow-keys.ts'

const FLOWS = 20_000
/** Of so many in 65,536 chains the longest has six or seven. */
const CHAIN_MAX = 16

function packetOf(address: number, port: number): Packet {
  const packet = new Packet()
  packet.ipVersion = 4
  packet.protocol = 6
  packet.src.set([0, 0, 0xffff, address])
  packet.dest.set([0, 0, 0xffff, 0x0a000001])
  packet.srcPort = port
  packet.destPort = 80
  return packet
}

/** The longest chain once each packet's flow is there, and found. */
function longestOf(packets: readonly Packet[], seed: number): number {
  const keys = new FlowKeys(65_536, seed)
  for (const [row, packet] of packets.entries()) {
    if (keys.find(packet) !== -1) throw new Error(`row ${row} was there`)
    keys.add(row, packet, true)
  }
  for (const [row, packet] of packets.entries()) if (keys.find(packet) !== row) throw new Error(`row ${row}`) // biome-ignore format: one line
  return keys.longestChain()
}

/** The odd number that undoes a multiplication by `odd`. */
function inverse(odd: number): number {
  let found = odd
  for (let i = 0; i < 5; i++) found = Math.imul(found, 2 - Math.imul(odd, found))
  return found
}

/** The address whose contribution to a round of MurmurHash3 is `wanted`: with the port it cancels out whatever the seed. */
function addressFor(wanted: number): number {
  const rotated = Math.imul(wanted, inverse(0x1b873593))
  return Math.imul((rotated >>> 15) | (rotated << 17), inverse(0xcc9e2d51)) >>> 0
}

test.each([0x5eed, 0, 0x7fff_ffff])(
  'who chooses addresses and ports cannot aim at one chain: seed %d',
  (seed) => {
    const aimed = Array.from({ length: FLOWS }, (_, i) => packetOf(addressFor(0x1234_5678 ^ i), i))
    expect(longestOf(aimed, seed)).toBeLessThan(CHAIN_MAX)
  },
)

test.each([0x5eed, 0, 0x7fff_ffff])(
  'nor who chooses the upper bits of the words of an IPv6 address: seed %d',
  (seed) => {
    const upper = Array.from({ length: FLOWS }, (_, i) => {
      const packet = packetOf(0, 40_000)
      packet.ipVersion = 6
      packet.src.set([0x2001_0db8, ((i & 0xff) << 24) >>> 0, ((i >> 8) << 24) >>> 0, 1])
      packet.dest.set([0x2001_0db8, 0, 0, 2])
      return packet
    })
    expect(longestOf(upper, seed)).toBeLessThan(CHAIN_MAX)
  },
)

test('both directions are one flow, and one word apart is another', () => {
  const keys = new FlowKeys(16, 7)
  const there = packetOf(0x0a000002, 40_000)
  expect(keys.find(there)).toBe(-1)
  keys.add(3, there, true)
  const back = new Packet()
  Object.assign(back, { ipVersion: 4, protocol: 6, srcPort: 80, destPort: 40_000 })
  back.src.set(there.dest)
  back.dest.set(there.src)
  expect([keys.find(back), back.toServer]).toEqual([3, false])
  expect([keys.find(there), there.toServer]).toEqual([3, true])
  for (let word = 0; word < 4; word++) {
    const other = packetOf(0x0a000002, 40_000)
    other.src[word] = (other.src[word] as number) ^ 1
    other.ipVersion = word < 3 ? 6 : 4
    expect(keys.find(other)).toBe(-1)
  }
  // The same ends in the mapped form of IPv6 are the same.
  there.ipVersion = 6
  expect(keys.find(there)).toBe(3)
  keys.remove(3)
  expect(keys.find(there)).toBe(-1)
})
