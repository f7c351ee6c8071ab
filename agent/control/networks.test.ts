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

test('a name that would be another line is no setting', () => {
  for (const name of ['a0\nb', 'a 0', '*', ''])
    expect(() => parseConfig(JSON.stringify({ network: { management: name } }), 'x')).toThrow()
})
