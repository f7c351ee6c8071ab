import { expect, test } from 'vitest'
import { FlowRecorder } from '../../test/traffic/flow-recorder.ts'
import { type Ends, ethernet, tcp, tcpConversation, udp } from '../../test/traffic/frames.ts'
import { parsePrefix } from '../base/address.ts'
import { TCP } from '../decode/packet.ts'
import { type AssetSeen, AssetWatch } from './asset-watch.ts'
import { Assets } from './assets.ts'

const HOME = [parsePrefix('10.0.0.0/8'), parsePrefix('2001:db8::/32')]
const POLL: Ends = { src: '10.0.0.1', dest: '10.0.0.2', srcPort: 40_000, destPort: 502 }

function watched(frames: readonly Uint8Array[], assetsMax = 100) {
  const seen: AssetSeen[] = []
  const assets = new AssetWatch({
    home: HOME,
    assetsMax,
    output: { sighting: (one) => void seen.push(one) },
  })
  const recorder = new FlowRecorder({ assets }).send(frames).end()
  return { seen, assets, recorder }
}

function arp(op: number, mac: string, sender: string, target: string): Buffer {
  const ipHex = (text: string) => Buffer.from(text.split('.').map(Number)).toString('hex')
  const hex = `000108000604000${op}${mac}${ipHex(sender)}000000000000${ipHex(target)}`
  return ethernet(0x0806, Buffer.from(hex, 'hex'))
}

test('a controller serves, a station calls, each said once', () => {
  const { seen } = watched([
    ...tcpConversation(POLL, []),
    ...tcpConversation({ ...POLL, srcPort: 2 }, []),
  ])
  expect(seen.map(({ timeUs, ...rest }) => rest)).toEqual([
    { address: '10.0.0.1' },
    { address: '10.0.0.1', calls: 'TCP/502' },
    { address: '10.0.0.2' },
    { address: '10.0.0.2', serves: 'TCP/502' },
  ])
})

test('an address that never speaks is no asset: a scan makes none', () => {
  const scan = Array.from({ length: 50 }, (_, i) =>
    tcp({ ...POLL, src: '192.0.2.7', dest: `10.0.1.${i}` }, { seq: 1, flags: TCP.SYN }),
  )
  expect(watched(scan).seen).toEqual([])
})

test('addresses outside the home networks, multicast and broadcast are none', () => {
  const { seen } = watched([
    udp({ ...POLL, src: '192.0.2.1', dest: '192.0.2.2' }, 'x'),
    udp({ src: 'ff02::1', dest: '2001:db8::2', srcPort: 1, destPort: 2 }, 'x'),
    udp({ src: '10.0.0.9', dest: '224.0.0.251', srcPort: 1, destPort: 2 }, 'x'),
  ])
  expect(seen.map(({ address }) => address)).toEqual(['10.0.0.9'])
})

test('ARP gives the hardware address; probes and changes', () => {
  const { seen } = watched([
    arp(1, '020000000001', '0.0.0.0', '10.0.0.5'),
    arp(2, '020000000001', '10.0.0.5', '10.0.0.6'),
    arp(1, '020000000001', '10.0.0.5', '10.0.0.7'),
    arp(2, '0200000000ee', '10.0.0.5', '10.0.0.6'),
  ])
  const inventory = new Assets()
  const drafts = seen.flatMap((one) => inventory.see(one))
  expect(drafts.map(({ action, message }) => [action, message])).toEqual([
    ['new', 'A device was seen for the first time: 10.0.0.5.'],
    ['mac', '10.0.0.5 has the hardware address 02:00:00:00:00:01.'],
    ['mac-changed', '10.0.0.5 now answers from the hardware address 02:00:00:00:00:ee.'],
  ])
})

test('the inventory of two shards', () => {
  const inventory = new Assets()
  const first = inventory.see({ address: '10.0.0.2', timeUs: 5, serves: 'TCP/502' })
  expect(first.map(({ kind, action, host }) => [kind, action, host])).toEqual([
    ['asset', 'new', '10.0.0.2'],
    ['asset', 'service', '10.0.0.2'],
  ])
  expect(inventory.see({ address: '10.0.0.2', timeUs: 3 })).toEqual([])
  expect(inventory.see({ address: '10.0.0.2', timeUs: 9, calls: 'UDP/53' })).toEqual([])
  expect(inventory.name('10.0.0.2', 'plc-1', 'dns', 10).map(({ host }) => host)).toEqual(['plc-1'])
  expect(inventory.name('10.9.9.9', 'nobody', 'dns', 10)).toEqual([])
  expect(inventory.list()).toEqual([
    {
      address: '10.0.0.2',
      mac: undefined,
      firstUs: 3,
      lastUs: 9,
      names: [{ name: 'plc-1', source: 'dns' }],
      serves: ['TCP/502'],
      calls: ['UDP/53'],
    },
  ])
})

test('bounded: devices past the limit are counted', () => {
  const flood = Array.from({ length: 20 }, (_, i) => udp({ ...POLL, src: `10.1.0.${i}` }, 'x'))
  const { seen, assets } = watched(flood, 5)
  expect([seen.length, assets.refused]).toEqual([5, 15])
  const inventory = new Assets(3)
  for (const one of seen) inventory.see(one)
  expect([inventory.list().length, inventory.refused]).toEqual([3, 2])
})

test('a restart forgets nothing that is put back', () => {
  const inventory = new Assets()
  inventory.see({ address: '10.0.0.2', timeUs: 5 })
  const later = new Assets()
  for (const asset of inventory.list()) later.restore(asset)
  expect(later.see({ address: '10.0.0.2', timeUs: 6 })).toEqual([])
})
