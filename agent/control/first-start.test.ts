import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { layOut } from '../../test/box/recorded-tree.ts'
import { parseSlug } from '../tenancy/tenant.ts'
import { firstNames, giveRoles } from './first-start.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'picket-first-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

test('a box that came with a name takes it', () => {
  writeFileSync(join(folder, 'picket.tenant'), 'cape-town\n')
  writeFileSync(join(folder, 'picket.fleet'), 'harbour')
  expect(firstNames({ CREDENTIALS_DIRECTORY: folder })).toEqual({
    tenant: 'cape-town',
    fleet: 'harbour',
  })
})

test('without one it has a name of its own: the same at each look, another on another machine, and not its id', () => {
  const [one, two] = ['one', 'two'].map((name) => {
    writeFileSync(join(folder, name), `${name === 'one' ? '1' : '2'}`.repeat(32))
    return firstNames({}, join(folder, name)).tenant
  }) as [string, string]
  expect(one).not.toBe(two)
  expect(firstNames({}, join(folder, 'one'))).toEqual({ tenant: one, fleet: undefined })
  expect(one).not.toContain('1111')
  expect(() => parseSlug(one, 'tenant')).not.toThrow()
  expect(() => parseSlug(firstNames({}, join(folder, 'none')).tenant, 'tenant')).not.toThrow()
})

test('the ports of a machine that a profile knows get its roles, once: what somebody chose stays', () => {
  const tree = layOut('qemu-q35')
  const read = () => JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'))
  writeFileSync(join(folder, 'config.json'), '{"web":{"https":true}}')
  giveRoles(folder, tree)
  expect(read()).toEqual({
    web: { https: true },
    capture: { interfaces: ['eth1'] },
    network: { management: 'eth0' },
  })
  writeFileSync(join(folder, 'config.json'), '{"capture":{"interfaces":["mine0"]}}')
  giveRoles(folder, tree)
  expect(read()).toEqual({ capture: { interfaces: ['mine0'] } })
  rmSync(tree, { recursive: true })
})

test('on a machine that no profile knows nothing is captured by a guess', () => {
  const tree = layOut('micro-vm')
  giveRoles(folder, tree)
  expect(existsSync(join(folder, 'config.json'))).toBe(false)
  rmSync(tree, { recursive: true })
})
