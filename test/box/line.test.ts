/**
 * A box is put in the line from its console, under a real systemd: networkd makes one wire of two ports, the guard blocks
 * there, and what it blocks is stopped on that wire and nothing else. Process 1 and all the rest are of namespaces of their own.
 */
import type { ChildProcess } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Talker, until } from '../traffic/three-networks.ts'
import { lacks, Machine } from './machine.ts'

const NODE = '/opt/picket/node_modules/.bin/node'
const TALKER = '/opt/picket/test/traffic/talker.ts'
const KEYS_CLIENT = '/opt/picket/agent/control/keys-client.ts'
const ATTACKER = '10.8.0.66'
const OTHER = '10.8.0.67'
const HOUSE = '10.8.1.20'
const WAIT_MS_MAX = 30_000
const why = lacks()
if (why) process.stderr.write(`a box in the line is skipped: ${why}\n`)

describe.skipIf(why)('a box that is put in the line at its console', () => {
  let machine: Machine
  let heard: Talker
  let calm: Talker
  beforeAll(async () => {
    machine = await Machine.boot('picket-agent.service')
    const { err } = machine.run('systemctl', 'start', 'systemd-networkd.service', 'picket-network.path') // biome-ignore format: one line
    expect(err).toBe('')
    heard = talk(machine, 'house', 'tcp-listen', '7000')
    calm = talk(machine, 'house', 'udp-listen', '7001')
    const other = talk(machine, 'street', 'udp-send', HOUSE, '7001', '50', OTHER)
    await soon(() => heard.ready && calm.ready && other.ready, 'all of them run')
  })
  afterAll(() => machine?.close())

  test('is a wire between two ports that were none, without an address, and it is captured', async () => {
    expect(calm.count(OTHER)).toBe(0)
    choose(machine, { line: ['street0', 'house0'] })
    await calm.hears(OTHER)
    expect(machine.run('ip', '-o', 'address', 'show', 'dev', 'line0').out).toBe('')
    await soon(() => `${captured(machine)}` === 'cap0,lan0,line0', 'it is captured beside the others') // biome-ignore format: one line
  })

  test('stops an attacker on the wire by itself, and nobody else', async () => {
    const attacker = talk(machine, 'street', 'tcp-send', HOUSE, '7000', '50', ATTACKER)
    await soon(() => attacker.ready, 'the attacker talks')
    await soon(() => /table bridge picket[\s\S]*10\.8\.0\.66/.test(ruleset(machine)), 'a block')
    await heard.quiet(ATTACKER)
    await calm.hears(OTHER)
    expect(heard.count(ATTACKER)).toBeGreaterThan(0)
    await soon(() => /10\.8\.0\.66[^}]* counter packets [1-9]/.test(ruleset(machine)), 'the kernel counts') // biome-ignore format: one line
  })

  test('goes on as a wire while nothing of Picket runs, and the block stands', async () => {
    const before = heard.count(ATTACKER)
    machine.run('systemctl', 'stop', 'picket-agent.service', 'picket-guard.service')
    await calm.hears(OTHER, 20)
    expect(heard.count(ATTACKER)).toBe(before)
    machine.run('systemctl', 'start', 'picket-guard.service', 'picket-agent.service')
  })

  test('has its own address on the wire where one of the two is its port for management', async () => {
    const mac = /link\/ether (\S+)/.exec(
      machine.run('ip', 'link', 'show', 'dev', 'house0').out,
    )?.[1]
    choose(machine, { management: 'house0' })
    const shown = () => machine.run('ip', '-6', 'address', 'show', 'dev', 'line0').out
    await soon(() => /inet6 fe80::/.test(shown()), 'the wire has an address')
    await soon(() => machine.run('ip', 'link', 'show', 'dev', 'line0').out.includes(`link/ether ${mac}`), 'that of its port') // biome-ignore format: one line
    expect(machine.run('ip', '-o', 'address', 'show', 'dev', 'house0').out).toBe('')
    await calm.hears(OTHER)
  })

  test('is out of it again by the same screen: the two ends do not meet', async () => {
    choose(machine, { line: [] })
    await calm.quiet(OTHER)
    await soon(() => !ruleset(machine).includes('table bridge picket'), 'no table is left')
  })
})

const soon = (is: () => boolean, what: string) => until(is, what, WAIT_MS_MAX)

function talk(machine: Machine, where: string, ...words: string[]): Talker {
  const child: ChildProcess = machine.start('ip', 'netns', 'exec', where, NODE, TALKER, ...words)
  return new Talker(child)
}

const ruleset = (machine: Machine) => machine.run('nft', 'list', 'ruleset').out

function captured(machine: Machine): string[] {
  const { out } = machine.picket('status', '--json')
  const { capture } = JSON.parse(out || '{"capture":{"interfaces":[]}}')
  return capture.interfaces.map(({ name }: { name: string }) => name)
}

/** As the screen does it once somebody typed the code that it shows. */
function choose(machine: Machine, change: object): void {
  const program = `import { keysForConsole } from '${KEYS_CLIENT}'
const keys = keysForConsole('/var/lib/picket')
const { code } = (await keys.consoleState()).code
console.log(await keys.changeBox({ proof: { code }, change: ${JSON.stringify(change)} }))
keys.close()`
  const { code, err } = machine.as('console', NODE, '--input-type=module', '-e', program)
  expect([code, err]).toEqual([0, ''])
}
