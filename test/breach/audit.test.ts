/** Attempts on the layer `audit`, on the trail that a real picket-keys wrote. What needs the other side's countersignature waits for the uplink. */
import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, test } from 'vitest'
import { segments } from '../../agent/audit/segment.ts'
import { verifyChain } from '../../agent/audit/verify.ts'
import { silentLog } from '../../agent/base/log.ts'
import { openKeysBox } from '../../agent/control/keys-box.ts'
import { readPublicKeys } from '../../agent/keys/signer.ts'
import { copyOf, type Folder, filesHolding, makeFolder, refusal, startBox } from './box.ts'

const ACT = fileURLToPath(new URL('./keys-act.ts', import.meta.url))
const CANARY = 'canary-host.example'

let folder: Folder
beforeAll(async () => {
  folder = await makeFolder()
  const box = await startBox(folder)
  const { token } = await box.admin()
  for (let i = 0; i < 20; i++)
    await box.web.decide({ token, action_id: `act-${i}`, hash: 'a'.repeat(64), verb: 'approve' })
  await box.web.query({ token, sql: `SELECT * FROM events WHERE host = '${CANARY}'` })
  await box.close()
})

const chainOf = (data: string) => segments(join(data, 'audit'))[0] as string
const verify = (data: string) =>
  verifyChain(join(data, 'audit'), readPublicKeys(join(data, 'keys')))
function change(by: (lines: string[]) => string[]): string {
  const data = copyOf(folder)
  const lines = readFileSync(chainOf(data), 'utf8').trimEnd().split('\n')
  writeFileSync(chainOf(data), `${by(lines).join('\n')}\n`)
  return data
}

test('control: the trail as it was written is whole', () => {
  expect(verify(folder.data)).toMatchObject({ intact: true })
})

test('audit-01 a word of an old line', async () => {
  const data = change((lines) => lines.map((line) => line.replace('act-3"', 'act-7"')))
  expect(verify(data)).toMatchObject({
    intact: false,
    sentence: expect.stringMatching(/^Line \d+ of chain-0{11}1\.jsonl/),
  })
  const box = await startBox({ ...folder, data })
  expect((await box.cli.auditVerify()).intact).toBe(false) // and it stays said after a start
  expect((await box.cli.auditList({})).intact).toBe(false)
  await box.close()
})

test('audit-03 lines cut before a checkpoint', async () => {
  const data = change((lines) => lines.toSpliced(-10, 9))
  expect(verify(data).intact).toBe(false)
})

test('audit-03 the tail with the last change of accounts cut off', async () => {
  const data = change((lines) =>
    lines.slice(
      0,
      lines.findIndex((line) => line.includes('"user.added"')),
    ),
  )
  expect(verify(data).intact).toBe(true) // the chain alone cannot know
  expect(await refusal(openKeysBox({ data, log: silentLog }))).toMatch(/not what was last signed/)
})

test('audit-04 two lines exchanged', () => {
  const data = change((lines) => {
    const at = lines.findIndex((line) => line.includes('act-5"'))
    return lines.with(at, lines[at + 1] as string).with(at + 1, lines[at] as string)
  })
  expect(verify(data).sentence).toMatch(/has sequence/)
})

test('audit-05 line ends, JSON and escapes in what a caller sends', async () => {
  const data = copyOf(folder)
  const box = await startBox({ ...folder, data })
  const { token } = await box.admin()
  const before = readFileSync(chainOf(data), 'utf8').split('\n').length
  for (const subject of ['x\n{"seq":99}', '\u001b[2J', '"}', '\u202e', 'a\r\nb'])
    expect(await refusal(box.web.audit({ token, verb: 'rules.added', subject }))).toMatch(
      /^invalid: subject/,
    )
  const sql = `SELECT '\n{"actor":"console","seq":1}\n\u001b[31m'`
  await box.web.query({ token, sql })
  await refusal(box.web.login({ name: '\n{"seq":1}', password: 'x', source: '10.0.0.1' }))
  expect(readFileSync(chainOf(data), 'utf8').split('\n').length).toBe(before + 2)
  expect(await box.cli.auditVerify()).toMatchObject({ intact: true })
  await box.close()
})

test('audit-06 kill -9 between line and act: the line is there first', () => {
  let acted = 0
  for (let n = 1; n < 100; n++) {
    const data = copyOf(folder)
    const { signal } = spawnSync(process.execPath, [ACT, data, 'epoch', String(n)])
    const lines = readFileSync(chainOf(data), 'utf8')
    const done = filesHolding(join(data, 'keys'), ['"epoch":2']).length > 0
    if (done) expect(lines).toMatch(/"outcome":"intent".*"verb":"keys.epoch"/)
    acted += done ? 1 : 0
    rmSync(data, { recursive: true })
    if (signal === null) break
  }
  expect(acted).toBeGreaterThan(2)
})

test('audit-07 a clock set back', async () => {
  const data = copyOf(folder)
  const box = await startBox({ ...folder, data })
  box.clock.aheadMs = -365 * 86_400_000
  await box.cli.oneTimeLogin({})
  const { items } = await box.cli.auditList({ limit: 2 })
  expect(items.map(({ verb }) => verb)).toEqual(['session.code-made', 'clock.back'])
  expect(items[1]?.sentence).toMatch(/saw the clock go back by 3153\d{4} s/)
  expect((items[0]?.seq ?? 0) - (items[1]?.seq ?? 0)).toBe(1)
  await box.close()
})

test('audit-08 tenant data in the chain', async () => {
  expect(filesHolding(folder.data, [CANARY])).toEqual([]) // nowhere in plain
  const data = copyOf(folder)
  const box = await startBox({ ...folder, data })
  const { items } = await box.cli.auditList({ limit: 100 })
  const line = items.find(({ verb }) => verb === 'lake.query')
  expect(line?.text).toContain(CANARY) // control: while the tenant's key exists, its people read it
  await box.close()
  expect(filesHolding(join(folder.data, 'audit'), [CANARY, 'SELECT', 'events'])).toEqual([])
})
