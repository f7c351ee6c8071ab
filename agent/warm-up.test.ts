import { readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { warmUpCapture } from '../test/traffic/warm-up/main.ts'
import { openFile } from './capture/file.ts'
import { TRANSACTION_PROTOS } from './decode/records.ts'
import { INSPECTION } from './inspection.ts'
import { Replay } from './replay.ts'
import { WARM_UP_TRAFFIC } from './warm-up.ts'

/** A set that fills: what was in it before is not found again. Literals that the traffic holds, and one that it is given. */
const RULES = `alert dns any any -> any any (msg:"new name"; dns.query; dataset:set,names,type string; sid:1; rev:1;)
alert tcp any any -> any any (msg:"words"; flow:established; content:"some words of a page"; flowbits:set,page; sid:2; rev:1;)
alert http any any -> any any (msg:"asked after"; flowbits:isset,page; http.uri; content:"x=1"; sid:3; rev:1;)
alert tcp any any -> any any (msg:"of nobody's"; content:"never-said-by-anyone"; sid:4; rev:1;)
alert tcp any any -> any any (msg:"many"; flags:S; threshold:type both, track by_dst, count 3, seconds 600; sid:5; rev:1;)
`
let folder = ''
let rules = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'picket-warm-'))
  rules = join(folder, 'some.rules')
  writeFileSync(rules, RULES)
})
afterAll(() => rm(folder, { recursive: true }))

/** Rows as text, without the ids that are drawn. */
async function rowsOf(warm: boolean): Promise<string[]> {
  const rows: string[] = []
  const textOf = (of: unknown) =>
    JSON.stringify(of, (key, value) => (key === 'event_id' ? undefined : value))
  const replay = new Replay({
    ruleFiles: [rules],
    baselines: false,
    home: ['10.0.0.0/8'],
    inspection: { ...INSPECTION, fold_findings: false },
    onRow: (draft) => void rows.push(textOf(draft)),
  })
  if (warm) await replay.warmUp()
  await replay.read(openFile(WARM_UP_TRAFFIC))
  const { faults, findings, flows } = replay.end()
  return [...rows, textOf({ faults, findings, flows })]
}

test('of what an engine was warmed with nothing is found, counted or remembered', async () => {
  const [cold, warm] = [await rowsOf(false), await rowsOf(true)]
  const sids = new Set(cold.flatMap((row) => [...row.matchAll(/"signature_id":(\d+)/g)].map(([, sid]) => Number(sid)))) // biome-ignore format: one set
  expect([...sids].sort()).toEqual([1, 2, 3, 5])
  expect(warm.length).toBe(cold.length)
  expect(warm).toEqual(cold)
})

test('each protocol that is decoded is spoken in its traffic, and much of it wrongly', async () => {
  const replay = new Replay({ ruleFiles: [], baselines: false, home: ['10.0.0.0/8'] })
  const heard = new Set<string>()
  const all = new Replay({
    ruleFiles: [],
    baselines: false,
    home: ['10.0.0.0/8'],
    onRow: ({ record }) => {
      if (record && 'event_type' in record) heard.add(String(record.event_type))
      if (record && 'app_proto' in record) heard.add(String(record.app_proto))
    },
  })
  await all.read(openFile(WARM_UP_TRAFFIC))
  all.end()
  await replay.read(openFile(WARM_UP_TRAFFIC))
  expect(Object.keys(replay.end().faults).length).toBeGreaterThan(15)
  expect(TRANSACTION_PROTOS.filter((proto) => !heard.has(proto))).toEqual([])
})

test('its traffic is what test/traffic/warm-up makes', () => {
  expect(warmUpCapture().equals(readFileSync(WARM_UP_TRAFFIC))).toBe(true)
})
