/** The real process, as primary of a fleet of one: its own summary goes out over its own broker and comes back as a picture. */
import { type ChildProcess, spawn } from 'node:child_process'
import { diffieHellman } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  type FleetKeys,
  memberOf,
  privateKeyOf,
  signerOf,
  uplinkOf,
} from '../../test/link/fleet.ts'
import { makeFleet } from '../../test/link/fleet-ca.ts'
import { freePort } from '../../test/link/free-port.ts'
import { Failure } from '../base/failure.ts'
import { silentLog } from '../base/log.ts'
import { sealKeyFromRaw } from '../summary/seal.ts'
import { LinkClient } from './link-client.ts'
import type { LinkKeys, Member, Primary, Uplink } from './link-keys.ts'
import { type Methods, type RpcServer, serve } from './rpc.ts'
import { socketPath } from './sockets.ts'

const PROGRAM = fileURLToPath(new URL('./run-link.ts', import.meta.url))
const SOON = { timeout: 15_000, interval: 50 }

let data = ''
let keys: RpcServer
let child: ChildProcess
let fleet: FleetKeys
/** Fleet Command is on. */
let on = true

beforeEach(async () => {
  data = mkdtempSync(join(tmpdir(), 'picket-link-'))
  fleet = (await makeFleet([])).keys
  on = true
  const [mqttPort, doorPort] = [await freePort(), await freePort()]
  const config = {
    summary: { periodSeconds: 1 },
    fleet: { host: '127.0.0.1', mqttPort, doorPort },
  }
  writeFileSync(join(data, 'config.json'), JSON.stringify(config))
  keys = await serve(socketPath(data, 'keys', 'link'), standIn(mqttPort, doorPort), silentLog)
  start()
})
afterEach(async () => {
  child.kill('SIGKILL')
  await keys.close()
  rmSync(data, { recursive: true, force: true })
})

function start(): void {
  child = spawn(process.execPath, [PROGRAM, '--data', data], {
    env: { ...process.env, PICKET_LOG: 'error' },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
}

/** picket-keys, as far as this process asks it. */
function standIn(mqttPort: number, doorPort: number): Methods {
  const { primary: box, ca, fleet_uid } = fleet
  const sign = signerOf(box)
  const { tenant_id, tenant_uid, appliance_id, certificate, privateKey } = box
  const who = { tenant_id, tenant_uid, fleet_id: 'acme', appliance_id }
  const uplink: Uplink = {
    ...uplinkOf(fleet, box, `mqtts://127.0.0.1:${mqttPort}`),
    ...{ door: `https://127.0.0.1:${doorPort}`, certificateNotAfter: 9e15 },
  }
  const primary: Primary = {
    ...{ ...who, fleet_uid, ca, certificate, privateKey, revokedAppliances: [] },
  }
  const member: Member = {
    ...memberOf(box),
    ...{ site: 'London', primary: true, joinedAt: 1, revoked: null },
    ...{ certificateNotAfter: 9e15, certificatesFrom: 0 },
  }
  const answers = {
    tenants: async () => ({ tenants: [{ ...who, created: 0 }] }),
    sign: async ({ type, body }) => sign(type, body),
    queueKey: async () => ({ epoch: 1, key: box.queueKey }),
    anchors: async () => ({ audit_seq: 1, audit_head: null, key_epoch: 1, root_generation: 1 }),
    controlEvidence: async () => ({ values: [] }),
    uplinks: async () => ({ uplinks: on ? [uplink] : [] }),
    primary: async () => ({ primary: on ? primary : null }),
    members: async () => ({ members: on ? [member] : [] }),
    openSeal: async ({ ephemeral }) => ({
      shared: diffieHellman({
        privateKey: privateKeyOf(fleet.sealPrivate),
        publicKey: sealKeyFromRaw(Buffer.from(ephemeral, 'base64')),
      }).toString('base64'),
      receiverKey: fleet.sealKey,
    }),
    fleetScope: async ({ token }) => {
      if (token !== 'london') throw new Failure('unauthorized', 'Sign in first.')
      return { tenant_ids: ['london'], atoms: [], fleet_id: 'acme' }
    },
    audit: async () => ({ seq: 1 }),
  } satisfies Partial<LinkKeys>
  return answers as unknown as Methods
}

/** Asks a process that may not be up yet, or again. */
async function ask<T>(question: (link: LinkClient) => Promise<T>, caller: 'cli' | 'web' = 'cli') {
  const link = await LinkClient.open(data, caller)
  return question(link).finally(() => link.close())
}
const site = async () => (await ask((link) => link.fleet({}))).sites[0]

test('its own summary goes out, comes back, and over a kill -9 nothing is missing', async () => {
  await expect
    .poll(async () => (await site().catch(() => undefined))?.sequence, SOON)
    .toBeGreaterThan(1)
  child.kill('SIGKILL')
  start()
  const after = async () => (await site().catch(() => undefined))?.wholeUpTo ?? 0
  await expect.poll(after, SOON).toBeGreaterThan(3)
  const shown = await site()
  expect(shown).toMatchObject({ tenant_id: 'london', site: 'London', forks: 0, gaps: [] })
  expect(shown?.sequence).toBe(shown?.wholeUpTo)
  // No agent, guard or lake runs beside it, and it says so instead of saying that all is well.
  expect(shown?.state).toBe('blind')
  const { uplinks } = await ask((link) => link.uplinks())
  expect(uplinks).toMatchObject([{ uplink_id: 'up-london', connected: true, because: null }])
})

test('a page sees what its session may, and no session is no picture', async () => {
  await expect
    .poll(async () => (await site().catch(() => undefined))?.sequence, SOON)
    .toBeGreaterThan(0)
  const view = await ask((link) => link.fleet({ token: 'london' }), 'web')
  expect(view.sites).toHaveLength(1)
  await expect(ask((link) => link.fleet({ token: 'x' }), 'web')).rejects.toThrow('Sign in first.')
  await expect(ask((link) => link.fleet({}), 'web')).rejects.toThrow('not valid')
  const beyond = { token: 'london', scope: ['london', 'apex'] }
  await expect(ask((link) => link.fleet(beyond), 'web')).rejects.toThrow('cross-tenant')
  await expect(ask((link) => link.findings({ token: 'london' }), 'web')).resolves.toEqual({
    findings: [],
    leftOut: 0,
  })
})

test('Fleet Command goes off and on without a restart; a subscriber hears of it', async () => {
  await expect
    .poll(async () => (await site().catch(() => undefined))?.sequence, SOON)
    .toBeGreaterThan(0)
  on = false
  await ask((link) => link.reload())
  await expect(ask((link) => link.fleet({}))).rejects.toThrow('Fleet Command is off')
  expect((await ask((link) => link.uplinks())).uplinks).toEqual([])
  on = true
  await ask((link) => link.reload())
  const link = await LinkClient.open(data, 'web')
  const heard = new Promise<string[]>((done) => void link.subscribe(done))
  expect(await heard).toEqual(['london'])
  link.close()
  // The uplink is new to the box: a new epoch, and the old one is there still.
  await expect.poll(async () => (await site())?.state, SOON).toBe('blind')
  expect(readdirSync(join(data, 'link', 'receives', fleet.fleet_uid)).sort()).toContain('received')
})

test('a second process on the same folder is refused', async () => {
  await expect
    .poll(async () => (await site().catch(() => undefined))?.sequence, SOON)
    .toBeGreaterThan(0)
  const second = spawn(process.execPath, [PROGRAM, '--data', data], { stdio: 'ignore' })
  const code = await new Promise((done) => second.once('exit', done))
  expect(code).toBe(1)
  expect(await site()).toBeDefined()
})
