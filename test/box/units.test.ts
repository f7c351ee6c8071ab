/**
 * The units under a real systemd: users, capabilities and call filters as the kernel has them, and the whole duty done
 * with no more than that. Process 1 and all the rest are of namespaces of their own.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { UNITS } from '../../agent/control/units.ts'
import { Talker } from '../traffic/three-networks.ts'
import { lacks, Machine } from './machine.ts'

const TALKER = '/opt/picket/test/traffic/talker.ts'
const NODE = '/opt/picket/node_modules/.bin/node'
const DATA = '/var/lib/picket'
const WAIT_MS_MAX = 30_000
const why = lacks()
if (why) process.stderr.write(`the units under systemd are skipped: ${why}\n`)

let machine: Machine

describe.skipIf(why)('the units under systemd', () => {
  beforeAll(async () => {
    machine = await Machine.boot('picket-agent.service')
  })
  afterAll(() => machine?.close())

  test(
    'each process is a user of its own with the capabilities of its row, no new privileges, calls filtered',
    ownUsers,
  )
  test('what is not its own a user can neither read, nor write, nor call', ownFilesAndDoors)
  test(
    'picket-agent captures, picket-guard blocks by itself, and the one who was attacked hears no more',
    capturesAndBlocks,
  )
  test(
    'a question is answered by a cell that systemd started: its own user, no network, nothing of /var but the lake',
    askedInACell,
  )
  test(
    'frames come out of the packet ring by a process that sees nothing but the ring',
    cutFromTheRing,
  )
  test('the console shows a box that nobody claimed, and names it by its code', console_)
  test(
    'an agent that hangs is ended by the watchdog and started anew, and what it did not see is said',
    hangs,
  )
})

function ownUsers(): void {
  const uids = new Set<string>()
  // Each was well at once: none had to be started a second time.
  for (const { name } of UNITS)
    expect([name, machine.property(`picket-${name}.service`, 'NRestarts')]).toEqual([name, '0'])
  for (const { name, capabilities, systemdCapabilities } of UNITS) {
    const pid = machine.property(`picket-${name}.service`, 'MainPID')
    const status = machine.status(pid)
    const bits = bitsOf(systemdCapabilities ?? capabilities ?? [])
    for (const set of ['CapEff', 'CapPrm', 'CapBnd', 'CapAmb'])
      expect([name, set, BigInt(`0x${status[set]}`)]).toEqual([name, set, bits])
    expect([name, status.NoNewPrivs, status.Seccomp]).toEqual([name, '1', '2'])
    uids.add((status.Uid ?? '').split('\t')[0] ?? '')
  }
  expect(uids.size).toBe(UNITS.length)
  expect([...uids]).not.toContain('0')
}

function ownFilesAndDoors(): void {
  const uid = machine.run('ls', `${DATA}/tenants`).out.trim()
  const touched: [user: string, command: string, path: string][] = [
    ['web', 'cat', `${DATA}/keys/root.key`],
    ['agent', 'cat', `${DATA}/platform.db`],
    ['link', 'ls', `${DATA}/journal/${uid}`],
    ['web', 'ls', `${DATA}/tenants/${uid}`],
    ['guard', 'ls', `${DATA}/ring/${uid}`],
    ['agent', 'ls', `${DATA}/guard`],
    ['guard', 'touch', `${DATA}/keys/public.json`],
    ['agent', 'touch', `${DATA}/config.json`],
    ['lake', 'touch', `${DATA}/new`],
    ['keys', 'rm', `-rf ${DATA}/guard`.split(' ')[1] ?? ''],
  ]
  for (const [user, command, path] of touched)
    expect([user, path, machine.as(user, command, path).err]).toEqual([user, path, expect.stringMatching(/denied|not permitted|Is a directory/)]) // biome-ignore format: one line
  expect(machine.as('guard', 'cat', `${DATA}/keys/public.json`).code).toBe(0)
  // A socket is only for the caller whose name its folder has.
  for (const [
    user,
    door,
  ] of [['agent', 'keys/web'], ['web', 'keys/cli'], ['link', 'guard/web'], ['web', 'children']]) // biome-ignore format: one line
    expect(machine.as(user as string, 'ls', `${DATA}/run/${door}`).err).toMatch(/denied/)
}

async function capturesAndBlocks(): Promise<void> {
  const inside = talk('inside', 'tcp-listen', '7000')
  await until('the listener', () => inside.ready)
  const outside = talk('outside', 'tcp-send', '10.9.2.2', '7000', '50')
  await until('the sender', () => outside.ready)
  await until('the block', () => /10\.9\.1\.2/.test(machine.run('nft', 'list', 'ruleset').out))
  await until('the kernel drops', () => packets(machine.run('nft', 'list', 'ruleset').out) > 0)
  await inside.quiet('10.9.1.2', 1000) // twenty more were sent meanwhile
  expect(inside.count('10.9.1.2')).toBeGreaterThan(0)
  for (const talker of [outside, inside]) talker.stop()
  const { capture } = JSON.parse(machine.picket('status', '--json').out)
  const [port] = capture.interfaces
  expect(port.name).toBe('cap0')
  expect(port.processed).toBeGreaterThan(10)
  expect(port.dropped).toBe(0)
}

async function askedInACell(): Promise<void> {
  const sql = "SELECT rule_id FROM events WHERE kind = 'finding' AND rule_id = 'sid:9000001'"
  const ask = () => machine.picket('query', '--scope', tenant(), '--sql', sql, '--json')
  await until('the row', () => /sid:9000001/.test(ask().out))
  const cells = () => machine.run('systemctl', 'list-units', '--plain', '--no-legend', 'picket-cell@*').out.trim().split('\n').filter(Boolean).map((each) => each.split(' ')[0] ?? '') // biome-ignore format: one line
  // The newest waits for a question: the one that answered ends, and one is only on its way to be who it will be.
  let [pid, status] = ['', {} as Record<string, string>]
  const isUp = () => {
    const newest = cells().sort((a, b) => numberOf(a) - numberOf(b)).at(-1) ?? '' // biome-ignore format: one line
    pid = machine.property(newest, 'MainPID')
    status = machine.status(pid)
    const isStarted = !(status.Name ?? '(').startsWith('(') // systemd is still preparing it
    return isStarted && Number((status.Uid ?? '').split('\t')[0]) >= 61_184 // dynamic users
  }
  await until('a cell of a user of its own', isUp)
  expect([status.CapEff, status.NoNewPrivs]).toEqual(['0000000000000000', '1'])
  const links = machine.run('nsenter', '-t', pid, '-n', 'ip', '-o', 'link').out.trim().split('\n')
  expect(links.length).toBe(1)
  expect(links[0]).toContain('lo:')
  expect(machine.run('ls', `/proc/${pid}/root/var/lib/picket`).out.trim()).toBe('tenants')
  expect(machine.run('ls', '-ld', `/proc/${pid}/root/var/lib/picket`).out).toMatch(/root\s+root/)
  // One that takes too much is ended by picket-keys, which is another user: it watches and may.
  const joined = Array.from({ length: 14 }, (_, i) => `events e${i}`).join(', ')
  const greedy = `SELECT count(*) FROM ${joined} WHERE e0.bytes + e5.bytes + e13.bytes > 1e15`
  const { err } = machine.picket('query', '--scope', tenant(), '--sql', greedy, '--json')
  expect(err).toMatch(/more than \d+ (s|MB)/)
  // picket-keys ends one that it does not want any more, and waits for nobody's goodwill: it may end what is another's.
  machine.run('systemctl', 'stop', 'picket-keys.service')
  await until('no cell is left', () => cells().length === 0)
  machine.run('systemctl', 'start', 'picket-keys.service')
}

async function cutFromTheRing(): Promise<void> {
  const taken = () =>
    machine.picket(
      'pcap',
      '--from',
      '2020-01-01T00:00:00Z',
      '--to',
      '2100-01-01T00:00:00Z',
      '--out',
      '/tmp/taken.pcapng',
    )
  await until('frames', () => taken().code === 0)
  expect(machine.run('stat', '-c', '%s', '/tmp/taken.pcapng').out.trim()).toMatch(/^\d{4,}$/)
}

async function console_(): Promise<void> {
  // A terminal whose other end is this program's: what is shown there comes out of it.
  const terminal = machine.start(
    'script',
    '--quiet',
    '--flush',
    '--command',
    'sleep 600',
    '/dev/null',
  )
  let said = ''
  terminal.stdout?.on('data', (chunk) => {
    said += chunk
  })
  const name = () =>
    machine
      .run('ls', '/dev/pts')
      .out.split('\n')
      .find((each) => /^\d+$/.test(each)) ?? ''
  await until('a terminal', () => name() !== '')
  machine.run('systemctl', 'start', `picket-console@pts-${name()}.service`)
  const deadline = performance.now() + WAIT_MS_MAX
  const shown = () => /claim code\s+\S{14}/.test(said) && /cap0 \d+ frames/.test(said)
  while (!shown() && performance.now() < deadline) await new Promise((done) => setTimeout(done, 100)) // biome-ignore format: one line
  expect(said).toMatch(/claim code\s+([0-9A-Z]{4}-){2}[0-9A-Z]{4}/)
  expect(said).toMatch(/cap0 \d+ frames/)
  const code = /claim code\s+(\S{14})/.exec(said)?.[1]
  for (const [typed, then] of [
    ['2', /Name of this site/],
    ['Works north', /to confirm/],
    [code, /Done: name/],
  ] as const) {
    // biome-ignore format: one line
    said = ''
    terminal.stdin?.write(`${typed}\r`)
    await until(String(then), () => then.test(said))
  }
  // The agent starts anew with what was chosen.
  await until('the name', () => /"site":"Works north"/.test(machine.picket('status', '--json').out))
  const pid = machine.property(`picket-console@pts-${name()}.service`, 'MainPID')
  expect(machine.status(pid)).toMatchObject({ CapEff: '0000000000000000', NoNewPrivs: '1', Seccomp: '2' }) // biome-ignore format: one line
  expect(machine.run('ps', '-o', 'user=', '-p', pid).out.trim()).toMatch(/^picket-con/)
  terminal.kill()
}

async function hangs(): Promise<void> {
  await until('it is on duty', () => machine.property('picket-agent.service', 'StatusText') === 'on duty') // biome-ignore format: one line
  const before = machine.property('picket-agent.service', 'MainPID')
  machine.run('kill', '-STOP', before)
  const again = () => {
    const pid = machine.property('picket-agent.service', 'MainPID')
    return pid !== before && pid !== '0' && machine.property('picket-agent.service', 'ActiveState') === 'active' // biome-ignore format: one line
  }
  await until('another agent', again, 60_000)
  for (const wanted of [/Watchdog timeout/, /"blindSeconds":[1-9]/])
    await until(`the journal has ${wanted}`, () => wanted.test(machine.journal('picket-agent.service'))) // biome-ignore format: one line
}

const BITS: Record<string, number> = { kill: 5, net_admin: 12, net_raw: 13 }
const bitsOf = (names: readonly string[]) =>
  names.reduce((all, name) => all | (1n << BigInt(BITS[name] ?? 63)), 0n)

/** Packets that the blocks' counters have. */
const packets = (ruleset: string) =>
  Math.max(0, ...[...ruleset.matchAll(/counter packets (\d+)/g)].map(([, n]) => Number(n)))

const talk = (where: string, ...words: string[]) =>
  new Talker(machine.start('ip', 'netns', 'exec', where, NODE, TALKER, ...words))

/** Of `picket-cell@7-….service`, which connection made it. */
const numberOf = (unit: string) => Number(/@(\d+)/.exec(unit)?.[1] ?? 0)

const tenant = () => String(JSON.parse(machine.picket('status', '--json').out).tenant_id)

async function until(what: string, is: () => boolean, withinMs = WAIT_MS_MAX): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!is()) {
    if (performance.now() > deadline)
      throw new Error(`waited in vain: ${what}\n${machine.journal()}`)
    await new Promise((done) => setTimeout(done, 100))
  }
}
