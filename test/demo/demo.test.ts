/** The demo as anybody runs it: the whole story as root, a calm day as a user without rights. Real sockets, real captures. */
import { spawnSync } from 'node:child_process'
import {
  accessSync,
  chmodSync,
  constants,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { canUnshare } from '../traffic/three-networks.ts'
import type { Outcome } from './outcome.ts'
import { planOf } from './plan.ts'

const HERE = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const NOBODY = 65534
const seed = Number(process.env.PICKET_SEED ?? 1 + (Date.now() % 999_999))
const root = process.getuid?.() === 0
const able = canUnshare()
if (!able) process.stderr.write('demo: skipped, user namespaces are off on this machine\n')

interface Played {
  status: number | null
  said: string
  outcome: Outcome
  folder: string
}

function play(words: string[], as: 'self' | 'nobody' = 'self'): Played {
  const folder = mkdtempSync(join(tmpdir(), 'picket-played-'))
  chmodSync(folder, 0o777)
  const json = join(folder, 'out.json')
  const command = [process.execPath, HERE('main.ts'), '--once', '--json', json, ...words]
  const drop = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--']
  const [first = '', ...rest] = as === 'nobody' ? [...drop, ...command] : command
  const env = { ...process.env, ...(as === 'nobody' && { HOME: folder }) }
  const { status, stdout, stderr } = spawnSync(first, rest, {
    encoding: 'utf8',
    env,
    timeout: 170_000,
    killSignal: 'SIGTERM',
  })
  const said = `${stdout}\n${stderr}`
  if (status !== 0) process.stderr.write(said)
  return { status, said, outcome: JSON.parse(readFileSync(json, 'utf8')), folder }
}

describe.skipIf(!able)(`the demo, seed ${seed}`, () => {
  let story: Played
  let record: string
  beforeAll(() => {
    record = mkdtempSync(join(tmpdir(), 'picket-record-'))
    story = play(['--seed', String(seed), '--record', record])
  })
  afterAll(() => {
    rmSync(record, { recursive: true, force: true })
    rmSync(story.folder, { recursive: true, force: true })
  })

  test('ends well, and every frame is accounted for', () => {
    expect(story.status).toBe(0)
    const [site] = story.outcome.sites
    expect(story.outcome.seed).toBe(seed)
    expect(site?.frames).toBeGreaterThan(1000)
    expect((site?.processed ?? 0) + (site?.dropped ?? 0)).toBe(site?.frames)
    const recorded = /tcpdump recorded (\d+) frames/.exec(story.said)?.[1]
    expect(Number(recorded)).toBe(site?.frames)
  })

  test('every attacker is found, with a severity and a technique', () => {
    const rules = new Map(story.outcome.sites[0]?.findings.map((each) => [each.rule_id, each]))
    const expected = [
      'base:port-scan',
      'base:brute-force',
      'base:dns-tunnel',
      'base:ot-new-writer',
      'sid:1000003',
    ]
    for (const rule of expected) {
      expect(rules.get(rule)?.count, rule).toBeGreaterThan(0)
      expect(rules.get(rule)?.attack_ids.length, rule).toBeGreaterThan(0)
    }
    for (const { rule_id, severity } of rules.values())
      expect(['low', 'medium', 'high', 'critical'], rule_id).toContain(severity)
  })

  test('the block is proven by the kernel and by the program that stopped hearing', () => {
    const guesser = planOf(seed).attacks.find(({ kind }) => kind === 'passwords')?.from
    const undone = story.outcome.sites[0]?.actions.find(({ target }) => target === guesser)
    expect(undone).toMatchObject({ kind: 'block', state: 'undone' })
    expect(undone?.decideToDropMs).toBeGreaterThan(0)
    expect(undone?.provenBy?.packets).toBeGreaterThan(0)
    expect(undone?.provenBy?.heardAfterUndo).toBeGreaterThan(0)
    expect(Date.parse(undone?.provenBy?.firstDropAt ?? '')).not.toBeNaN()
  })

  test('nobody ordinary is accused', () => {
    const { attacks } = planOf(seed)
    const hostile = new Set(attacks.map(({ from }) => from))
    const targets = story.outcome.sites[0]?.actions.map(({ target }) => target) ?? []
    expect(targets.filter((target) => !hostile.has(target))).toEqual([])
  })

  test('rows are in the lake', () => {
    expect(story.outcome.lake[0]?.rows).toBeGreaterThan(100)
    expect(story.outcome.lake[0]?.tier1Files).toBeGreaterThanOrEqual(0)
    expect(story.outcome.lake[0]?.oldestRow).toMatch(/^\d{4}-/)
  })

  test('replay of the record finds the same rules', () => {
    const [file = ''] = readdirSync(record).filter((name) => name.endsWith('.pcap'))
    const cli = HERE('../../agent/cli.ts')
    const home = planOf(seed).home.join(',')
    const { stdout, status } = spawnSync(
      process.execPath,
      [cli, 'replay', join(record, file), '--home-net', home, '--json'],
      { encoding: 'utf8' },
    )
    expect(status).toBe(0)
    const replayed = JSON.parse(stdout) as { packets: number; findings: { rule_id: string }[] }
    const [site] = story.outcome.sites
    expect(replayed.packets).toBe(site?.frames)
    expect(new Set(replayed.findings.map(({ rule_id }) => rule_id))).toEqual(
      new Set(site?.findings.map(({ rule_id }) => rule_id)),
    )
  })
})

describe.skipIf(!able)(`a calm day, seed ${seed}`, () => {
  const readable = () => {
    try {
      accessSync(HERE('main.ts'), constants.R_OK)
      return (
        !root ||
        spawnSync('setpriv', [`--reuid=${NOBODY}`, '--', 'test', '-r', HERE('main.ts')]).status ===
          0
      )
    } catch {
      return false
    }
  }

  test('without rights: nothing above low is found and nothing is proposed', ({ skip }) => {
    if (!readable()) skip('this folder cannot be read by an ordinary user')
    const { status, outcome, folder } = play(
      ['--calm', '--seed', String(seed)],
      root ? 'nobody' : 'self',
    )
    rmSync(folder, { recursive: true, force: true })
    expect(status).toBe(0)
    const [site] = outcome.sites
    expect(site?.findings.filter(({ severity }) => severity !== 'low')).toEqual([])
    expect(site?.actions).toEqual([])
    expect(site?.sentence).toContain('nothing found')
  })
})
