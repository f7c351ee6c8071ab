/** The screen as a process, with a real picket-keys: what it shows before and after somebody claimed the box, and what it changes. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { machineFacts } from '../health/machine-facts.ts'
import { initTenant } from './init-tenant.ts'
import { keysForCli, keysForConsole, keysForWeb } from './keys-client.ts'

const WAIT_MS_MAX = 15_000
const PASSWORD = 'seven quiet herons'
const [firstPort] = machineFacts().ports

let data = ''
let keysProcess: ChildProcess
let console_: ChildProcess
let said = ''

beforeAll(async () => {
  data = mkdtempSync(join(tmpdir(), 'picket-console-'))
  await initTenant(data, { tenant_id: 'cape' })
  keysProcess = start('run-keys.ts')
  await until(() => keysForCli(data).tenants().then(() => true, () => false)) // biome-ignore format: one line
  console_ = start('run-console.ts')
  console_.stdout?.on('data', (chunk) => {
    said += chunk
  })
  await shown(/claim code\s+(\S+)/)
})
afterAll(() => {
  console_.kill('SIGKILL')
  keysProcess.kill('SIGKILL')
  rmSync(data, { recursive: true })
})

function start(name: string): ChildProcess {
  const program = new URL(`./${name}`, import.meta.url).pathname
  const env = { PATH: process.env.PATH, PICKET_LOG: 'silent', LISTEN_FDNAMES: 'recovery-key', STATE_DIRECTORY: data } // biome-ignore format: one line
  return spawn(process.execPath, [program, '--data', data], { env, stdio: ['pipe', 'pipe', 'inherit', openSync(join(data, 'recovery-key'), 'a+')] }) // biome-ignore format: one line
}

async function until(is: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = performance.now() + WAIT_MS_MAX
  while (!(await is())) {
    if (performance.now() > deadline) throw new Error(`waited in vain; it said:\n${said}`)
    await new Promise((done) => setTimeout(done, 20))
  }
}

/** From the last screen or answer on. */
async function shown(wanted: RegExp): Promise<string> {
  await until(() => wanted.test(said))
  return wanted.exec(said)?.[1] ?? ''
}

async function type(text: string, then: RegExp): Promise<string> {
  said = ''
  console_.stdin?.write(text)
  return shown(then)
}

test('unclaimed it shows a code, 24 rows of 80 columns at most, and nothing but plain text', async () => {
  said = ''
  const code = await type('\r', /claim code\s+(\S+)[\s\S]*> /)
  expect(code).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){2}[0-9A-HJKMNP-TV-Z]{4}$/)
  const rows = said.split('\r\n').filter((row, i) => i > 0 || row !== '')
  expect(rows.length).toBeLessThanOrEqual(24)
  for (const row of rows) expect(row.length).toBeLessThanOrEqual(80)
  expect(said).toMatch(/^[ -~\r\n]*$/)
  expect(said).toContain('no port is captured')
})

test('ports are chosen by number, with the code; without it nothing changes and the trail says so', async ({
  skip,
}) => {
  if (!firstPort) return skip('this machine has no network card')
  const code = await type('\r', /claim code\s+(\S+)/)
  await type('1', /1/)
  await type('\r', /Management port.*: /)
  await type('\r', /In the line.*: /)
  await type('\r', /Captured ports.*: /)
  await type('1\r', /claim code, to confirm: /)
  await type('0000-0000-0000\r', /not the code on this screen/)
  expect(() => readFileSync(join(data, 'config.json'))).toThrow()
  await type('\r', /> /)
  await type('1\r', /Management port.*: /)
  await type('\r', /In the line.*: /)
  await type('\r', /Captured ports.*: /)
  await type('\u001b[A1x\u007f\r', /to confirm: /) // an arrow, and a letter taken back
  await type(`${code.toLowerCase().replaceAll('-', ' ')}\r`, /Done: capture-/)
  expect(JSON.parse(readFileSync(join(data, 'config.json'), 'utf8')).capture.interfaces).toEqual([firstPort.name]) // biome-ignore format: one line
  await type('\r', /> /)
  const { items } = await keysForCli(data).auditList({ limit: 20 })
  const verbs = items.map(({ verb }) => verb)
  expect(verbs).toContain('box.changed')
  expect(verbs).toContain('session.refused')
  expect(JSON.stringify(items)).not.toContain(code)
})

test('a recovery key is shown on proof, and no more once somebody has it on paper', async () => {
  writeFileSync(join(data, 'recovery-key'), 'cbdefghi-jklnrtuv\n')
  const code = await type('\r', /claim code\s+(\S+)[\s\S]*NOT WRITTEN DOWN[\s\S]*> /)
  await type('3\r', /to confirm: /)
  await type('0000-0000-0001\r', /not the code/)
  expect(said).not.toContain('cbdefghi')
  await type('\r', /> /)
  for (const reply of ['', 'yes']) {
    await type('3\r', /to confirm: /)
    await type(`${code}\r`, /cbdefghi-jklnrtuv[\s\S]*paper\?/)
    await type(`${reply}\r`, /Enter goes on/)
    await type('\r', /> /)
    expect(/NOT WRITTEN DOWN/.test(said)).toBe(reply === '')
  }
  await type('3\r', /> /)
  expect(said).not.toContain('cbdefghi')
  expect((await keysForCli(data).auditList({ limit: 20 })).items.map(({ verb }) => verb)).toContain('recovery.shown') // biome-ignore format: one line
})

test('the code opens the pages once; then the screen shows none, and an act needs that password', async () => {
  const code = await type('\r', /claim code\s+(\S+)/)
  const web = keysForWeb(data)
  const { token } = await web.redeem({ code: code.replaceAll('-', '').toLowerCase(), source: 't' })
  await web.setPassword({ token, next: PASSWORD })
  await expect(web.redeem({ code, source: 't' })).rejects.toThrow(/used, too old or wrong/)
  web.close()
  await type('\r', /claimed\s+by an administrator/)
  expect(said).not.toMatch(/[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}/)
  await type('2\r', /Name of this site.*: /)
  await type('Works north\r', /Administrator: /)
  await type('admin\r', /Password/)
  await type(`${PASSWORD}\r`, /Done: name/)
  expect(said).not.toContain(PASSWORD)
  expect(JSON.parse(readFileSync(join(data, 'config.json'), 'utf8')).siteName).toBe('Works north')
  await type('\r', /Works north[\s\S]*> /)
  const wrong = keysForConsole(data)
  for (const proof of [{ code }, { name: 'admin', password: 'not that one at all' }])
    await expect(wrong.changeBox({ proof, change: { capture: [] } })).rejects.toThrow(/not the code|wrong/) // biome-ignore format: one line
  wrong.close()
})

test('a configuration that would not read is refused before it is written', async () => {
  const keys = keysForConsole(data)
  const proof = { name: 'admin', password: PASSWORD }
  for (const change of [{ capture: ['a b'] }, { management: '../x' }, { siteName: 'a\nb' }, { capture: ['x0'], management: 'x0' }, { line: ['x0'] }, { line: ['x0', 'x0'] }, { line: ['x0', 'x 1'] }, {}]) // biome-ignore format: one line
    await expect(keys.changeBox({ proof, change } as never)).rejects.toThrow()
  writeFileSync(join(data, 'other'), '')
  keys.close()
})

test('what is typed without end, or is no text, ends nothing', async () => {
  console_.stdin?.write(Buffer.alloc(100_000, 'x'))
  console_.stdin?.write(Buffer.from([0, 1, 2, 3, 4, 0x1b, 0xff, 0xfe, 0x1b, 0x5b]))
  await type('A\r\r', /> /)
  expect(console_.exitCode).toBeNull()
})
