/** `picket fleet` as typed, between two boxes and over a real door. */
import { spawn } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Listening, openDoor, type Site, startSite } from '../../../test/breach/fleet-sites.ts'
import { readDoor } from './fleet-door.ts'

const CLI = fileURLToPath(new URL('../../cli.ts', import.meta.url))
let london: Site
let sydney: Site
let door: Listening
beforeAll(async () => {
  london = await startSite('london')
  sydney = await startSite('sydney')
  await picket(london, 'enable')
  door = await openDoor(london.link)
})
afterAll(async () => {
  await door.close()
  await london.close()
  await sydney.close()
})

interface Said {
  code: number | null
  out: string
  err: string
}

function run(site: Site, args: string[], stdin = ''): Promise<Said> {
  const child = spawn(process.execPath, [CLI, 'fleet', ...args, '--data', site.data])
  child.stdin.end(stdin)
  const said = { out: '', err: '' }
  child.stdout.on('data', (chunk: Buffer) => {
    said.out += chunk.toString()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    said.err += chunk.toString()
  })
  return new Promise((done) => child.once('close', (code) => done({ code, ...said })))
}

async function picket(site: Site, ...args: string[]): Promise<string> {
  const { code, out, err } = await run(site, args)
  expect([code, err]).toEqual([0, ''])
  return out
}

async function json<T>(site: Site, ...args: string[]): Promise<T> {
  return JSON.parse(await picket(site, ...args, '--json')) as T
}

const at = () => `127.0.0.1:${door.port}`
const uplinks = async (site: Site) => (await site.link.uplinks()).uplinks

test('claim, join, the same digits on both, leave, and the primary knows', async () => {
  const { code } = await json<{ code: string }>(
    london,
    'claim',
    '--tenant',
    'sydney',
    '--site',
    'Sydney',
  )
  const empty = await run(sydney, ['join', '--door', at(), '--code', '-'])
  expect([empty.code, empty.err]).toEqual([2, expect.stringContaining('No code was given')])
  const joined = await run(sydney, ['join', '--door', at(), '--code', '-'], `${code}\n`)
  expect([joined.code, joined.err]).toEqual([0, ''])
  const said = joined.out
  const [digits] = /\d{3} \d{3}$/m.exec(said) as RegExpExecArray
  expect(said).toContain(
    'sydney has joined the fleet acme: The london site, mqtts://127.0.0.1:8883',
  )
  expect(await picket(london, 'members')).toMatch(
    new RegExp(`sydney +Sydney +member .* ${digits.replace(' ', '')}$`, 'm'),
  )
  const wrong = await run(sydney, ['join', '--door', at(), '--code', code])
  expect([wrong.code, wrong.err]).toEqual([3, expect.stringContaining('The join was refused')])
  const { primary } = await london.link.primary()
  // The announced port is not the test's: the uplink of the branch is what the door says.
  expect((await uplinks(sydney))[0]).toMatchObject({
    ca: primary?.ca,
    door: 'https://127.0.0.1:8884',
  })
  const left = await picket(sydney, 'leave')
  expect(left).toContain('sends nothing to The london site')
  expect(left).toContain('Revoke this site there') // the announced door is shut
  expect(await uplinks(sydney)).toEqual([])
  expect(await picket(london, 'revoke', 'sydney')).toContain('revoked from now on')
  const again = await run(london, ['revoke', 'sydney'])
  expect([again.code, again.err]).toEqual([2, expect.stringContaining('already')])
})

test('by signed files, without a network', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fleet-files-'))
  const [ask, answer] = [join(folder, 'ask'), join(folder, 'answer')]
  await picket(sydney, 'request', '--out', ask)
  const { own } = await json<{ own: string }>(london, 'accept', ask, '--out', answer)
  const twice = await run(sydney, ['request', '--out', ask])
  expect([twice.code, twice.err]).toEqual([2, expect.stringContaining('exists')])
  const said = await picket(sydney, 'finish', answer, '--fingerprint', own)
  expect(said).toContain('sydney has joined the fleet acme')
  expect(await uplinks(sydney)).toHaveLength(1)
})

test('what cannot be is said in a sentence', async () => {
  const shut = await run(sydney, ['join', '--door', '127.0.0.1:1', '--code', '7QK2-M0XV-9RTD'])
  expect([shut.code, shut.err]).toEqual([4, expect.stringContaining('cannot be reached')])
  const off = await run(sydney, ['claim'])
  expect([off.code, off.err]).toEqual([2, expect.stringContaining('picket fleet enable')])
  expect((await run(sydney, ['status'])).code).toBe(4) // no picket-link here
  expect((await run(sydney, ['nonsense'])).code).toBe(2)
  expect((await run(london, ['revoke', 'sydney', '--epoch', 'x'])).code).toBe(2)
})

test('a door is named in the usual ways', () => {
  expect(readDoor('london.example:8884')).toEqual({ host: 'london.example', port: 8884 })
  expect(readDoor('https://[fd00::1]:8884/')).toEqual({ host: 'fd00::1', port: 8884 })
  for (const wrong of ['london', 'london:0', 'london:99999', 'http://london:1', 'a b:1'])
    expect(() => readDoor(wrong)).toThrow('HOST:PORT')
})
