/** The page of the machine: what it says first, in plain words, and that nothing it was told becomes markup. */
import { expect, test } from 'vitest'
import { Failure } from '../../agent/base/failure.ts'
import { client } from '../../test/browser/story/client.ts'
import { bareMachine, storyMachine, wornMachine } from '../../test/browser/story/machine.ts'
import { TENANT } from '../../test/browser/story/scene.ts'
import type { DriveHealth, MachineView } from '../base/ports.ts'

async function sentence(machine: MachineView): Promise<string> {
  const { get, story } = client('viewer')
  story.ports.site.machine = async () => machine
  const reply = await get('/hardware')
  expect(reply.status).toBe(200)
  return /<h1[^>]*>([^<]*)<\/h1>/.exec(await reply.text())?.[1] ?? ''
}

const calm = storyMachine()
const drive = calm.drives[0] as DriveHealth
const worn = wornMachine()
test.each<[string, MachineView, string]>([
  ['as described, by nobody of us', calm, 'By its name this is a Protectli Vault VP2420; it is as described, and we have not tried one.'], // biome-ignore format: one line
  ['tried', { ...calm, profile: { id: 'q', name: 'QEMU q35', state: 'measured', source: 'x' } }, 'This is a QEMU q35, as its profile says.'], // biome-ignore format: one line
  ['a difference', { ...calm, differs: ['port 2 is not there.', 'x'] }, 'This Protectli Vault VP2420 is not as its profile says: port 2 is not there.'], // biome-ignore format: one line
  ['worn out', { ...calm, drives: [{ ...drive, usedPercent: 100 }], differs: ['x'] }, 'Drive nvme0 has used all of its promised life: have another ready.'], // biome-ignore format: one line
  ['what a drive says, before that', { ...worn, facts: { ...worn.facts, nvme: [] } }, 'Drive nvme0 has little room left for worn cells, is too warm.'], // biome-ignore format: one line
  ['heat of now, before all', worn, 'Drive nvme0 is too warm: 84 °C.'],
  ['nobody described it', bareMachine(), 'Nobody has described this machine yet: choose its ports on its own screen.'], // biome-ignore format: one line
])('%s', async (_, machine, words) => expect(await sentence(machine)).toBe(words))

test('each number of a picture stands in words too, and untested is said plainly', async () => {
  const text = await (await client('viewer').get('/hardware')).text()
  for (const words of ['11 %', 'of its promised life used', '44 °C', '3 of 4 have a link', 'None of us has had this machine in hands', 'link, 2.5 Gbit/s', '57 of 100 °C']) // biome-ignore format: one line
    expect(text).toContain(words)
  expect(text.match(/<li class="linked">/g)).toHaveLength(3)
})

test('what firmware and a drive call themselves is text', async () => {
  const { get, story } = client('viewer')
  const evil = '<script>alert(1)</script>\u202e'
  const nvme = calm.facts.nvme.map((disk) => ({ ...disk, model: evil }))
  const facts = { ...calm.facts, vendor: evil, product: evil, sensors: [{ name: evil, celsius: 1 }], nvme } // biome-ignore format: one line
  story.ports.site.machine = async () => ({ ...calm, facts, differs: [evil] })
  const text = await (await get('/hardware')).text()
  expect(text).toContain('&lt;script&gt;alert')
  expect(text).not.toContain('<script>alert')
  expect(text).not.toContain('\u202e')
})

test('its twin gives the same with the scope that was used; without an agent the page says so', async () => {
  const { get, story } = client('viewer')
  expect(await (await get('/api/hardware')).json()).toEqual({ scope: [TENANT.tenant_id], machine: JSON.parse(JSON.stringify(calm)) }) // biome-ignore format: one line
  story.ports.site.machine = () => Promise.reject(new Failure('unavailable', 'picket-agent does not answer.')) // biome-ignore format: one line
  const reply = await get('/hardware')
  expect(reply.status).toBe(503)
  expect(await reply.text()).toContain('picket-agent does not answer.')
})
