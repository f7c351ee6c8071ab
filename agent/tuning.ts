/**
 * The site's overrides, kept: `agent/<uid>/overrides.json`, whole and sealed under the tenant's key (layer
 * `model`, D5), since which rules a site does not hear tells where it is blind. On disk before it is in force.
 */
import { existsSync, readFileSync, renameSync } from 'node:fs'
import { Failure } from './base/failure.ts'
import { writeWhole } from './base/files.ts'
import { uuidV7 } from './base/ids.ts'
import type { Log } from './base/log.ts'
import {
  type Override,
  type OverrideAsked,
  Overrides,
  type OverrideView,
} from './detect/overrides.ts'
import { ownFile } from './own-folder.ts'

export interface TuningParts {
  data: string
  tenant_id: string
  tenant_uid: string
  keys: {
    sealModel(request: { tenant_uid: string; plain: string }): Promise<{ sealed: string }>
    openModel(request: { tenant_uid: string; sealed: string }): Promise<{ plain: string }>
  }
  nowUs: () => number
  log: Log
}

export class Tuning {
  readonly #parts: TuningParts
  readonly #path: string
  #overrides = new Overrides()
  /** Changes wait for one another: each is judged on what the one before left. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(parts: TuningParts) {
    this.#parts = parts
    this.#path = ownFile(parts.data, parts.tenant_uid, 'overrides.json', 'overrides.json')
  }

  get overrides(): Overrides {
    return this.#overrides
  }

  /** A file that does not open is set aside and said; the site then hears more than it asked for, never less. */
  async restore(): Promise<void> {
    if (!existsSync(this.#path)) return
    const { keys, tenant_uid, log } = this.#parts
    try {
      const { sealed } = JSON.parse(readFileSync(this.#path, 'utf8')) as { sealed: string }
      const { plain } = await keys.openModel({ tenant_uid, sealed })
      const kept = JSON.parse(Buffer.from(plain, 'base64').toString()) as { overrides?: unknown }
      this.#overrides = Overrides.read(kept.overrides)
    } catch (error) {
      if (Failure.kindOf(error) === 'unavailable') throw error
      const aside = `${this.#path}.unread`
      renameSync(this.#path, aside)
      log.error({ path: aside, because: (error as Error).message }, 'overrides.not-restored')
    }
  }

  list(): OverrideView[] {
    return this.#overrides.list()
  }

  add(asked: OverrideAsked, by: string): Promise<Override> {
    const override = { ...asked, override_id: uuidV7(), by, at: this.#parts.nowUs() }
    return this.#change((overrides) => {
      overrides.add(override)
      return override
    })
  }

  remove(override_id: string): Promise<Override> {
    return this.#change((overrides) => {
      const gone = overrides.remove(override_id)
      if (!gone)
        throw new Failure('not-found', 'There is no such override. It may be removed already.')
      return gone
    })
  }

  /** On a copy, that is kept before the one in force is touched. */
  #change<T>(act: (overrides: Overrides) => T): Promise<T> {
    const change = this.#last.then(async () => {
      const copy = Overrides.read(this.#overrides.list())
      act(copy)
      await this.#keep(copy)
      return act(this.#overrides)
    })
    this.#last = change.catch(() => {})
    return change
  }

  async #keep(overrides: Overrides): Promise<void> {
    const { keys, tenant_id, tenant_uid } = this.#parts
    const kept = overrides.list().map(({ held: _, ...each }) => each)
    const plain = Buffer.from(JSON.stringify({ version: 1, overrides: kept })).toString('base64')
    const { sealed } = await keys.sealModel({ tenant_uid, plain })
    writeWhole(this.#path, Buffer.from(`${JSON.stringify({ tenant_id, sealed })}\n`))
  }
}
