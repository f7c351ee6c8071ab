/** The bounds of claims and of nonces, over a real database. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { newUid } from '../base/ids.ts'
import { Claims } from './claims.ts'
import { Fleet, type MemberRow, NONCES_MAX } from './fleet.ts'
import { Heads } from './heads.ts'
import { openPlatform } from './platform.ts'

const MINUTE_US = 60_000_000
let nowUs = 0
const clock = { nowUs: () => nowUs, steadyMs: () => nowUs / 1000 }
let fleet: Fleet
let claims: Claims

beforeEach(() => {
  nowUs = Date.UTC(2026, 10, 23) * 1000
  const db = openPlatform(mkdtempSync(join(tmpdir(), 'fleet-')), randomBytes(32))
  for (const name of ['london', 'paris'])
    db.prepare('INSERT INTO tenants VALUES (?, ?, ?, ?, 1)').run(name, newUid(), 'acme', newUid())
  const heads = new Heads(db, {
    sign: () => ({ type: 'accounts', body: '', key_id: '', signature: '' }),
    verify: () => null,
  })
  fleet = new Fleet({ db, clock, heads })
  claims = new Claims(db, clock)
})

function member(tenant_id: string): MemberRow {
  return {
    ...{ owner_id: 'london', tenant_id, tenant_uid: newUid(), fleet_id: 'acme', site: tenant_id },
    ...{ appliance_id: newUid(), is_primary: 0, spki: '', key_id: '', joined: 1, digits: null },
    ...{ revoked_at: null, revoked_epoch: null, revoked_sequence: null, not_after: 1 },
    ...{ renewals_floor: 0, store_key: Buffer.alloc(32), seal_key: Buffer.alloc(32) },
  }
}
const put = (row: MemberRow) =>
  fleet.change(
    'london',
    () => {},
    (rows) => rows.putMember(row),
  )
const again = (row: MemberRow) => fleet.member('london', row.tenant_uid) as MemberRow

test('a nonce is taken once, also after the table forgot it', () => {
  const row = member('sydney')
  const other = member('perth')
  put(row)
  put(other)
  const used = Array.from({ length: NONCES_MAX + 10 }, (_, i) => ({
    nonce: newUid(),
    at: 1000 + i,
  }))
  for (const { nonce, at } of used) expect(fleet.takeNonce(again(row), nonce, at)).toBe(true)
  for (const { nonce, at } of used) expect(fleet.takeNonce(again(row), nonce, at)).toBe(false)
  expect(fleet.takeNonce(again(row), newUid(), 1005)).toBe(false) // before what was forgotten
  expect(fleet.takeNonce(again(row), newUid(), 1200)).toBe(true) // late, but new
  expect(fleet.takeNonce(again(other), used[0]?.nonce as string, 1)).toBe(true) // each its own
})

test('a name cannot be taken by another site, and a change that fails leaves nothing', () => {
  put(member('sydney'))
  expect(() => put(member('sydney'))).toThrow()
  const refuse = () =>
    fleet.change(
      'london',
      () => {
        throw new Error('the audit trail is full')
      },
      (rows) => rows.putMember(member('perth')),
    )
  expect(refuse).toThrow('full')
  expect(fleet.members('london').map(({ tenant_id }) => tenant_id)).toEqual(['sydney'])
})

const claim = (wanted: string | null, tenant_id = 'london') =>
  claims.make({ tenant_id, code_key: randomBytes(32), wanted, site: null })

test('a claim is of one primary, for one tenant, lives ten minutes and five wrong tries', () => {
  const one = claim('sydney')
  const find = (tenantId: string, key = one.code_key, owner = 'london') =>
    claims.find(owner, tenantId, (each) => each.equals(key))?.claim_id
  expect(find('sydney')).toBe(one.claim_id)
  expect(find('perth')).toBeUndefined()
  expect(find('sydney', one.code_key, 'paris')).toBeUndefined()
  for (let i = 0; i < 5; i++) expect(find('sydney', randomBytes(32))).toBeUndefined()
  expect(find('sydney')).toBeUndefined()
  const two = claim(null)
  expect(find('perth', two.code_key)).toBe(two.claim_id)
  nowUs += 11 * MINUTE_US
  expect(find('perth', two.code_key)).toBeUndefined()
  const three = claim(null)
  nowUs -= 60 * MINUTE_US // a clock set back makes no claim live longer
  expect(find('perth', three.code_key)).toBeUndefined()
})

test('a claim is taken once, and only so many wait', () => {
  const one = claim(null)
  expect([claims.take(one), claims.take(one)]).toEqual([true, false])
  for (let i = 0; i < 64; i++) claim(null)
  expect(() => claim(null)).toThrow('64 claims wait')
})
