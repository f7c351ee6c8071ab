import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { command } from './commands/install.ts'
import { systemdUnits } from './systemd.ts'
import { UNITS } from './units.ts'

const files = systemdUnits(UNITS, { node: '/opt/node', data: '/var/lib/picket', user: 'picket' })

test('a service for each unit, and a target that wants them all', () => {
  expect([...files.keys()].sort()).toEqual(
    [...UNITS.map(({ name }) => `picket-${name}.service`), 'picket.target'].sort(),
  )
  for (const { name } of UNITS)
    expect(files.get('picket.target')).toContain(`picket-${name}.service`)
})

test('each program may do what its row says and nothing else', () => {
  const line = (name: string, key: string) =>
    new RegExp(`^${key}=(.*)$`, 'm').exec(files.get(`picket-${name}.service`) ?? '')?.[1]
  expect(line('agent', 'CapabilityBoundingSet')).toBe('CAP_NET_RAW CAP_NET_ADMIN')
  expect(line('guard', 'CapabilityBoundingSet')).toBe('CAP_NET_ADMIN')
  expect(line('web', 'CapabilityBoundingSet')).toBe('')
  expect(line('lake', 'CapabilityBoundingSet')).toBe('')
  expect(line('link', 'CapabilityBoundingSet')).toBe('')
  expect(line('keys', 'Delegate')).toBe('memory pids')
  expect(line('keys', 'ProtectControlGroups')).toBeUndefined()
  expect(line('lake', 'ProtectControlGroups')).toBe('yes')
  expect(line('keys', 'PrivateNetwork')).toBe('yes')
  expect(line('lake', 'PrivateNetwork')).toBe('yes')
  expect(line('agent', 'After')).toBe(
    'network.target picket-keys.service picket-guard.service picket-lake.service',
  )
  expect(line('web', 'ExecStart')).toMatch(
    /^\/opt\/node --disable-proto=delete --disable-sigusr1 \/.*web\/main\.ts --data \/var\/lib\/picket$/,
  )
})

test('paths that systemd would read as its own are quoted', () => {
  const odd = systemdUnits(UNITS, { node: '/opt/node', data: '/srv/my %data $x', user: 'picket' })
  expect(odd.get('picket-web.service')).toContain('--data "/srv/my %%data $$x"')
})

test('install writes below its root, and systemd finds no fault', async ({ skip }) => {
  const root = mkdtempSync(join(tmpdir(), 'picket-install-'))
  await command.run(['--root', root, '--json'])
  const folder = join(root, 'etc/systemd/system')
  expect(readdirSync(folder)).toContain('picket-agent.service')
  expect(readFileSync(join(root, 'etc/sysusers.d/picket.conf'), 'utf8')).toMatch(/^u picket - /)
  for (const name of readdirSync(folder)) {
    // The user and the programs are not there yet: what is judged is the text.
    const path = join(folder, name)
    const text = readFileSync(path, 'utf8').replace(/^(User|WantedBy|ReadWritePaths)=.*\n/gm, '')
    writeFileSync(path, text)
  }
  const verify = spawnSync('systemd-analyze', ['verify', '--man=no', join(folder, 'picket.target')])
  rmSync(root, { recursive: true })
  if (verify.error) skip('systemd-analyze is not installed')
  const faults = verify.stderr
    .toString()
    .split('\n')
    .filter((line) => line.includes('picket'))
  // RestartSteps and RestartMaxDelaySec came with systemd 254; older ones say so and go on.
  expect(faults.filter((line) => !/Restart(Steps|MaxDelaySec)/.test(line))).toEqual([])
})

test('a user name that would be another line is refused', async () => {
  await expect(command.run(['--root', '/nonexistent', '--user', 'a\nb'])).rejects.toThrow(
    /user name/,
  )
})
