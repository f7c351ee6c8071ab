import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parseConfig } from '../base/config.ts'
import { networkFiles } from './networks.ts'

let data = ''
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'picket-networks-'))
  mkdirSync(join(data, 'into'))
})
afterEach(() => rmSync(data, { recursive: true }))

function write(config: object): string[] {
  writeFileSync(join(data, 'config.json'), JSON.stringify(config))
  const program = new URL('./write-networks.ts', import.meta.url).pathname
  const { status, stderr } = spawnSync(process.execPath, [program, '--data', data, '--into', join(data, 'into')], { encoding: 'utf8' }) // biome-ignore format: one line
  expect([status, stderr]).toEqual([0, ''])
  return readdirSync(join(data, 'into')).sort()
}

test('the management port asks for an address, a captured one says nothing, and so do the others', () => {
  const names = write({ capture: { interfaces: ['enp0s3'] }, network: { management: 'enp0s2' } })
  expect(names).toEqual(['10-picket-management.network', '20-picket-capture-enp0s3.network', '30-picket-others.network']) // biome-ignore format: one line
  const read = (name: string) => readFileSync(join(data, 'into', name), 'utf8')
  expect(read('10-picket-management.network')).toMatch(/Name=enp0s2\n\[Network\]\nDHCP=yes/)
  for (const silent of names.slice(1)) expect(read(silent)).toMatch(/DHCP=no\nLinkLocalAddressing=no\nIPv6AcceptRA=no/) // biome-ignore format: one line
})

test('what an earlier configuration left goes, what is not ours stays', () => {
  writeFileSync(join(data, 'into', '50-other.network'), '')
  write({ capture: { interfaces: ['a0', 'b0'] }, network: { management: 'm0' } })
  expect(write({ capture: { interfaces: ['b0'] } })).toEqual(['20-picket-capture-b0.network', '30-picket-others.network', '50-other.network']) // biome-ignore format: one line
})

test('while no port is for management, each that is not captured asks', () => {
  expect(write({ capture: { interfaces: ['b0'] } })).toEqual(['20-picket-capture-b0.network', '30-picket-others.network']) // biome-ignore format: one line
  expect(readFileSync(join(data, 'into', '30-picket-others.network'), 'utf8')).toContain('DHCP=yes')
  expect(readFileSync(join(data, 'into', '20-picket-capture-b0.network'), 'utf8')).toContain('DHCP=no') // biome-ignore format: one line
})

test('a port that is both keeps its address: a box must stay reachable', () => {
  const config = parseConfig('{"capture":{"interfaces":["a0"]},"network":{"management":"a0"}}', 'x')
  expect([...networkFiles(config).keys()]).toEqual(['10-picket-management.network', '30-picket-others.network']) // biome-ignore format: one line
})

test('two ports in the line are a bridge without an address, which receives all that passes', () => {
  const names = write({ capture: { interfaces: ['line0'] }, network: { management: 'a0', line: ['b0', 'c0'] } }) // biome-ignore format: one line
  expect(names).toEqual(['05-picket-line0.netdev', '10-picket-management.network', '15-picket-line-b0.network', '15-picket-line-c0.network', '15-picket-line0.network', '30-picket-others.network']) // biome-ignore format: one line
  const read = (name: string) => readFileSync(join(data, 'into', name), 'utf8')
  expect(read('05-picket-line0.netdev')).toMatch(/Name=line0\nKind=bridge/)
  for (const port of ['b0', 'c0']) expect(read(`15-picket-line-${port}.network`)).toMatch(/DHCP=no[\s\S]*Bridge=line0/) // biome-ignore format: one line
  expect(read('15-picket-line0.network')).toMatch(
    /Promiscuous=yes\n\[Network\]\nDHCP=no\nLinkLocalAddressing=no/,
  )
  expect(write({ capture: { interfaces: ['b0', 'c0'] }, network: { management: 'a0' } })).toEqual(['10-picket-management.network', '20-picket-capture-b0.network', '20-picket-capture-c0.network', '30-picket-others.network']) // biome-ignore format: one line
})

test('a box of two ports, both in the line, is reached over the line itself', () => {
  const names = write({ capture: { interfaces: ['line0'] }, network: { management: 'a0', line: ['a0', 'b0'] } }) // biome-ignore format: one line
  expect(names).toEqual(['05-picket-line0.netdev', '10-picket-management.network', '15-picket-line-a0.network', '15-picket-line-b0.network', '30-picket-others.network']) // biome-ignore format: one line
  expect(readFileSync(join(data, 'into', '10-picket-management.network'), 'utf8')).toMatch(/Name=line0\n\[Link\]\nPromiscuous=yes\n\[Network\]\nDHCP=yes/) // biome-ignore format: one line
})

test('there the wire asks under the MAC address of its port: a server knows the box by it', () => {
  const config = parseConfig('{"network":{"management":"a0","line":["a0","b0"]}}', 'x')
  const mac = (name: string) => (name === 'a0' ? '52:54:00:00:00:0a' : '52:54:00:00:00:0b')
  expect(networkFiles(config, mac).get('10-picket-management.network')).toMatch(/Name=line0\n\[Link\]\nPromiscuous=yes\nMACAddress=52:54:00:00:00:0a\n[\s\S]*ClientIdentifier=mac/) // biome-ignore format: one line
})

test('a name that would be another line is no setting', () => {
  for (const name of ['a0\nb', 'a 0', '*', ''])
    for (const network of [{ management: name }, { line: [name, 'b0'] }])
      expect(() => parseConfig(JSON.stringify({ network }), 'x')).toThrow()
})
