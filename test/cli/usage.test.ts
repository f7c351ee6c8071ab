/** Help, exit codes and the shape of failures, for every command there is. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { picket } from './picket.ts'

const list = await picket(['--help'])
const [commands = '', processes = ''] = list.out.split(/^Processes/m)
const names = (text: string) =>
  [...text.matchAll(/^ {2}picket (\S+)/gm)].map(([, name = '']) => name)
const COMMANDS = names(commands)
const PROCESSES = names(processes)

const folder = mkdtempSync(join(tmpdir(), 'picket-cli-'))
afterAll(() => rmSync(folder, { recursive: true }))
const absent = join(folder, 'absent')

test('the list names commands and processes; without a command it is a usage failure', async () => {
  expect([list.code, list.err]).toEqual([0, ''])
  expect(COMMANDS).toEqual(expect.arrayContaining(['init', 'replay', 'rules', 'query', 'lake']))
  expect(PROCESSES).toEqual(['agent', 'guard', 'keys', 'lake', 'link', 'web', 'up'])
  expect(await picket([])).toEqual({ code: 2, out: list.out, err: '' })
})

describe('help', () => {
  test.concurrent.each([...new Set([...COMMANDS, ...PROCESSES])])(
    'picket %s --help',
    async (name) => {
      const { code, out, err } = await picket([name, '--help'])
      expect([code, err]).toEqual([0, ''])
      expect(out).toMatch(new RegExp(`^picket ${name}( |\\n)`))
    },
  )
})

describe('wrong usage is one line, exit 2, and nothing on standard output', () => {
  test.concurrent.each(
    [
      ['replay'],
      ['replay', '--bogus'],
      ['replay', 'x.pcap', '--home-net', 'banana'],
      ['replay', 'x.pcap', '--rules', 'absent.rules'],
      ['rules'],
      ['rules', 'check'],
      ['rules', 'check', 'absent.rules'],
      ['rules', 'frob', 'x'],
      ['rules', 'add', 'x.rules', '--data', absent],
      ['query', '--data', absent, '--scope', 'alpha'],
      ['query', '--data', absent, '--scope', 'alpha', '--sql', 'SELECT 1'],
      ['lake', 'frob', '--data', absent],
      ['lake', 'status', '--data', absent],
      ['login', '--data', absent],
      ['fleet'],
      ['fleet', 'frob', '--data', absent],
      ['fleet', 'join', '--data', absent],
      ['fleet', 'claim', '--data', absent],
      ['init', '--data', absent],
      ['init', '--data', absent, '--tenant', 'Not_A_Slug'],
      ['check-config', '--config', absent],
      ['check-config', '--bogus'],
      ['doctor', '--bogus'],
      ['install', '--bogus'],
      ['nonsense'],
      ['__proto__'],
      ['constructor'],
      ...PROCESSES.map((name) => [name, '--data', absent]),
      ...PROCESSES.map((name) => [name, '--bogus', '1']),
    ].map((args) => ({ args, line: args.join(' ').replaceAll(folder, 'D') })),
  )('picket $line', async ({ args }) => {
    const { code, out, err } = await picket(args)
    expect([code, out]).toEqual([2, ''])
    expect(err).toMatch(/^picket: .+\n$/)
    expect(err).not.toContain('failed inside')
  })
})

test('with --json a failure is one object on standard error', async () => {
  const { code, out, err } = await picket(['replay', join(folder, 'absent.pcap'), '--json'])
  expect([code, out]).toEqual([2, ''])
  expect(JSON.parse(err)).toEqual({
    error: {
      kind: 'invalid',
      message: `There is no capture file ${join(folder, 'absent.pcap')}. Check its name.`,
    },
  })
})

test('a process that is not up is exit 4', async () => {
  const { code, out, err } = await picket(['status', '--data', absent, '--json'])
  expect([code, out]).toEqual([4, ''])
  expect(JSON.parse(err)).toMatchObject({ error: { kind: 'unavailable' } })
})

test('check-config prints what is in force and refuses what it does not know', async () => {
  const at = (text: string) => {
    writeFileSync(join(folder, 'config.json'), text)
    return picket(['check-config', '--data', folder, '--json'])
  }
  const { code, out } = await at('{"network": {"placement": "gateway"}}')
  expect(code).toBe(0)
  const { config, boundaries } = JSON.parse(out)
  expect(config.network.placement).toBe('gateway')
  expect(config.contain.policy).toBe('propose')
  for (const boundary of boundaries)
    expect(boundary).toEqual({
      name: expect.any(String),
      real: expect.any(Boolean),
      because: expect.any(String),
    })
  for (const [text, named] of [
    ['{"web": {"prot": 1}}', 'there is no setting web.prot'],
    ['{"colour": 1}', 'there is no setting colour'],
    ['{"__proto__": 1}', 'there is no setting __proto__'],
    ['{"web": {"port": 70000}}', 'web.port'],
    ['{', 'not JSON'],
    ['[]', 'config.json'],
  ] as const) {
    const said = await at(text)
    expect([said.code, said.out], text).toEqual([2, ''])
    expect(JSON.parse(said.err).error).toMatchObject({ kind: 'invalid' })
    expect(JSON.parse(said.err).error.message, text).toContain(named)
  }
})

test('doctor says each check, and what to install', async () => {
  const { code, out } = await picket(['doctor', '--json'])
  expect(code).toBe(0)
  const { checks, install } = JSON.parse(out)
  expect(checks.length).toBeGreaterThan(5)
  expect(checks[0]).toMatchObject({ what: 'Node 26', ok: true })
  expect(Array.isArray(install)).toBe(true)
  const words = await picket(['doctor'])
  expect(words.out.split('\n')[0]).toMatch(/^ok {2,}Node 26 /)
})

test('install writes below another root and nowhere else', async () => {
  const root = join(folder, 'root')
  const { code, out } = await picket(['install', '--root', root, '--data', '/srv/p', '--json'])
  expect(code).toBe(0)
  const { written } = JSON.parse(out) as { written: string[] }
  expect(written.length).toBeGreaterThan(4)
  for (const path of written) expect(path.startsWith(`${root}/`)).toBe(true)
})
