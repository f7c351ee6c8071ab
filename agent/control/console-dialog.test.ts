/** What is chosen at the console by number, on a machine with three ports, and what becomes of it in the configuration. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parseConfig } from '../base/config.ts'
import type { HardwareView } from '../health/hardware.ts'
import { choosePorts } from './console-dialog.ts'
import type { BoxChange } from './keys-client.ts'
import { writeConfig } from './keys-methods-console.ts'

const port = (name: string) => ({ label: name, role: 'spare' as const, port: { name, mac: '', driver: 'igc', hasLink: true } }) // biome-ignore format: one line
const hardware = { ports: [port('eth0'), port('eth1'), port('eth2'), { label: 'gone', role: 'spare', port: undefined }] } as unknown as HardwareView // biome-ignore format: one line
const state = { tenant_id: 'box', siteName: 'Works', claimed: false, code: null, capture: [], management: 'eth0', line: [], uplinks: 0 } // biome-ignore format: one line

let data = ''
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'picket-dialog-'))
})
afterEach(() => rmSync(data, { recursive: true }))

/** Answers in the order of the questions, the code last; gives what the configuration then says. */
async function chosen(...answers: string[]) {
  const said: string[] = []
  const left = [...answers, 'the code']
  let change: BoxChange | undefined
  await choosePorts({
    ...{ state, hardware, addresses: new Map(), say: (line: string) => void said.push(line) },
    ask: async () => left.shift(),
    change: async (request) => {
      change = request.change
      writeConfig(data, request.change)
      return { changed: 'it' }
    },
    recoveryShown: async () => ({}),
  })
  return { said, change, config: () => parseConfig(readFileSync(join(data, 'config.json'), 'utf8'), 'config.json') } // biome-ignore format: one line
}

test('two ports are put in the line by number: the box is a bridge there, and captures it', async () => {
  const { said, config } = await chosen('1', '2 3', '')
  expect(said.join('\n')).toMatch(/ 2 {2}eth1 {2}eth1[\s\S]*would be a loop/)
  const { network, capture } = config()
  expect(network).toMatchObject({ management: 'eth0', line: ['eth1', 'eth2'], placement: 'bridge' })
  expect(capture.interfaces).toEqual(['line0']) // each end of it would have half of each connection
})

test('what is in the line stays captured, whatever else is; out of it the box is a tap again', async () => {
  await chosen('1', '2,3', '')
  expect((await chosen('', '', '0')).config().capture.interfaces).toEqual(['line0'])
  expect((await chosen('', '', '3 1')).config().capture.interfaces).toEqual(['eth0', 'line0'])
  const { config } = await chosen('', '0', '3')
  expect(config().network).toMatchObject({ management: 'eth0', placement: 'tap' })
  expect(config().network.line).toBeUndefined()
  expect(config().capture.interfaces).toEqual(['eth2'])
  await chosen('', '2 3', '')
  expect((await chosen('', '0', '')).config().capture.interfaces).toEqual(['eth1', 'eth2'])
})

test('a placement that somebody wrote is not touched by other changes', async () => {
  writeFileSync(join(data, 'config.json'), '{"network": {"placement": "gateway"}}')
  expect((await chosen('1', '0', '2')).config().network.placement).toBe('gateway')
  writeFileSync(join(data, 'config.json'), '{"network": {"placement": "tap", "line": ["eth1", "eth2"]}}') // biome-ignore format: one line
  expect((await chosen('1', '', '')).config().network.placement).toBe('tap')
})

test('one port, three, twice the same, or one that is not there is no line', async () => {
  for (const typed of ['2', '1 2 3', '2 2', '2 4', '2 9', 'x y'])
    await expect(chosen('', typed, '')).rejects.toThrow(/two ports|no port that is there/)
})

test('what was typed is said again in a row, and not as if it were all', async () => {
  const said = chosen('', `2 ${'9'.repeat(90)}`, '')
  await expect(said).rejects.toThrow(`${'9'.repeat(17)}... is no port that is there.`)
})
