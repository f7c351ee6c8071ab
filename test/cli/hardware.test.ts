import { rmSync } from 'node:fs'
import { expect, test } from 'vitest'
import { layOut } from '../box/recorded-tree.ts'
import { picket } from './picket.ts'

test('picket hardware: a recorded machine is told port by port, and as JSON', async () => {
  const root = layOut('qemu-q35')
  const said = await picket(['hardware', '--root', root])
  expect(said.code).toBe(0)
  expect(said.out).toMatch(/^QEMU q35 \(measured; /)
  expect(said.out).toMatch(/port 2 +capture +eth1 +e1000e +52:54:00:00:00:03 +no link/)
  expect(said.out).toContain('as the profile says')
  const view = JSON.parse((await picket(['hardware', '--root', root, '--json'])).out)
  expect(view.profile.id).toBe('qemu-q35')
  rmSync(root, { recursive: true })
})

test('picket hardware on the machine of this test says what it is, or that no profile is of it', async () => {
  const { code, out } = await picket(['hardware'])
  expect(code).toBe(0)
  expect(out).toMatch(/processors, [\d.]+ GiB of memory/)
  expect(out).toMatch(/as the profile says|differs:/)
})
