/** picket-web as an attacker who holds it, or a person with a session of another tenant: what the fleet's rows cost. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { CROSS_TENANT } from '../../agent/base/failure.ts'
import { initTenant } from '../../agent/control/init-tenant.ts'
import { keysForWeb } from '../../agent/control/keys-client.ts'
import { connect, type RpcClient } from '../../agent/control/rpc.ts'
import { socketPath } from '../../agent/control/sockets.ts'
import { PASSWORD, refusal } from './box.ts'
import { FleetBox } from './fleet-boxes.ts'

const ROUNDS = 200
let london: FleetBox
let web: ReturnType<typeof keysForWeb>
let link: RpcClient
/** Sessions: an admin of the primary, an admin of another tenant of the same box. */
let ours = ''
let zulu = ''

async function admin(tenant_id: string): Promise<string> {
  const { code } = await london.keys.oneTimeLogin({ tenant_id })
  const { token } = await web.redeem({ code, source: tenant_id })
  return (await web.setPassword({ token, next: PASSWORD })).token
}

beforeAll(async () => {
  london = await FleetBox.open('london')
  await london.picket(['fleet', 'enable', '--tenant', 'london'])
  await initTenant(london.data, { tenant_id: 'zulu', fleet_id: 'globex' })
  web = keysForWeb(london.data)
  ours = await admin('london')
  zulu = await admin('zulu')
  await london.until('the fleet is shown', () => london.site('london'))
  link = await connect(socketPath(london.data, 'link', 'web'))
})
afterAll(async () => {
  web?.close()
  link?.close()
  await london?.close()
})

const fleet = (params: object) => refusal(link.call('fleet', params))

test('control: the primary’s own session sees its fleet', async () => {
  expect(await fleet({ token: ours })).toBe('allowed')
  expect(await fleet({ token: ours, scope: ['london'] })).toBe('allowed')
})

test('no session, a forged one, one of another tenant, a scope added by hand: no row', async () => {
  for (const call of ['fleet', 'findings']) {
    const ask = (params: object) => refusal(link.call(call, params))
    expect(await ask({})).toMatch(/^invalid: /)
    expect(await ask({ scope: ['london'] })).toMatch(/^invalid: /) // the operator's way in
    for (const token of ['', 'x'.repeat(43), ours.slice(0, -1), `${ours}x`, ours.toUpperCase()])
      expect(await ask({ token })).toMatch(/^(unauthorized|invalid): /)
    expect(await ask({ token: { toString: ours } })).toMatch(/^invalid: /)
    expect(await ask({ token: zulu })).toBe(`refused: ${CROSS_TENANT}`)
    expect(await ask({ token: zulu, scope: ['zulu'] })).toBe(`refused: ${CROSS_TENANT}`)
    expect(await ask({ token: zulu, tenant_ids: ['london'] })).toMatch(/^invalid: /)
  }
  expect(await refusal(link.call('received', {}))).toContain('may not use that method')
})

test('unknown and foreign are alike to the byte, and take as long', async () => {
  const of = (scope: string[]) => fleet({ token: ours, scope })
  const answers = [await of(['zulu']), await of(['nobody-knows']), await of(['london', 'zulu'])]
  expect(new Set(answers)).toEqual(new Set([`refused: ${CROSS_TENANT}`]))
  const times: Record<string, number[]> = { zulu: [], 'nobody-knows': [] }
  for (let i = 0; i < ROUNDS; i++)
    for (const name of i % 2 ? ['zulu', 'nobody-knows'] : ['nobody-knows', 'zulu']) {
      const start = performance.now()
      await of([name])
      times[name]?.push(performance.now() - start)
    }
  // The lower quarter: others that take the processor make some of them longer, and none shorter.
  const low = (list: number[] = []) => list.sort((a, b) => a - b)[list.length >> 2] ?? 0
  const [a, b] = [low(times.zulu), low(times['nobody-knows'])]
  expect(Math.max(a, b) / Math.min(a, b)).toBeLessThan(1.5)
})

test('another tenant’s admin steers nothing of the fleet, and is not told whose it is', async () => {
  const attempts = {
    joins: () => web.joins({ token: zulu }),
    claim: () => web.fleetClaim({ token: zulu, tenant_id: null, site: null }),
    revoke: () => web.fleetRevoke({ token: zulu, tenant_id: 'london' }),
    off: () => web.fleetEdition({ token: zulu, on: false }),
    on: () => web.fleetEdition({ token: zulu, on: true }),
  }
  for (const [name, attempt] of Object.entries(attempts))
    expect(await refusal(attempt()), name).toBe(`refused: ${CROSS_TENANT}`)
  expect(await fleet({ token: ours })).toBe('allowed') // still on
})

test('a session that ended is no session the moment it ended', async () => {
  await web.logout({ token: ours })
  expect(await fleet({ token: ours })).toMatch(/^unauthorized: /)
})
