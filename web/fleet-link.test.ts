import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../agent/base/clock.ts'
import { crossTenant, Failure } from '../agent/base/failure.ts'
import { silentLog } from '../agent/base/log.ts'
import { type Methods, type Peer, type RpcServer, serve } from '../agent/control/rpc.ts'
import { socketPath } from '../agent/control/sockets.ts'
import { EIGHT, fleetStory, fleetView, THREE } from '../test/browser/fleet-story.ts'
import type { FleetSite, LiveEvent } from './base/ports.ts'
import { type FleetLink, linkFleet } from './fleet-link.ts'

let data: string
let server: RpcServer | undefined
let link: FleetLink
let told: LiveEvent[]
let state: { sites: readonly FleetSite[] | null; calls: string[]; peers: Peer[] }

/** The other end as picket-link serves it, over a real socket. */
const methods: Methods = {
  fleet: (params) => {
    const { token, scope, brief } = params as { token: string; scope?: string[]; brief?: boolean }
    state.calls.push(`fleet ${token} ${scope?.join('+') ?? 'all'} ${brief ? 'brief' : 'whole'}`)
    if (!state.sites) throw new Failure('not-found', 'Fleet Command is off on this box.')
    if (scope?.some((each) => !state.sites?.some(({ tenant_id }) => tenant_id === each)))
      throw crossTenant()
    return fleetView(state.sites.filter(({ tenant_id }) => scope?.includes(tenant_id) ?? true))
  },
  findings: () => ({ findings: [], leftOut: 3 }),
  subscribe: (_, peer) => {
    state.peers.push(peer)
    return {}
  },
  reload: () => {
    state.calls.push('reload')
    return { reloaded: true }
  },
}

const serveLink = async () => {
  server = await serve(socketPath(data, 'link', 'web'), methods, silentLog)
}
const a = { token: 'a', scope: [] }

beforeEach(async () => {
  data = mkdtempSync(join(tmpdir(), 'picket-fl-'))
  state = { sites: THREE, calls: [], peers: [] }
  told = []
  const { joins, claim, revoke, edition } = fleetStory(EIGHT)
  const keys = {
    joins: ({ token }: { token: string }) => joins(token),
    fleetClaim: ({ token, ...wanted }: { token: string; tenant_id: string; site: string }) =>
      claim(token, wanted),
    fleetRevoke: ({ token, tenant_id }: { token: string; tenant_id: string }) =>
      revoke(token, tenant_id),
    fleetEdition: ({ token, on }: { token: string; on: boolean }) => edition(token, on),
  }
  await serveLink()
  link = linkFleet({ data, clock: systemClock, log: silentLog }, keys, (event) => told.push(event))
  await expect.poll(() => state.peers).toHaveLength(1)
})
afterEach(async () => {
  link.close()
  await server?.close()
  rmSync(data, { recursive: true })
})

test('many pages are one brief question; a page asks for the whole of its own rows', async () => {
  for (let n = 0; n < 4; n++) expect((await link.view(a)).sites).toHaveLength(3)
  expect(await link.on('a')).toBe(true)
  expect((await link.whole(a, ['acme-syd'])).map(({ site }) => site)).toEqual(['Sydney'])
  await link.view({ token: 'a', scope: ['acme-lon'] })
  expect(state.calls).toEqual([
    'fleet a all brief',
    'fleet a acme-syd whole',
    'fleet a acme-lon brief',
  ])
  await expect(link.view({ token: 'a', scope: ['zulu-lon'] })).rejects.toMatchObject({
    kind: 'refused',
  })
})

test('a change is known before it is told, and only to those whom it concerns', async () => {
  await link.view(a)
  state.sites = EIGHT
  state.peers[0]?.push('fleet', ['acme-osl'])
  await expect.poll(() => told).toHaveLength(1)
  const [event] = told
  expect(event?.kind === 'fleet' && [event.concerns('a'), event.concerns('b')]).toEqual([
    true,
    false,
  ])
  expect((await link.view(a)).sites).toHaveLength(8)
  expect(state.calls).toHaveLength(2)
})

test('off, switched on, and picket-link told to read again', async () => {
  state.sites = null
  expect(await link.on('a')).toBe(false)
  await expect(link.view(a)).rejects.toMatchObject({ kind: 'not-found' })
  state.sites = THREE
  await link.edition('a', true)
  expect(state.calls).toContain('reload')
  expect(await link.on('a')).toBe(true)
})

test('without picket-link the fleet is unavailable, and known again when it is back', async () => {
  await link.view(a)
  await server?.close()
  server = undefined
  const refusal = () => link.view(a).then(() => 'none', Failure.kindOf)
  await expect.poll(refusal).toBe('unavailable')
  expect(await link.on('a')).toBe(false) // no page waits for it
  await serveLink()
  const sites = async () => (await link.view(a).catch(() => undefined))?.sites
  await expect.poll(sites).toHaveLength(3)
})
