import { generateKeyPairSync } from 'node:crypto'
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { keyId, signJson } from '../base/signing.ts'
import { Chain, type ChainOptions } from './chain.ts'
import { hashOf } from './line.ts'
import { pageOf } from './page.ts'
import { segments } from './segment.ts'
import { Trail } from './trail.ts'
import { verifyChain } from './verify.ts'

const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const known = new Map([
  [keyId(publicKey), { key: publicKey, owner: 'audit', types: ['checkpoint'] as const }],
])
const ALFA = { tenant_id: 'alfa', tenant_uid: 'a'.repeat(32) }
const ZULU = { tenant_id: 'zulu', tenant_uid: 'b'.repeat(32) }

let folder: string
let nowUs: number
let steadyMs: number
const clock = { nowUs: () => nowUs, steadyMs: () => steadyMs }

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'audit-'))
  nowUs = 1_700_000_000_000_000
  steadyMs = 0
})

const open = (more: Partial<ChainOptions> = {}) =>
  new Chain({ folder, clock, sign: (type, body) => signJson(privateKey, type, body), ...more })
const trailOf = (chain: Chain) => new Trail({ chain, clock, digestKey: () => Buffer.alloc(32, 9) })
const look = (trail: Trail, subject: string, tenant = ALFA) =>
  trail.write({ actor: 'console', tenant, verb: 'lake.view', outcome: 'done', subject })
const only = () => segments(folder)[0] as string
const linesIn = (path: string) => readFileSync(path, 'utf8').trimEnd().split('\n')

/** A closed trail of ten looks, signed at its end. */
function tenLooks(): void {
  const chain = open()
  for (let i = 0; i < 10; i++) look(trailOf(chain), `page-${i}`)
  chain.close()
}

test('lines are chained, signed at the end, and go on after a restart', () => {
  tenLooks()
  expect(verifyChain(folder, known)).toMatchObject({ intact: true, lines: 12, checkpointSeq: 11 })
  const chain = open()
  const { seq, hash } = look(trailOf(chain), 'again')
  expect(seq).toBe(13)
  expect(hash).toBe(hashOf(Buffer.from(linesIn(only()).at(-1) as string)))
  expect(verifyChain(folder, known).sentence).toBe(
    'The audit trail is whole: 13 lines, signed up to line 11, 2 after that.',
  )
})

test('a thousand lines without a checkpoint get one', () => {
  const chain = open()
  const trail = trailOf(chain)
  for (let i = 0; i < 1000; i++) look(trail, 'page')
  expect(verifyChain(folder, known).checkpointSeq).toBeGreaterThanOrEqual(1000)
})

test.each([
  [
    'a changed word',
    (lines: string[]) => lines.with(4, (lines[4] as string).replace('page-3', 'page-9')),
  ],
  [
    'an exchange',
    (lines: string[]) => lines.with(4, lines[5] as string).with(5, lines[4] as string),
  ],
  ['a missing line', (lines: string[]) => lines.toSpliced(4, 1)],
  ['a repeated line', (lines: string[]) => lines.toSpliced(4, 0, lines[4] as string)],
])('%s is found at its line', (_, change) => {
  tenLooks()
  writeFileSync(only(), `${change(linesIn(only())).join('\n')}\n`)
  const { intact, sentence } = verifyChain(folder, known)
  expect(intact).toBe(false)
  expect(sentence).toMatch(/^Line [56] of chain-000000000001\.jsonl /)
})

test('a chain rewritten with new hashes does not fit its checkpoint', () => {
  tenLooks()
  const lines = linesIn(only())
  lines[4] = (lines[4] as string).replace('page-3', 'page-9')
  for (let i = 5; i < lines.length; i++)
    lines[i] = (lines[i] as string).replace(
      /"prev":"[0-9a-f]{64}"/,
      `"prev":"${hashOf(Buffer.from(lines[i - 1] as string))}"`,
    )
  writeFileSync(only(), `${lines.join('\n')}\n`)
  expect(verifyChain(folder, known).sentence).toMatch(/Line 12 .* checkpoint whose signature/)
})

test('a line that a crash left unfinished is cut, and the cut has its line', () => {
  tenLooks()
  appendFileSync(only(), '{"actor":"conso')
  expect(verifyChain(folder, known).sentence).toMatch(/Line 13 .* is not finished/)
  open().close()
  expect(verifyChain(folder, known).intact).toBe(true)
  expect(linesIn(only()).some((line) => line.includes('"audit.torn"'))).toBe(true)
})

test('a changed line found at start is named, not repaired, and writing goes on', () => {
  tenLooks()
  writeFileSync(only(), readFileSync(only(), 'utf8').replace('page-3', 'page-9'))
  const chain = open()
  expect(chain.intact).toBe(false)
  look(trailOf(chain), 'later')
  expect(linesIn(only()).filter((line) => line.includes('"audit.broken"'))).toHaveLength(1)
  expect(verifyChain(folder, known).sentence).toMatch(/^Line 6 /)
})

test('files roll over, carry their facts along, and are verified as one', () => {
  const chain = open({ segmentBytesMax: 2000 })
  const trail = trailOf(chain)
  trail.write({ actor: 'console', verb: 'keys.root', outcome: 'done', carry: { root: '7' } })
  for (let i = 0; i < 50; i++) look(trail, `page-${i}`)
  chain.close()
  expect(segments(folder).length).toBeGreaterThan(5)
  expect(verifyChain(folder, known).intact).toBe(true)
  const again = open({ segmentBytesMax: 2000 })
  expect(again.carried('root')).toBe('7')
  again.close()
  rmSync(segments(folder)[2] as string)
  expect(verifyChain(folder, known).sentence).toMatch(/lines are missing/)
})

test('a file that was begun and has no line yet is begun again', () => {
  tenLooks()
  writeFileSync(join(folder, 'chain-000000000013.jsonl'), '')
  const chain = open()
  look(trailOf(chain), 'after')
  chain.close()
  expect(verifyChain(folder, known).intact).toBe(true)
})

test('a full trail refuses the next line, and so the act', () => {
  const chain = open({ bytesMax: 4000 })
  const trail = trailOf(chain)
  expect(() => {
    for (let i = 0; i < 100; i++) look(trail, `page-${i}`)
  }).toThrow(/views and changes stop; detection goes on/)
  expect(readFileSync(only()).length).toBeLessThanOrEqual(4000)
})

test('a clock that goes back has its own line', () => {
  const chain = open()
  nowUs -= 3600_000_000
  look(trailOf(chain), 'page')
  expect(linesIn(only())[1]).toContain('"verb":"clock.back"')
  expect(linesIn(only())[1]).toContain('"count":3600')
  expect(verifyChain(folder, known).intact).toBe(true)
})

test('the chain takes words, not texts: line ends, escapes and SQL cannot enter', () => {
  const trail = trailOf(open())
  for (const subject of ['a\nb', '\u001b[31m', '{"seq":1}', 'select 1', '', 'x'.repeat(200)])
    expect(() => look(trail, subject)).toThrow()
  const text = "select * from events where host = 'canary-host'"
  trail.write({ actor: 'console', tenant: ALFA, verb: 'lake.query', text })
  expect(readFileSync(only(), 'utf8')).not.toContain('canary')
  expect(readFileSync(only(), 'utf8')).toContain(trail.digest(text))
})

test('a flood of refusals is folded with its count', () => {
  const trail = trailOf(open())
  const refuse = () =>
    trail.refused({ actor: 'process:web', verb: 'session.refused', subject: 'login' })
  for (let i = 0; i < 500; i++) refuse()
  expect(linesIn(only())).toHaveLength(21)
  steadyMs += 60_000
  refuse()
  expect(linesIn(only())[21]).toMatch(/"count":480.*"verb":"audit.folded"/)
})

test('a page shows the newest lines of a scope, and where to go on', () => {
  const chain = open({ segmentBytesMax: 1500 })
  const trail = trailOf(chain)
  for (let i = 0; i < 20; i++) look(trail, `page-${i}`, i % 2 ? ZULU : ALFA)
  const scope = { tenantUids: new Set([ALFA.tenant_uid]), boxWide: false }
  const first = pageOf(folder, { limit: 4, ...scope })
  expect(first.lines.map(({ line }) => line.subject)).toEqual([
    'page-18',
    'page-16',
    'page-14',
    'page-12',
  ])
  const rest = pageOf(folder, { limit: 100, before: first.before, ...scope })
  expect(rest.lines.map(({ line }) => line.subject)).toEqual([
    'page-10',
    'page-8',
    'page-6',
    'page-4',
    'page-2',
    'page-0',
  ])
  expect(rest.before).toBeUndefined()
})

test('space is kept for the trail, and is real', () => {
  open()
  expect(readdirSync(folder)).toContain('reserve')
  expect(readFileSync(join(folder, 'reserve')).length).toBe(8 << 20)
})
