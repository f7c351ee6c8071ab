import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { realDisk } from './disk.ts'
import { makeFolder, sharedMode, writeWhole } from './files.ts'

let root = ''
let umask = 0
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'picket-files-'))
  umask = process.umask(0o077) // as every process of ours has it
})
afterAll(() => {
  process.umask(umask)
  rmSync(root, { recursive: true })
})

const modeOf = (path: string) => statSync(path).mode & 0o7777

/** A folder as systemd-tmpfiles makes them on a box. */
function folder(name: string, mode: number): string {
  const path = join(root, name)
  mkdirSync(path)
  chmodSync(path, mode)
  return path
}

test('below a folder of one user all is for that user alone', async () => {
  const own = folder('own', 0o700)
  makeFolder(own, 'tier1/inner')
  expect([modeOf(join(own, 'tier1')), modeOf(join(own, 'tier1/inner'))]).toEqual([0o700, 0o700])
  const file = await realDisk.create(join(own, 'rows'))
  await file.close()
  realDisk.writeWhole(join(own, 'floor'), '1')
  for (const name of ['rows', 'floor']) expect(modeOf(join(own, name))).toBe(0o600)
})

test('below a folder that several share, folders and files are for its group, whatever the umask', async () => {
  const shared = folder('shared', 0o2770)
  makeFolder(shared, 'uid/tier1')
  // The bit by which the group goes on comes from the kernel.
  for (const name of ['uid', 'uid/tier1']) expect(modeOf(join(shared, name))).toBe(0o2770)
  const file = await realDisk.create(join(shared, 'uid', 'rows'))
  await file.close()
  realDisk.writeWhole(join(shared, 'uid', 'floor'), '1')
  for (const name of ['rows', 'floor']) expect(modeOf(join(shared, 'uid', name))).toBe(0o640)
  expect(process.umask()).toBe(0o077)
})

test('in a folder that all may pass a file is readable by all only where it is asked for', () => {
  const passed = folder('passed', 0o711)
  writeWhole(join(passed, 'root.key'), 'x')
  writeWhole(join(passed, 'public.json'), 'x', sharedMode(passed))
  expect(modeOf(join(passed, 'root.key'))).toBe(0o600)
  expect(modeOf(join(passed, 'public.json'))).toBe(0o644)
})
