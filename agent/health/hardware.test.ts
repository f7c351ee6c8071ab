import { rmSync } from 'node:fs'
import { afterAll, expect, test } from 'vitest'
import { layOut } from '../../test/box/recorded-tree.ts'
import { shippedProfiles } from '../hardware-on-disk.ts'
import { captureOf, managementOf, viewHardware } from './hardware.ts'
import { isProduct, readProfile } from './hardware-profile.ts'
import { machineFacts } from './machine-facts.ts'

const roots: string[] = []
afterAll(() => {
  for (const root of roots) rmSync(root, { recursive: true })
})
const factsOf = (name: string) => {
  roots.push(layOut(name))
  return machineFacts(roots.at(-1))
}

test('QEMU as it was recorded is its profile, port by port', () => {
  const facts = factsOf('qemu-q35')
  expect(facts).toMatchObject({ vendor: 'QEMU', processors: 2, tpm: 2, watchdogs: ['i6300ESB timer'], serial: ['ttyS0'] }) // biome-ignore format: one line
  expect(facts.nvme).toEqual([{ name: 'nvme0', model: 'QEMU NVMe Ctrl', bytes: 1 << 30, celsius: 50, isTooWarm: false }]) // biome-ignore format: one line
  const view = viewHardware(facts, shippedProfiles())
  expect(view.profile).toMatchObject({ id: 'qemu-q35', state: 'measured' })
  expect(view.differs).toEqual([])
  expect(view.ports.map(({ role, port }) => [role, port?.driver, port?.pci])).toEqual([
    ['management', 'virtio_net', '0000:00:02.0'],
    ['capture', 'e1000e', '0000:00:03.0'],
  ])
  expect([managementOf(view), captureOf(view)]).toEqual(['eth0', ['eth1']])
})

test('what a machine lacks of its profile, and has besides, is said', () => {
  const facts = factsOf('qemu-q35')
  const [first, second] = facts.ports
  if (!first || !second) throw new Error('the tree has two ports')
  const other = { ...facts, tpm: 0, watchdogs: [], nvme: [], ports: [first, { ...second, pci: '0000:00:09.0' }] } // biome-ignore format: one line
  const view = viewHardware(other, shippedProfiles())
  expect(view.differs).toEqual([
    'port 2 (capture) is not there.',
    'eth1 (e1000e) is not in the profile.',
    '0 NVMe disks in place of 1.',
    'There is no TPM: the data disk cannot be bound to this machine.',
    'The watchdog i6300ESB timer is not there: a machine that hangs stays so.',
  ])
  expect(captureOf(view)).toEqual([]) // nothing is captured by a guess
})

test('a machine without a profile has ports without roles, and nothing is captured', () => {
  const view = viewHardware(factsOf('micro-vm'), shippedProfiles())
  expect(view.profile).toBeUndefined()
  expect(view.ports.map(({ role, port }) => [role, port?.name])).toEqual([['spare', 'eth0']])
  expect(view.differs[0]).toMatch(/^No profile is of a machine that does not say what it is/)
})

test('every shipped profile is read, knows one machine, and says whence it is', () => {
  const profiles = shippedProfiles()
  expect(profiles.map(({ id }) => id).sort()).toEqual(['protectli-vp2420', 'protectli-vp46xx', 'qemu-q35']) // biome-ignore format: one line
  for (const { profile } of profiles) {
    expect(profile.ports.filter(({ role }) => role === 'management')).toHaveLength(1)
    if (profile.state === 'untested') expect(profile.source).toMatch(/^https:/)
  }
  const all = (product: string) => profiles.filter(({ profile }) => isProduct(profile.dmi.product, product)).length // biome-ignore format: one line
  expect([all('VP4670'), all('VP4630/VP4650'), all('VP2420'), all('VP24200'), all('VP4680')]).toEqual([1, 1, 1, 0, 0]) // biome-ignore format: one line
})

test('a profile that says more than the schema, or a pattern that is more than one, is refused', () => {
  const [{ profile } = { profile: {} }] = shippedProfiles()
  const text = (change: object) => JSON.stringify({ ...profile, ...change })
  expect(() => readProfile(text({ colour: 'grey' }), 'x')).toThrow(/x: colour/)
  expect(() => readProfile(text({ dmi: { vendor: 'A', product: '(a|b)\\d' } }), 'x')).toThrow(/dmi.product/) // biome-ignore format: one line
  expect(() => readProfile('{', 'x')).toThrow('x is not JSON.')
})
