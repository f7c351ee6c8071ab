/** Attempts on the layer `audit`, on the trail that a real picket-keys wrote. */
import { spawnSync } from 'node:child_process'
import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, test } from 'vitest'
import { Chain } from '../../agent/audit/chain.ts'
import { FIRST_PREV, hashOf, lineBytes } from '../../agent/audit/line.ts'
import { segments } from '../../agent/audit/segment.ts'
import { verifyChain } from '../../agent/audit/verify.ts'
import { canonical } from '../../agent/base/canonical.ts'
import { silentLog } from '../../agent/base/log.ts'
import { openKeysBox } from '../../agent/control/keys-box.ts'
import { openFileCustodian } from '../../agent/keys/file-custodian.ts'
import { Keyring } from '../../agent/keys/keyring.ts'
import { readPublicKeys, Signer } from '../../agent/keys/signer.ts'
import { AnchorWatch } from '../../agent/summary/anchors.ts'
import { routeTable } from '../../web/app.ts'
import { client } from '../browser/story/client.ts'
import { createStory } from '../browser/story.ts'
import { attempt, type Layer, type Run } from './attempt.ts'
import {
  copyOf,
  type Folder,
  filesHolding,
  makeFolder,
  refusal,
  startBox,
  TestClock,
} from './box.ts'
import { canary, filesBelow } from './canary.ts'

const ACT = fileURLToPath(new URL('./keys-act.ts', import.meta.url))
const CANARY = 'canary-host.example'
const YEAR_US = 365 * 86_400_000_000
/** Processes are dear; the next run takes the next writes. */
const STRIDE = 3
const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * STRIDE))
/** What the forms of the routes that announce themselves want. */
const FIELDS = { rule_id: 'base:scan', what: 'disable', days: '0', override_id: 'x', comment: 'x' }

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
async function changed(by: (lines: string[]) => string[] | Promise<string[]>): Promise<string> {
  const data = copyOf(folder)
  const lines = readFileSync(chainOf(data), 'utf8').trimEnd().split('\n')
  writeFileSync(chainOf(data), `${(await by(lines)).join('\n')}\n`)
  return data
}

/** Of the trail's own keys: what somebody with root has, and a control needs. */
async function checkpointKey(data: string): Promise<Signer> {
  const keys = join(data, 'keys')
  return Signer.open(await Keyring.open({ folder: keys, custodian: openFileCustodian(keys) }))
}

/** All hashes anew from the first line on; with `signer` the checkpoints too. */
function chained(lines: readonly string[], signer?: Signer): string[] {
  let prev = FIRST_PREV
  return lines.map((text, i) => {
    const line = { ...JSON.parse(text), prev, seq: i + 1 }
    if (signer && line.verb === 'checkpoint') {
      const body = { ...JSON.parse(line.envelope.body), seq: i, hash: prev }
      line.envelope = signer.sign('checkpoint', body)
      line.subject = String(i)
    }
    const bytes = canonical(line)
    prev = hashOf(Buffer.from(bytes))
    return bytes
  })
}

const HASHES: Layer = {
  name: 'the hash of the line before',
  shows: /Line \d+ of chain-\d+\.jsonl (does not continue|has sequence)/,
}
const CHECKPOINT: Layer = { name: 'signed checkpoints', shows: /whose signature does not cover/ }
const HEADS: Layer = { name: 'heads that later lines carry', shows: /not what was last signed/ }
const PARAMS: Layer = { name: 'the shape of what callers send', shows: /subject is not as it must/ }
const SHAPE: Layer = { name: 'the shape of a line', shows: /Invalid format/ }
const ESCAPES: Layer = { name: 'one canonical JSON a line', shows: /"lines":1\b/ }
const FIRST: Layer = { name: 'the line before the act', shows: /"outcome":"intent"/ }
const NO_LINE: Layer = { name: 'no line, no act', shows: /Answer 500|failed inside/ }
const BACK: Layer = { name: 'a clock that goes back has its line', shows: /"verb":"clock\.back"/ }
const DIGEST: Layer = { name: 'texts enter as keyed digests', shows: /"digest":"[0-9a-f]{64}"/ }

/** A trail that somebody changed, and still verifies, is what they wanted. */
function edited(id: string, by: string, change: (lines: string[]) => string[]) {
  attempt(id, {
    by,
    layers: [HASHES, CHECKPOINT],
    try: async (run) => {
      const data = await changed(async (lines) => {
        const edit = change(lines)
        if (!run.without(HASHES)) return edit
        return chained(edit, run.without(CHECKPOINT) ? await checkpointKey(folder.data) : undefined)
      })
      const said = verify(data)
      run.saw('picket verify', said)
      if (said.intact) run.harm('the changed trail verifies')
    },
  })
}
edited('audit-01', 'a word', (lines) => lines.map((line) => line.replace('act-3"', 'act-7"')))
edited('audit-03', 'lines cut out before a checkpoint', (lines) => lines.toSpliced(-10, 9))
edited('audit-04', 'two lines exchanged', (lines) => {
  const at = lines.findIndex((line) => line.includes('act-5"'))
  return lines.with(at, lines[at + 1] as string).with(at + 1, lines[at] as string)
})

attempt('audit-03', {
  by: 'the tail, with the last change of accounts in it',
  layers: [HEADS],
  try: async (run) => {
    const data = await changed((lines) =>
      lines.slice(
        0,
        lines.findIndex((line) => line.includes('"user.added"')),
      ),
    )
    run.saw('picket verify', verify(data)) // the chain alone cannot know
    const opened = run.without(HEADS)
      ? Promise.resolve(new Chain({ folder: join(data, 'audit'), clock: new TestClock(), sign: () => { throw new Error('nothing to sign') } })) // biome-ignore format: one line
      : openKeysBox({ data, log: silentLog })
    const box = await run.does(
      'the start',
      opened.then((each) => ({ close: () => each.close() })),
    )
    if (box) run.harm('it goes on after a trail that was cut')
  },
})

const HEARD: Layer = {
  name: 'the last line that another box heard of',
  shows: /audit line went from \d+ to \d+/,
}
attempt('audit-03', {
  by: 'lines after the last checkpoint, told in a summary before',
  layers: [HEARD],
  try: async (run) => {
    const data = await changed((lines) => lines.slice(0, -15))
    run.saw('picket verify', verify(data))
    const rest = { catalog_generation: 0, catalog_head: null, key_epoch: 1, root_generation: 1, boot_count: 1 } // biome-ignore format: one line
    const of = (from: string) => {
      const lines = readFileSync(chainOf(from), 'utf8').trimEnd().split('\n')
      return { ...rest, audit_seq: lines.length, audit_head: hashOf(Buffer.from(lines.at(-1) ?? '')) } // biome-ignore format: one line
    }
    const watch = new AnchorWatch()
    if (!run.without(HEARD)) watch.follow(of(folder.data), of(data), 1)
    run.saw('the other side', watch.sentences())
    if (verify(data).intact && watch.sentences().length === 0) run.harm('nobody knows that lines are gone') // biome-ignore format: one line
  },
})

const forged = '\n{"seq":99,"sentence":"nothing happened"}'
attempt('audit-05', {
  layers: [PARAMS, SHAPE, ESCAPES],
  try: async (run) => {
    const data = copyOf(folder)
    const box = await startBox({ ...folder, data })
    const { token } = await box.admin()
    const count = () => readFileSync(chainOf(data), 'utf8').split('\n').length
    const before = count()
    const act = { verb: 'rules.added', subject: `x${forged}` } as const
    if (!run.without(PARAMS)) await run.does('the call', box.web.audit({ token, ...act }))
    else if (!run.without(SHAPE))
      await run.does('the trail', () => box.box.trail.write({ actor: 'process:web', ...act })) // biome-ignore format: one line
    else {
      const line = run.without(ESCAPES) ? `{"subject":"${act.subject}"}` : canonical(act)
      appendFileSync(chainOf(data), `${line}\n`)
    }
    const lines = count() - before
    run.saw('the file', { lines })
    if (lines > 1) run.harm('one act has two lines, one of them of its own making')
    await box.close()
  },
})

/** Kills the rotation before its writes, a third of them in a run. */
attempt('audit-06', {
  by: 'kill -9 in a rotation',
  layers: [FIRST],
  try: async (run) => {
    if (run.without(FIRST)) {
      const keys = join(copyOf(folder), 'keys')
      const ring = await Keyring.open({ folder: keys, custodian: openFileCustodian(keys) })
      ring.addEpoch(folder.alfa.tenant_uid, 1_790_000_000_000_000)
      return judgeAct(run, join(keys, '..'))
    }
    process.stderr.write(`seed ${SEED}\n`)
    let acted = 0
    for (let n = 1 + (SEED % STRIDE); n < 100; n += STRIDE) {
      const data = copyOf(folder)
      const { signal } = spawnSync(process.execPath, [ACT, data, 'epoch', String(n)])
      acted += judgeAct(run, data) ? 1 : 0
      rmSync(data, { recursive: true })
      if (signal === null) break
    }
    expect(acted).toBeGreaterThan(0)
  },
})

function judgeAct(run: Run, data: string): boolean {
  const lines = readFileSync(chainOf(data), 'utf8')
  const line = lines.split('\n').find((each) => each.includes('"verb":"keys.epoch"'))
  run.saw('the line', line ?? 'none')
  const done = filesHolding(join(data, 'keys'), ['"epoch":2']).length > 0
  if (done && !line?.includes('"intent"')) run.harm('there is a new epoch and no line')
  return done
}

const changing = routeTable(createStory().ports, true).flatMap((route) =>
  route.method === 'POST' && route.audit.by === 'table' ? [route] : [],
)
attempt('audit-06', {
  by: 'a trail that takes no line, each route that announces itself',
  layers: [NO_LINE],
  try: async (run) => {
    for (const { path } of changing) {
      const { post, story } = client('admin')
      story.ports.audit.audit = run.without(NO_LINE)
        ? async () => ({ seq: 0 })
        : () => Promise.reject(new Error('the disk is full'))
      let acted = 0
      const act = () => Promise.reject(new Error(`act ${++acted}`))
      Object.assign(story.ports.site, { reloadRules: act, tune: act, untune: act, selfTest: act })
      const reply = await post(path, FIELDS)
      run.saw(path, `${reply.status} ${await reply.text()}`)
      if (run.without(NO_LINE)) expect(acted, path).toBeGreaterThan(0) // each of them, or it shows nothing
      if (acted > 0) run.harm(`${path} acted without a line`)
    }
  },
})

attempt('audit-07', {
  layers: [BACK],
  try: async (run) => {
    const data = copyOf(folder)
    const box = await startBox({ ...folder, data })
    const { hash, seq } = box.box.chain.head
    const at = box.clock.nowUs() - YEAR_US
    if (run.without(BACK)) {
      const all = { tenant_id: '*', tenant_uid: '*', subject: '-' }
      const line = { v: 1, seq: seq + 1, prev: hash, at, verb: 'session.code-made', outcome: 'done', actor: 'console', ...all } as const // biome-ignore format: one line
      appendFileSync(chainOf(data), `${lineBytes(line)}\n`)
    } else {
      box.clock.aheadMs = -YEAR_US / 1000
      await box.cli.oneTimeLogin({})
    }
    const lines = readFileSync(chainOf(data), 'utf8').trimEnd().split('\n').slice(seq)
    run.saw('the new lines', ...lines)
    if (!lines.some((line) => line.includes('clock.back'))) run.harm('an act of last year, and nothing says so') // biome-ignore format: one line
    await box.close()
  },
  holds: (run) => expect(run.text).toMatch(/"seq":\d+[\s\S]*session\.code-made/),
})

const host = canary('the name of a host')
attempt('audit-08', {
  layers: [DIGEST],
  secrets: () => [host],
  try: async (run) => {
    const data = copyOf(folder)
    const box = await startBox({ ...folder, data })
    const { token } = await box.admin()
    const text = `SELECT * FROM events WHERE host = '${host.text}'`
    if (run.without(DIGEST))
      box.box.trail.write({ actor: 'console', verb: 'lake.query', subject: host.text }) // biome-ignore format: one line
    else await box.web.query({ token, sql: text })
    await box.close()
    run.seen.push(...filesBelow(join(data, 'audit')))
  },
})

test('control: the trail as it was written is whole', () => {
  expect(verify(folder.data)).toMatchObject({ intact: true })
})

test('audit-01 a word of an old line is named, and stays said after a start', async () => {
  const data = await changed((lines) => lines.map((line) => line.replace('act-3"', 'act-7"')))
  expect(verify(data)).toMatchObject({
    intact: false,
    sentence: expect.stringMatching(/^Line \d+ of chain-0{11}1\.jsonl/),
  })
  const box = await startBox({ ...folder, data })
  expect((await box.cli.auditVerify()).intact).toBe(false) // and it stays said after a start
  expect((await box.cli.auditList({})).intact).toBe(false)
  await box.close()
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

test('a tenant of a box with a neighbour is told its lines and not their numbers', async () => {
  const data = copyOf(folder)
  const box = await startBox({ ...folder, data })
  const { token } = await box.admin('alfa')
  expect(await box.web.auditList({ token, limit: 5 })).toMatchObject({ numbered: false })
  expect(await box.cli.auditList({ limit: 5 })).toMatchObject({ numbered: true })
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
