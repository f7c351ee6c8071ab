import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { CONSOLE, GROUP_IDS } from './box-folders.ts'
import { command, installed } from './commands/install.ts'
import { systemdUnits } from './systemd.ts'
import { CHILDREN, UNITS } from './units.ts'

const OVERLAY = new URL('../../image/overlay/', import.meta.url).pathname
const EXPOSURE_MAX = 2.0
const options = { node: '/opt/node', data: '/var/lib/picket', programAt: (path: string) => path, isAppliance: false } // biome-ignore format: one line
const files = systemdUnits(options)
const line = (file: string, key: string) =>
  new RegExp(`^${key}=(.*)$`, 'm').exec(files.get(file) ?? '')?.[1]
const analyzer = spawnSync('systemd-analyze', ['--version'])

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'picket-units-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

test('a service for each unit, a socket and its service for each child, and a target that wants them all', () => {
  const services = UNITS.map(({ name }) => `picket-${name}.service`)
  const children = CHILDREN.flatMap(({ name }) => [`picket-${name}.socket`, `picket-${name}@.service`]) // biome-ignore format: one line
  expect([...files.keys()].sort()).toEqual([...services, ...children, 'picket.target'].sort())
  for (const name of services) expect(line('picket.target', 'Wants')).toContain(name)
  for (const { name } of CHILDREN) expect(line('picket.target', 'Wants')).toContain(`picket-${name}.socket`) // biome-ignore format: one line
})

test('each program may do what its row says and nothing else', () => {
  const of = (name: string, key: string) => line(`picket-${name}.service`, key)
  expect(of('agent', 'CapabilityBoundingSet')).toBe('CAP_NET_RAW CAP_NET_ADMIN')
  expect(of('guard', 'CapabilityBoundingSet')).toBe('CAP_NET_ADMIN')
  expect(of('keys', 'CapabilityBoundingSet')).toBe('CAP_KILL')
  for (const name of ['web', 'lake', 'link']) expect(of(name, 'CapabilityBoundingSet')).toBe('')
  for (const name of ['keys', 'lake']) {
    expect(of(name, 'PrivateNetwork')).toBe('yes')
    expect(of(name, 'RestrictAddressFamilies')).toBe('AF_UNIX')
  }
  expect(of('agent', 'RestrictAddressFamilies')).toBe('AF_UNIX AF_NETLINK AF_PACKET')
  expect(of('agent', 'After')).toBe(
    'network.target picket-keys.service picket-guard.service picket-lake.service',
  )
  expect(of('agent', 'ReadWritePaths')).toBe(
    '/var/lib/picket/agent /var/lib/picket/journal /var/lib/picket/ring /var/lib/picket/run/agent',
  )
  expect(of('web', 'ExecStart')).toMatch(
    /^\/opt\/node --disable-proto=delete --disable-sigusr1 \/.*web\/main\.ts --data \/var\/lib\/picket$/,
  )
})

test('every user is one of its own', () => {
  const users = UNITS.map(({ name }) => line(`picket-${name}.service`, 'User'))
  expect(new Set(users).size).toBe(UNITS.length)
  const ids = [...UNITS.map(({ uid }) => uid), CONSOLE.uid, ...Object.values(GROUP_IDS)]
  expect(new Set(ids).size).toBe(ids.length)
  for (const { name } of CHILDREN) expect(line(`picket-${name}@.service`, 'DynamicUser')).toBe('yes') // biome-ignore format: one line
})

test('paths that systemd would read as its own are quoted', () => {
  const odd = systemdUnits({ ...options, data: '/srv/my %data $x' })
  expect(odd.get('picket-web.service')).toContain('--data "/srv/my %%data $$x"')
})

test('the image has these units, users and folders as the table says', () => {
  const differs = [...installed('', true)].filter(([path, text]) => {
    try {
      return readFileSync(join(OVERLAY, path), 'utf8') !== text
    } catch {
      return true
    }
  })
  // picket install --appliance --root image/overlay writes them anew
  expect(differs.map(([path]) => path)).toEqual([])
})

test('ports get their roles by the names that they keep: the first start waits for those', () => {
  const [, init = ''] = [...installed('', true)].find(([path]) => path.endsWith('/picket-init.service')) ?? [] // biome-ignore format: one line
  expect(init.indexOf('udevadm settle')).toBeGreaterThan(0)
  expect(init.indexOf('udevadm settle')).toBeLessThan(init.indexOf('init --appliance'))
})

test('install writes below its root, and systemd finds no fault', async ({ skip }) => {
  await command.run(['--root', folder, '--json'])
  const units = join(folder, 'etc/systemd/system')
  expect(readdirSync(units)).toContain('picket-agent.service')
  expect(readFileSync(join(folder, 'etc/sysusers.d/picket.conf'), 'utf8')).toMatch(
    /^u picket-keys - /,
  )
  if (analyzer.error) skip('systemd-analyze is not installed')
  for (const name of readdirSync(units)) {
    // Users and programs are not there yet: what is judged is the text.
    const path = join(units, name)
    const hides =
      /^(User|Group|SupplementaryGroups|SocketUser|SocketGroup|WantedBy|ReadWritePaths)=.*\n/gm
    writeFileSync(path, readFileSync(path, 'utf8').replace(hides, ''))
  }
  const verify = spawnSync('systemd-analyze', ['verify', '--man=no', join(units, 'picket.target')])
  const faults = verify.stderr
    .toString()
    .split('\n')
    .filter((each) => each.includes('picket'))
  // RestartSteps and RestartMaxDelaySec came with systemd 254; older ones say so and go on.
  expect(faults.filter((each) => !/Restart(Steps|MaxDelaySec)/.test(each))).toEqual([])
})

test('systemd-analyze sees little that any of them could do', ({ skip }) => {
  if (analyzer.error) skip('systemd-analyze is not installed')
  const below = join(folder, 'exposure')
  mkdirSync(below)
  const exposures: [string, number][] = []
  for (const [path, text] of installed('', true)) {
    if (!path.endsWith('.service')) continue
    const unit = join(below, basename(path))
    writeFileSync(unit, text)
    const args = ['security', '--offline=yes', '--no-pager', unit]
    const { stdout } = spawnSync('systemd-analyze', args, { encoding: 'utf8' })
    const [, exposure] = /Overall exposure level for \S+: ([\d.]+)/.exec(stdout) ?? []
    exposures.push([basename(path), Number(exposure)])
  }
  // biome-ignore lint/suspicious/noConsole: the figures are what one runs this for
  console.info(exposures.map(([name, exposure]) => `${exposure} ${name}`).join('\n'))
  expect(exposures.length).toBeGreaterThan(UNITS.length)
  expect(exposures.filter(([, exposure]) => !(exposure <= EXPOSURE_MAX))).toEqual([])
})
