/** A question on its way to the lake: scope first, then the audit line, then a cell with the keys of that scope. */
import { Failure, type Kind } from '../base/failure.ts'
import { type Control, type ControlValue, controlsSql } from '../summary/compliance.ts'
import type { Scope } from '../tenancy/scope.ts'
import type { TenantRef } from '../tenancy/tenant.ts'
import type { KeysBox } from './keys-box.ts'
import type { QueryAnswer, QueryRunner, Question } from './keys-client.ts'

const VIEW_QUIET_MS = 600_000
const VIEWS_MAX = 10_000

/** The evidence of every shipped control in one question; its rows are (id, value). */
export interface ControlsQuestion {
  ids: readonly string[]
  sql: string
}

export function questionOf(controls: readonly Control[]): ControlsQuestion {
  const ids = controls.filter(({ evidence }) => 'sql' in evidence).map(({ id }) => id)
  return { ids, sql: controlsSql(controls) ?? '' }
}

export interface QueryAsker {
  actor: string
  /** Names the session for limits; no secret. */
  session: string
  scope: Scope
  /** What the scope was granted by. */
  grant: readonly string[]
}

/** In a signed summary for others: the failure's own words name sockets and files of this box. */
const WHY: Record<Kind, string> = {
  unavailable: 'The lake does not answer.',
  'too-many': 'The lake had more to read than it may.',
  refused: 'The lake may not be read.',
  unauthorized: 'The lake may not be read.',
  'not-found': 'The lake has nothing to tell it by.',
  conflict: 'The lake was busy.',
  invalid: 'The question failed.',
  internal: 'The question failed.',
}

/** Looks at dashboards have one line per session, question and ten minutes; free SQL has one each. */
export class Questions {
  readonly #box: KeysBox
  readonly #runner: QueryRunner
  readonly #views = new Map<string, number>()

  readonly #controls: ControlsQuestion

  constructor(
    box: KeysBox,
    runner: QueryRunner,
    controls: ControlsQuestion = { ids: [], sql: '' },
  ) {
    this.#box = box
    this.#runner = runner
    this.#controls = controls
  }

  /** Of one tenant, from its own lake. A lake that does not answer leaves every value unknown, with the reason. */
  async controls(tenant: TenantRef): Promise<ControlValue[]> {
    const { ids, sql } = this.#controls
    if (ids.length === 0) return []
    const { tenant_uid } = tenant
    const actor = 'process:link'
    if (!this.#isRepeated(`${actor} ${tenant_uid}`))
      this.#box.trail.write({
        actor,
        tenant,
        verb: 'lake.view',
        outcome: 'done',
        subject: 'controls',
      })
    const keyFor = this.#keysOf(new Set([tenant_uid]))
    try {
      const rights = this.#rights([])
      const { rows } = await this.#runner.query({ sql, tenants: [tenant], keyFor, session: actor, rights }) // biome-ignore format: one line
      const values = new Map(rows.map(([id, value]) => [String(id), value]))
      return ids.map((id) => {
        const value = values.get(id)
        return value === undefined || value === null || !Number.isFinite(Number(value))
          ? { id, value: null, because: 'The lake has nothing to tell it by.' }
          : { id, value: Number(value), because: null }
      })
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      this.#box.log.warn({ error: error.message }, 'controls.unanswered')
      return ids.map((id) => ({ id, value: null, because: WHY[error.kind] }))
    }
  }

  async ask(
    asker: QueryAsker,
    wanted: string[] | undefined,
    question: Question,
  ): Promise<QueryAnswer> {
    if ((question.sql === undefined) === (question.named === undefined))
      throw new Failure('invalid', 'Ask with sql or with named, one of the two.')
    const tenants = this.#narrow(asker, wanted)
    this.#announce(asker, tenants, question)
    const uids = new Set(tenants.map(({ tenant_uid }) => tenant_uid))
    const keyFor = this.#keysOf(uids)
    try {
      const rights = this.#rights(asker.grant)
      return await this.#runner.query({ ...question, tenants, keyFor, session: asker.session, rights }) // biome-ignore format: one line
    } catch (error) {
      if (Failure.kindOf(error) === 'refused') this.#refused(asker, tenants, question.sql)
      throw error
    }
  }

  /** What answered this session alone ends now. */
  leave(session: string): void {
    this.#runner.leave?.(session)
  }

  /** Cache → its keys: each must say whose the value is. */
  cacheKeys(): Record<string, string[]> {
    return { 'lines of looking': [...this.#views.keys()], ...this.#runner.cacheKeys?.() }
  }

  close(): Promise<void> | void {
    return this.#runner.close?.()
  }

  /** The generation of the root counts as one: after a shred nothing that was open before answers. */
  #rights(grant: readonly string[]): string[] {
    return [String(this.#box.ring.describe().generation), ...grant]
  }

  #keysOf(uids: ReadonlySet<string>): (uid: string, epoch: number) => Buffer {
    return (uid, epoch) => {
      if (!uids.has(uid)) throw new Failure('refused', 'That key is not of this question.')
      return this.#box.ring.layer(uid, epoch, 'parquet')
    }
  }

  #narrow({ actor, scope }: QueryAsker, wanted: string[] | undefined): TenantRef[] {
    const all = scope.tenants
    const ids = wanted ?? all.map(({ tenant_id }) => tenant_id)
    try {
      return scope.narrow(ids)
    } catch (error) {
      const [tenant] = all
      const act = { actor, tenant, verb: 'lake.refused', count: ids.length } as const
      if (Failure.kindOf(error) === 'refused')
        this.#box.trail.refused({ ...act, subject: 'scope', text: ids.join(',') })
      throw error
    }
  }

  /** A line for each tenant that is read: its owner asks "who looked at my data?". */
  #announce(asker: QueryAsker, tenants: TenantRef[], { sql, named }: Question): void {
    const { actor } = asker
    for (const tenant of tenants) {
      if (sql !== undefined) {
        this.#box.trail.write({ actor, tenant, verb: 'lake.query', outcome: 'done', text: sql })
        continue
      }
      if (this.#isRepeated(`${asker.session} ${tenant.tenant_uid} ${named}`)) continue
      this.#box.trail.write({ actor, tenant, verb: 'lake.view', outcome: 'done', subject: named })
    }
  }

  #refused({ actor }: QueryAsker, [tenant]: TenantRef[], sql: string | undefined): void {
    this.#box.trail.refused({ actor, tenant, verb: 'lake.query', subject: 'guard', text: sql })
  }

  #isRepeated(key: string): boolean {
    const now = this.#box.clock.steadyMs()
    const last = this.#views.get(key)
    if (last !== undefined && now - last < VIEW_QUIET_MS) return true
    this.#views.delete(key)
    if (this.#views.size >= VIEWS_MAX) this.#views.delete(this.#views.keys().next().value as string)
    this.#views.set(key, now)
    return false
  }
}
