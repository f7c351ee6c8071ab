import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { layOut } from '../test/box/recorded-tree.ts'
import { parseConfig } from './base/config.ts'
import { driveNotesFile } from './health/drive-notes.ts'
import { parseSmart } from './health/nvme-smart.ts'
import { machine } from './machine.ts'

test('a recorded machine: profile, what each port does by the configuration, drives; looked at anew after seconds', () => {
  const root = layOut('qemu-q35')
  const data = mkdtempSync(join(tmpdir(), 'picket-machine-'))
  mkdirSync(join(data, 'disks'))
  const network = { management: 'eth0', line: ['eth1', 'eth2'] }
  const config = parseConfig(JSON.stringify({ network, capture: { interfaces: ['line0'] } }), 'x')
  let nowMs = 0
  const look = machine({ data, config, root, steadyMs: () => nowMs })
  const first = look()
  expect(first.profile).toMatchObject({ id: 'qemu-q35', state: 'measured' })
  expect(first.ports.map(({ port, now }) => [port?.name, now])).toEqual([['eth0', 'management'], ['eth1', 'in line']]) // biome-ignore format: one line
  expect([first.drives, first.drivesAt]).toEqual([[], null])

  const drive = parseSmart('nvme0', Buffer.alloc(512))
  const atMs = Date.now()
  writeFileSync(driveNotesFile(data), JSON.stringify({ atMs, drives: [drive] }))
  nowMs = 4_999
  expect(look()).toBe(first)
  nowMs = 5_000
  expect(look()).toMatchObject({ drives: [drive], drivesAt: atMs * 1000 })
  for (const folder of [root, data]) rmSync(folder, { recursive: true })
})
