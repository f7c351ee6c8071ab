/** Overrides as a site keeps them: with a real picket-keys, through restarts, a torn file and other tenants' files. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { silentLog } from '../../agent/base/log.ts'
import { AgentClient } from '../../agent/control/agent-client.ts'
import { type AgentService, Subscribers, serveAgent } from '../../agent/control/agent-methods.ts'
import type { OverrideAsked } from '../../agent/detect/overrides.ts'
import type { Tenant } from '../../agent/tenancy/tenant.ts'
import { Tuning } from '../../agent/tuning.ts'
import { makeFolder, startBox } from '../breach/box.ts'

let box: Awaited<ReturnType<typeof startBox>>
beforeAll(async () => {
  box = await startBox(await makeFolder())
})
afterAll(async () => {
  await box.close()
  rmSync(box.data, { recursive: true })
})

const ASKED: OverrideAsked = {
  rule_id: 'sid:2010935',
  act: 'suppress',
  where: { side: 'src', address: '10.40.3.17' },
  comment: 'the scanner of the insurer',
}
const pathOf = ({ tenant_uid }: Tenant) => join(box.data, 'agent', tenant_uid, 'overrides.json')

async function tuningOf({ tenant_id, tenant_uid }: Tenant): Promise<Tuning> {
  const { data, clock, agent: keys } = box
  const nowUs = () => clock.nowUs()
  const tuning = new Tuning({ data, tenant_id, tenant_uid, keys, nowUs, log: silentLog })
  await tuning.restore()
  return tuning
}

test('an override is on disk when it is acknowledged, sealed, and there again after a restart', async () => {
  const { alfa } = box.folder
  const first = await tuningOf(alfa)
  const { override_id } = await first.add(ASKED, 'thandi')
  expect(first.overrides.holds('sid:2010935', '10.40.3.17', '10.40.1.1', 0)).toBeDefined()
  const bytes = readFileSync(pathOf(alfa), 'utf8')
  expect(JSON.parse(bytes)).toEqual({ tenant_id: 'alfa', sealed: expect.any(String) })
  for (const word of ['2010935', '10.40.3.17', 'insurer', 'thandi'])
    expect(bytes).not.toContain(word)
  const again = await tuningOf(alfa)
  expect(again.list()).toEqual([expect.objectContaining({ ...ASKED, override_id, by: 'thandi' })])
  await again.remove(override_id)
  expect((await tuningOf(alfa)).list()).toEqual([])
  await expect(again.remove(override_id)).rejects.toThrow('no such override')
})

test('changes asked for at once are all kept', async () => {
  const { alfa } = box.folder
  const tuning = await tuningOf(alfa)
  const ids = [...Array(8).keys()].map((n) =>
    tuning.add({ ...ASKED, rule_id: `sid:${n + 1}` }, 'a'),
  )
  await Promise.all(ids)
  expect(
    (await tuningOf(alfa))
      .list()
      .map(({ rule_id }) => rule_id)
      .sort(),
  ).toEqual([...Array(8).keys()].map((n) => `sid:${n + 1}`))
})

test('a file that does not open, or another tenant’s, is set aside: the site hears everything', async () => {
  const { alfa, zulu } = box.folder
  await (await tuningOf(alfa)).add(ASKED, 'thandi')
  mkdirSync(dirname(pathOf(zulu)), { recursive: true })
  copyFileSync(pathOf(alfa), pathOf(zulu))
  expect((await tuningOf(zulu)).list()).toEqual([])
  expect(existsSync(`${pathOf(zulu)}.unread`)).toBe(true)
  writeFileSync(pathOf(alfa), readFileSync(pathOf(alfa)).subarray(0, 60))
  const tuning = await tuningOf(alfa)
  expect(tuning.list()).toEqual([])
  await tuning.add(ASKED, 'thandi')
  expect((await tuningOf(alfa)).list()).toHaveLength(1)
})

test('when the keys are away a change is refused, and what was in force stays', async () => {
  const { zulu } = box.folder
  const { data, clock } = box
  const keys = {
    ...{ openModel: box.agent.openModel },
    sealModel: async () => Promise.reject(new Error('picket-keys is away')),
  }
  const tuning = new Tuning({ data, ...zulu, keys, nowUs: () => clock.nowUs(), log: silentLog })
  await expect(tuning.add(ASKED, 'thandi')).rejects.toThrow('away')
  expect(tuning.list()).toEqual([])
})

test('a session tunes by picket-keys alone: the line first, by its role, for the tenant whose wire it is', async () => {
  const { alfa } = box.folder
  const tuning = await tuningOf(alfa)
  for (const { override_id } of tuning.list()) await tuning.remove(override_id)
  const service: Partial<AgentService> = {
    tuning: () => ({ tenant_id: 'alfa', overrides: tuning.list() }),
    tune: (override, by) => tuning.add(override, by),
    untune: (override_id) => tuning.remove(override_id),
  }
  const agent = await serveAgent(box.data, service as AgentService, new Subscribers(), silentLog)
  try {
    const { token } = await box.admin('alfa')
    const made = await box.web.tune({ token, override: ASKED })
    await box.web.untune({ token, override_id: made.override_id })
    const gone = box.web.untune({ token, override_id: made.override_id })
    await expect(gone).rejects.toThrow('no such override')
    const { items } = await box.web.auditList({ token })
    const lines = items.filter(({ verb }) => verb.startsWith('rules.')).map(({ verb, subject, outcome }) => `${verb} ${subject} ${outcome}`) // biome-ignore format: one line
    expect(lines.reverse()).toEqual([
      'rules.tuned sid:2010935/src intent',
      'rules.tuned sid:2010935/src done',
      `rules.untuned ${made.override_id} intent`,
      `rules.untuned ${made.override_id} done`,
      `rules.untuned ${made.override_id} intent`,
      `rules.untuned ${made.override_id} failed`,
    ])
    const stranger = await box.admin('zulu')
    const theirs = box.web.tune({ token: stranger.token, override: ASKED })
    await expect(theirs).rejects.toThrow('no such rule in your scope')
    const wide = { token, override: { ...ASKED, rule_id: '*' } }
    await expect(box.web.tune(wide)).rejects.toThrow('rule_id')
    for (const caller of ['web', 'link'] as const) {
      const past = await AgentClient.open(box.data, caller)
      await expect(past.tune(ASKED, 'nobody')).rejects.toThrow()
      past.close()
    }
    expect(tuning.list()).toEqual([])
  } finally {
    await agent.close()
  }
})
