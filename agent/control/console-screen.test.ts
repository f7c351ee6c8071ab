import { rmSync } from 'node:fs'
import { expect, test } from 'vitest'
import { layOut } from '../../test/box/recorded-tree.ts'
import { shippedProfiles } from '../hardware-on-disk.ts'
import { viewHardware } from '../health/hardware.ts'
import { machineFacts } from '../health/machine-facts.ts'
import type { SiteStatus } from '../health/status.ts'
import { COLUMNS, ROWS, type ScreenFacts, screen } from './console-screen.ts'

const tree = layOut('qemu-q35')
const hardware = viewHardware(machineFacts(tree), shippedProfiles())
rmSync(tree, { recursive: true })
const FINGERPRINT = Array.from({ length: 32 }, (_, i) => i.toString(16).padStart(2, '0').toUpperCase()).join(':') // biome-ignore format: one line

const facts: ScreenFacts = {
  nowMs: Date.UTC(2026, 10, 27, 17, 3),
  version: '0.1.0',
  state: {
    ...{ tenant_id: 'box-1', siteName: 'Works north', claimed: false, capture: ['eth1'] },
    ...{ management: 'eth0', uplinks: 0 },
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

const rowsOf = (lines: readonly string[]) =>
  lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / COLUMNS)), 1) // and the prompt

test('the screen of a box that is fine', () => {
  expect(screen(facts).join('\n')).toMatchInlineSnapshot(`
    "Picket 0.1.0  Works north                                   2026-11-27 17:03 UTC
    --------------------------------------------------------------------------------
    Works north: nothing found; all traffic seen.

    pages        https://192.168.1.20:8443/
    certificate, as the browser must show it (SHA-256):
    00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F
    claim code   7QK2-M0XV-9RTD  until 17:50; type it at /first
    capture      eth1 1203 frames; self-test found
    uplink       none: this site stands alone
    disk         4.0 of 64.0 GiB used
    hardware     QEMU q35 (measured)

     1  port 1          eth0          management  no link  192.168.1.20
     2  port 2          eth1          capture     no link  52:54:00:00:00:03
    --------------------------------------------------------------------------------
    1 ports   2 name   Enter shows this anew"
  `)
})

test('it is 80 by 24 whatever is in it, and no terminal obeys it', () => {
  const long = 'x'.repeat(500)
  const many = Array.from({ length: 16 }, (_, i) => ({ label: `port ${i}`, role: 'spare' as const, port: undefined })) // biome-ignore format: one line
  const evil = 'São \u001b[2J\u202e Paulo'
  for (const each of [
    facts,
    { ...facts, state: undefined, status: undefined, fingerprint: undefined, disk: undefined, addresses: new Map() }, // biome-ignore format: one line
    { ...facts, hardware: { ...hardware, ports: many, differs: [long, long] }, status: { ...(facts.status as SiteStatus), sentence: `${evil} ${long} ${long}` }, state: { ...(facts.state as NonNullable<ScreenFacts['state']>), siteName: evil + long } }, // biome-ignore format: one line
  ] satisfies ScreenFacts[]) {
    const lines = screen(each)
    expect(rowsOf(lines)).toBeLessThanOrEqual(ROWS)
    for (const line of lines)
      if (line !== FINGERPRINT) expect(line.length).toBeLessThanOrEqual(COLUMNS)
    expect(lines.join('')).toMatch(/^[ -~]*$/)
  }
})
