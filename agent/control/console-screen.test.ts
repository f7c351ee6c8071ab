import { rmSync } from 'node:fs'
import { expect, test } from 'vitest'
import { layOut } from '../../test/box/recorded-tree.ts'
import { shippedProfiles } from '../hardware-on-disk.ts'
import { viewHardware } from '../health/hardware.ts'
import { machineFacts } from '../health/machine-facts.ts'
import type { SiteStatus } from '../health/status.ts'
import { COLUMNS } from './console-rows.ts'
import { ROWS, type ScreenFacts, screen } from './console-screen.ts'

const tree = layOut('qemu-q35')
const hardware = viewHardware(machineFacts(tree), shippedProfiles())
rmSync(tree, { recursive: true })
const FINGERPRINT = Array.from({ length: 32 }, (_, i) => i.toString(16).padStart(2, '0').toUpperCase()).join(':') // biome-ignore format: one line

const facts: ScreenFacts = {
  nowMs: Date.UTC(2026, 10, 27, 17, 3),
  version: '0.1.0',
  state: {
    ...{ tenant_id: 'box-1', siteName: 'Works north', claimed: false, capture: ['eth1'] },
    ...{ management: 'eth0', line: [], uplinks: 0 },
    code: { code: '7QK2-M0XV-9RTD', expiresAt: Date.UTC(2026, 10, 27, 17, 50) * 1000 },
  },
  status: {
    sentence: 'Works north: nothing found; all traffic seen.',
    states: { blind: null, stale: null, cutOff: null },
    capture: { interfaces: [{ name: 'eth1', frames: 1203, processed: 1203, dropped: 0, bytes: 1, perSecond: [] }] }, // biome-ignore format: one line
    selfTest: { ok: true },
  } as unknown as SiteStatus,
  hardware,
  addresses: new Map([['eth0', ['192.168.1.20', 'fe80::1']]]),
  port: 8443,
  fingerprint: FINGERPRINT,
  disk: { bytes: 64 * 2 ** 30, free: 60 * 2 ** 30 },
  recovery: false,
}

test('the screen of a box that is fine', () => {
  expect(screen(facts).join('\n')).toMatchInlineSnapshot(`
    "Picket 0.1.0  Works north                                   2026-11-27 17:03 UTC
    --------------------------------------------------------------------------------
    Works north: nothing found; all traffic seen.

    pages        https://192.168.1.20:8443/
    certificate  00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:
      (SHA-256)  10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F
    claim code   7QK2-M0XV-9RTD  until 17:50; type it at /first
    capture      self-test found; eth1 1203 frames
    uplink       none: this site stands alone
    disk         4.0 of 64.0 GiB used
    hardware     QEMU q35 (measured)

     1  port 1  eth0  management  no link  192.168.1.20
     2  port 2  eth1  capture     no link  52:54:00:00:00:03
    --------------------------------------------------------------------------------
    1 ports   2 name   Enter shows this anew"
  `)
})

const state = facts.state as NonNullable<ScreenFacts['state']>
const status = facts.status as SiteStatus

/** So many words, each of which shows where it begins and ends. */
const words = (count: number) =>
  Array.from({ length: count }, (_, i) => `<${'w'.repeat(i % 9)}${i}>`).join(' ')
const IPV6 = '2001:db81:85a3:1234:5678:8a2e:1370:7334'
const longPorts = Array.from({ length: 16 }, (_, i) => {
  const port = { name: `enp${100 + i}s0f1np123`, mac: '52:54:00:00:00:03', driver: 'e1000e', hasLink: i % 2 === 0 } // biome-ignore format: one line
  return { label: `port ${i} of the lower row`, role: 'spare' as const, port }
})
const names = longPorts.map(({ port }) => port.name)
/** Everything at its longest, all at once. */
const longest: ScreenFacts = {
  ...facts,
  version: '10.20.30-rc.40+20261127.123456',
  state: { ...state, siteName: 'S'.repeat(64), capture: names, management: names[3] ?? null, uplinks: 12 }, // biome-ignore format: one line
  status: {
    sentence: words(90),
    states: { blind: { since: null, because: 'x' }, stale: null, cutOff: { since: null, because: 'x' } }, // biome-ignore format: one line
    capture: { interfaces: names.map((name) => ({ name, frames: 2 ** 53 - 1, dropped: 2 ** 53 - 1 })) }, // biome-ignore format: one line
    selfTest: { ok: false },
  } as unknown as SiteStatus,
  hardware: {
    ...hardware,
    profile: { id: 'x', name: words(20), state: 'untested', source: '' },
    ports: longPorts,
    differs: [words(12), words(12), words(12)],
    facts: { ...hardware.facts, nvme: Array.from({ length: 12 }, (_, i) => ({ name: `nvme${i}`, model: 'm', bytes: 1, celsius: 101, isTooWarm: true })) }, // biome-ignore format: one line
  },
  addresses: new Map(names.map((name) => [name, [IPV6, '255.255.255.255', IPV6]])),
  port: 65_535,
  disk: { bytes: 2 ** 44, free: 1, sealed: false },
  recovery: true,
}

/** What holds of any screen: its size, that no terminal obeys it, and that no word is cut in silence. */
function holds(lines: readonly string[]): void {
  expect(lines.length + 1).toBeLessThanOrEqual(ROWS) // and the prompt
  for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(COLUMNS)
  expect(lines.join('')).toMatch(/^[ -~]*$/)
  const cut = lines.join('\n').match(/<[^>\s]*(?=\s|$)|(?<=\s|^)[^<\s]*>/g) ?? []
  expect(cut.filter((word) => word !== '>' && !word.endsWith('...'))).toEqual([])
}

test('the longest of everything fits, whole or with how many more there are', () => {
  const lines = screen(longest)
  holds(lines)
  const [, pairs = ''] = /certificate {2}([\s\S]*?)\nclaim/.exec(lines.join('\n')) ?? []
  expect(pairs.replace('(SHA-256)', '').replace(/\s/g, '')).toBe(FINGERPRINT)
  expect(lines.join('\n')).toMatchInlineSnapshot(`
    "Picket 10.20.30-rc.40...  SSSSSSSSSSSSSSSSSSSSSSSSSSSSS...  2026-11-27 17:03 UTC
    --------------------------------------------------------------------------------
    <0> <w1> <ww2> <www3> <wwww4> <wwwww5> <wwwwww6> <wwwwwww7> <wwwwwwww8> <9>
    <w10> <ww11> <www12> <wwww13> <wwwww14> <wwwwww15> <wwwwwww16> <wwwwwwww17> <18>
    <w19> <ww20> <www21> <wwww22> <wwwww23> <wwwwww24> <wwwwwww25> <wwwwwwww26> ...
    pages        https://[2001:db81:85a3:1234:5678:8a2e:1370:7334]:65535/
                 https://255.255.255.255:65535/ and 1 more
    certificate  00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:
      (SHA-256)  10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F
    claim code   7QK2-M0XV-9RTD  until 17:50; type it at /first
    capture      BLIND; self-test FAILED; and 16 more
    uplink       12 receivers; cut off
    disk         RECOVERY KEY NOT WRITTEN DOWN: 3 shows it;
                 16384.0 of 16384.0 GiB used, opened by a passphrase; and 12 more
    hardware     <0> <w1> <ww2> <www3> <wwww4> <wwwww5> <wwwwww6> <wwwwwww7>
                 <wwwwwwww8> <9> <w10> <ww11> <www12> <wwww13> ... and 2 more
     1  port 0 of t...  enp100s0f1np123  capture  link     255.255.255.255 +2
     2  port 1 of t...  enp101s0f1np123  capture  no link  255.255.255.255 +2
     3  port 2 of t...  enp102s0f1np123  capture  link     255.255.255.255 +2
     4  port 3 of t...  enp103s0f1np123  capture  no link  255.255.255.255 +2
        and 12 more, which 1 shows
    --------------------------------------------------------------------------------
    1 ports   2 name   3 recovery key   Enter shows this anew"
  `)
})

test('one long thing at a time has the room that the others leave', () => {
  const sentence = words(60)
  const lines = screen({ ...facts, status: { ...status, sentence } })
  holds(lines)
  expect(lines.join(' ')).toContain(sentence)
  const two = screen({ ...facts, addresses: new Map([['eth0', [IPV6, '10.1.2.3']]]) })
  holds(two)
  expect(two.join('\n')).toContain(`https://[${IPV6}]:8443/`)
  expect(two.join('\n')).toContain('https://10.1.2.3:8443/')
  const ports = screen({ ...facts, hardware: { ...hardware, ports: longPorts.slice(0, 7) } })
  holds(ports)
  for (const name of names.slice(0, 7)) expect(ports.join('\n')).toContain(name)
})

test('any length of anything is 80 by 24, and what firmware or people wrote is shown and not obeyed', () => {
  const evil = 'São \u001b[2J\u202e Paulo'
  const unbroken = 'x'.repeat(500)
  holds(screen({ ...facts, state: undefined, status: undefined, fingerprint: undefined, disk: undefined, addresses: new Map() })) // biome-ignore format: one line
  for (let length = 0; length <= 120; length++) {
    const said = length % 3 === 0 ? unbroken.slice(0, length * 4) : words(length)
    const ports = longPorts.slice(0, length % 17)
    holds(
      screen({
        ...longest,
        state: { ...state, siteName: evil + said, capture: names.slice(0, length % 17) },
        status: { ...(longest.status as SiteStatus), sentence: `${evil} ${said}` },
        hardware: { ...longest.hardware, ports, differs: [said, said].slice(0, length % 3) },
        addresses: new Map([[names[3] ?? '', Array.from({ length: length % 5 }, () => IPV6)]]),
      }),
    )
  }
})
