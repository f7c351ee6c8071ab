/** Cells that are killed between and during the steps of one question, over a lake that must not notice. */
import { Failure } from '../../agent/base/failure.ts'
import { CellClient } from '../../agent/control/cell-client.ts'
import type { Branch } from '../../agent/lake/cell.ts'
import { settle } from '../../agent/lake/settle.ts'
import { openWalls, type Walls } from '../../agent/lake/walls.ts'
import type { Chance } from '../traffic/chance.ts'
import { type Found, WHOLE } from './lake-at-work.ts'
import { makeSite, type Site } from './site.ts'

const ROWS = 4000
const STEP_MS_MAX = 40
const BYTES_MAX = 50 << 20
const SQL = 'SELECT event_id FROM events'
const STEPS = ['confine', 'hand over keys', 'ask'] as const

export class CellUnderFire {
  readonly #site: Site
  readonly #ids: ReadonlySet<string>

  readonly #walls: Walls

  private constructor(site: Site, ids: ReadonlySet<string>, walls: Walls) {
    this.#site = site
    this.#walls = walls
    this.#ids = ids
  }

  static async open(): Promise<CellUnderFire> {
    const site = await makeSite()
    const rows = await site.write(Array.from({ length: ROWS }, (_, i) => ({ host: `h${i}` })))
    await settle(site.lake())
    const ids = new Set(rows.map(({ event_id }) => event_id))
    return new CellUnderFire(site, ids, await openWalls(site.data))
  }

  /** Kills one at a step; the asker gets the whole answer or a failure, and the next cell answers whole. */
  async kill(chance: Chance): Promise<{ point: string; acknowledged: number; found: Found }> {
    const step = chance.pick(STEPS)
    const afterMs = chance.next() < 0.5 ? 0 : chance.next() * STEP_MS_MAX
    const cell = await CellClient.start(undefined, this.#walls)
    let shot: NodeJS.Timeout | undefined
    let outcome = 'whole answer'
    let found = WHOLE
    try {
      found = this.#judge(
        await this.#question(cell, (now) => {
          if (now === step) shot = setTimeout(() => process.kill(cell.pid, 'SIGKILL'), afterMs)
        }),
      )
    } catch (error) {
      if (Failure.kindOf(error) !== 'internal') throw error
      outcome = 'failure in words'
    }
    clearTimeout(shot) // an answer may be quicker; its number is then another process's
    cell.kill()
    const next = await CellClient.start(undefined, this.#walls)
    const after = this.#judge(await this.#question(next, () => {}))
    next.kill()
    const point = `${afterMs === 0 ? 'before' : 'during'} ${step}: ${outcome}`
    return { point, acknowledged: this.#ids.size, found: after.lost > 0 ? after : found }
  }

  async close(): Promise<void> {
    await this.#walls.close()
    this.#site.remove()
  }

  async #question(
    cell: CellClient,
    before: (step: (typeof STEPS)[number]) => void,
  ): Promise<string[]> {
    const { catalog, tenant } = this.#site.lake()
    const branches: Branch[] = catalog.files().map((file) => ({
      tenant_id: tenant.tenant_id,
      fleet_id: tenant.fleet_id,
      key: this.#site.keys.keyFor(tenant.tenant_uid, file.epoch).toString('base64'),
      paths: [catalog.absolute(file)],
    }))
    before('confine')
    await cell.confine(branches.flatMap(({ paths }) => paths))
    before('hand over keys')
    await cell.open(branches)
    before('ask')
    const { rows } = await cell.ask({ sql: SQL, params: {}, bytesMax: BYTES_MAX })
    return rows.map(([id]) => String(id))
  }

  #judge(ids: readonly string[]): Found {
    const there = new Set(ids)
    return {
      ...WHOLE,
      lost: [...this.#ids].filter((id) => !there.has(id)).length,
      twice: ids.length - there.size,
      foreign: ids.filter((id) => !this.#ids.has(id)).length,
    }
  }
}
