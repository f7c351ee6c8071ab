/**
 * The fleet in platform.db: of a primary its authority and members, of any box its uplinks. Rows that say who
 * is believed change only through `change`, under the tenant's signed head (D12) and with an audit line.
 */
import type { Clock } from '../base/clock.ts'
import { Failure } from '../base/failure.ts'
import type { Heads, Witness } from './heads.ts'
import type { SealedDb } from './sealed-db.ts'

export const MEMBERS_MAX = 20_000
/** Of one member; the floor keeps what was forgotten from being taken again. */
export const NONCES_MAX = 256
const FLEET_COMMAND = 'fleet-command'

/** What a primary is: its own authority, and the certificate that it serves with. PEM throughout. */
export interface FleetRow {
  /** The primary's own tenant. */
  tenant_id: string
  fleet_uid: string
  ca: string
  ca_key: string
  certificate: string
  tls_key: string
  /** JSON of the names in the certificate. */
  names: string
  not_after: number
}

export interface MemberRow {
  /** The primary's tenant. */
  owner_id: string
  tenant_id: string
  tenant_uid: string
  fleet_id: string
  appliance_id: string
  site: string
  is_primary: number
  /** base64 SPKI, Ed25519. */
  spki: string
  key_id: string
  joined: number
  /** What both screens showed. */
  digits: string | null
  revoked_at: number | null
  revoked_epoch: number | null
  revoked_sequence: number | null
  not_after: number | null
  /** Signed requests of this member from before are not taken any more. */
  renewals_floor: number
  store_key: Buffer
  /** X25519, PKCS #8. */
  seal_key: Buffer
}

export interface UplinkRow {
  uplink_id: string
  tenant_id: string
  fleet_uid: string
  /** 1: to this box itself, so that url and door follow the configuration. */
  own: number
  url: string
  door: string
  ca: string
  certificate: string
  tls_key: string
  not_after: number
  /** JSON of the receiver as it was pinned at the join. */
  receiver: string
}

/** A request that waits for its signed answer by file. */
export interface JoiningRow {
  tenant_id: string
  request: string
  tls_key: string
  at: number
}

/** The writes of one change. */
export interface FleetWriter {
  found(row: FleetRow): void
  edition(tenantId: string, on: boolean): void
  putMember(row: MemberRow): void
  revoke(owner: string, tenantUid: string, from: { epoch: number; sequence: number }): void
  /** Replaces an earlier one of the same tenant to the same fleet. */
  putUplink(row: UplinkRow): void
  removeUplink(uplinkId: string): void
}

export class Fleet {
  readonly #db: SealedDb
  readonly #clock: Clock
  readonly #heads: Heads
  #version = 0

  constructor({ db, clock, heads }: { db: SealedDb; clock: Clock; heads: Heads }) {
    this.#db = db
    this.#clock = clock
    this.#heads = heads
  }

  /** All or nothing, with the tenant's next head. */
  change(tenantId: string, witness: Witness, apply: (rows: FleetWriter) => void): void {
    this.#version++ // also where it fails: what was remembered is read again, no more
    this.#heads.change([tenantId], witness, () => apply(this.#writer()))
  }

  /** Another after every change: what was read under the same one still holds. */
  get version(): number {
    return this.#version
  }

  /** The fleet that this box is primary of, while Fleet Command is on. */
  primary(): FleetRow | undefined {
    const sql = 'SELECT fleets.* FROM fleets JOIN editions USING (tenant_id) WHERE edition = ?'
    return this.#db.prepare(sql).get(FLEET_COMMAND) as FleetRow | undefined
  }

  /** The fleet of a tenant of this box, on or off. */
  of(tenantId: string): FleetRow | undefined {
    return this.#db.prepare('SELECT * FROM fleets WHERE tenant_id = ?').get(tenantId) as
      | FleetRow
      | undefined
  }

  members(owner: string): MemberRow[] {
    return this.#db
      .prepare('SELECT * FROM members WHERE owner_id = ? ORDER BY joined, tenant_id')
      .all(owner) as MemberRow[]
  }

  member(owner: string, tenantUid: string): MemberRow | undefined {
    const sql = 'SELECT * FROM members WHERE owner_id = ? AND tenant_uid = ?'
    return this.#db.prepare(sql).get(owner, tenantUid) as MemberRow | undefined
  }

  memberByName(owner: string, tenantId: string): MemberRow | undefined {
    const sql = 'SELECT * FROM members WHERE owner_id = ? AND tenant_id = ?'
    return this.#db.prepare(sql).get(owner, tenantId) as MemberRow | undefined
  }

  uplinks(): UplinkRow[] {
    return this.#db
      .prepare('SELECT * FROM uplinks ORDER BY own DESC, uplink_id')
      .all() as UplinkRow[]
  }

  uplink(uplinkId: string): UplinkRow | undefined {
    return this.uplinks().find(({ uplink_id }) => uplink_id === uplinkId)
  }

  /** A new certificate: believed for transport only, so it is under no head. */
  renewed(uplinkId: string, certificate: string, notAfter: number): void {
    this.#db
      .prepare('UPDATE uplinks SET certificate = ?, not_after = ? WHERE uplink_id = ?')
      .run(certificate, notAfter, uplinkId)
  }

  served(tenantId: string, certificate: string, names: string, notAfter: number): void {
    this.#db
      .prepare('UPDATE fleets SET certificate = ?, names = ?, not_after = ? WHERE tenant_id = ?')
      .run(certificate, names, notAfter, tenantId)
  }

  certified(owner: string, tenantUid: string, notAfter: number): void {
    this.#db
      .prepare('UPDATE members SET not_after = ? WHERE owner_id = ? AND tenant_uid = ?')
      .run(notAfter, owner, tenantUid)
  }

  /**
   * Takes a member's signed request once. The newest are remembered; when one is forgotten, everything up to
   * its time is refused from then on, so that the table is bounded and a replay still never works.
   */
  takeNonce(member: MemberRow, nonce: string, at: number): boolean {
    const { owner_id, tenant_id, renewals_floor } = member
    if (at <= renewals_floor) return false
    const whose = [owner_id, tenant_id] as const
    const run = this.#db.transaction(() => {
      const added = this.#db
        .prepare('INSERT OR IGNORE INTO nonces VALUES (?, ?, ?, ?)')
        .run(...whose, nonce, at)
      if (added.changes === 0) return false
      const oldest = this.#db
        .prepare(
          'SELECT at FROM nonces WHERE owner_id = ? AND tenant_id = ? ORDER BY at DESC LIMIT 1 OFFSET ?',
        )
        .pluck()
      const floor = oldest.get(...whose, NONCES_MAX) as number | undefined
      if (floor === undefined) return true
      this.#db
        .prepare('DELETE FROM nonces WHERE owner_id = ? AND tenant_id = ? AND at <= ?')
        .run(...whose, floor)
      this.#db
        .prepare('UPDATE members SET renewals_floor = ? WHERE owner_id = ? AND tenant_id = ?')
        .run(floor, ...whose)
      return at > floor
    })
    return run.immediate()
  }

  /** One waiting request a tenant; a newer one replaces it. */
  wait(row: JoiningRow): void {
    this.#db
      .prepare('INSERT OR REPLACE INTO joinings VALUES (@tenant_id, @request, @tls_key, @at)')
      .run(row)
  }

  waiting(): JoiningRow[] {
    return this.#db.prepare('SELECT * FROM joinings ORDER BY at').all() as JoiningRow[]
  }

  waitedFor(tenantId: string): void {
    this.#db.prepare('DELETE FROM joinings WHERE tenant_id = ?').run(tenantId)
  }

  #writer(): FleetWriter {
    const add = (table: string, row: object) => {
      const names = Object.keys(row)
      const places = names.map((name) => `@${name}`)
      this.#db.prepare(`INSERT INTO ${table} (${names.join()}) VALUES (${places.join()})`).run(row)
    }
    const remove = (table: string, where: string, ...values: string[]) =>
      void this.#db.prepare(`DELETE FROM ${table} WHERE ${where}`).run(...values)
    return {
      found: (row) => add('fleets', row),
      edition: (tenantId, on) => {
        remove('editions', 'tenant_id = ? AND edition = ?', tenantId, FLEET_COMMAND)
        const since = this.#clock.nowUs()
        if (on) add('editions', { tenant_id: tenantId, edition: FLEET_COMMAND, since })
      },
      putMember: (row) => {
        remove('members', 'owner_id = ? AND tenant_uid = ?', row.owner_id, row.tenant_uid)
        const count = this.#db.prepare('SELECT count(*) FROM members WHERE owner_id = ?').pluck()
        if ((count.get(row.owner_id) as number) >= MEMBERS_MAX)
          throw new Failure('too-many', `A fleet has at most ${MEMBERS_MAX} sites.`)
        add('members', row)
      },
      revoke: (owner, tenantUid, { epoch, sequence }) => {
        this.#db
          .prepare(
            'UPDATE members SET revoked_at = ?, revoked_epoch = ?, revoked_sequence = ? WHERE owner_id = ? AND tenant_uid = ?',
          )
          .run(this.#clock.nowUs(), epoch, sequence, owner, tenantUid)
      },
      putUplink: (row) => {
        remove('uplinks', 'tenant_id = ? AND fleet_uid = ?', row.tenant_id, row.fleet_uid)
        add('uplinks', row)
      },
      removeUplink: (uplinkId) => remove('uplinks', 'uplink_id = ?', uplinkId),
    }
  }
}
