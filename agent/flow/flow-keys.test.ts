import { expect, test } from 'vitest'
import { Packet } from '../decode/packet.ts'
import { FlowKeys } from './flow-keys.ts'

const FLOWS = 20_000
/** How much longer a lookup may take for ends that somebody has chosen: one chain of them all takes hundreds of times as long. */
const LONGER_MAX = 20

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

/** Milliseconds to look up and add the flow of each packet. */
function addAll(packets: readonly Packet[]): number {
  const keys = new FlowKeys(65_536, 0x5eed)
  const start = performance.now()
  for (const [row, packet] of packets.entries()) {
    if (keys.find(packet) !== -1) throw new Error(`row ${row} was there`)
    keys.add(row, packet, true)
  }
  const spent = performance.now() - start
  for (const [row, packet] of packets.entries()) if (keys.find(packet) !== row) throw new Error(`row ${row}`) // biome-ignore format: one line
  return spent
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

test('who chooses addresses and ports cannot aim at one chain', () => {
  const spread = Array.from({ length: FLOWS }, (_, i) =>
    packetOf(Math.imul(i, 0x9e3779b1) >>> 0, i),
  )
  const aimed = Array.from({ length: FLOWS }, (_, i) => packetOf(addressFor(0x1234_5678 ^ i), i))
  addAll(spread)
  expect(addAll(aimed)).toBeLessThan(LONGER_MAX * addAll(spread))
})

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
