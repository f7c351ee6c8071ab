/**
 * What this box has learned must survive a restart: who writes to which controller, which devices are known, what
 * was found today. Kept as one sealed file under the tenant's key (layer `model`, D5); picket-keys
 * seals and opens it, so this process holds no key for it.
 */
import { readFileSync } from 'node:fs'
import { writeWhole } from './base/files.ts'
import type { Log } from './base/log.ts'
import type { Day, Recent } from './day.ts'
import type { Baselines } from './detect/baselines/baselines.ts'
import type { Asset, Assets } from './flow/assets.ts'
import { ownFile } from './own-folder.ts'

export interface ModelParts {
  data: string
  tenant_uid: string
  keys: {
    sealModel(request: { tenant_uid: string; plain: string }): Promise<{ sealed: string }>
    openModel(request: { tenant_uid: string; sealed: string }): Promise<{ plain: string }>
  }
  baselines: Baselines
  assets: Assets
  day: Day
  log: Log
}

interface Learned {
  version: 1
  baselines: ReturnType<Baselines['snapshot']>
  assets: Asset[]
  recent: Recent[]
}

export class Model {
  readonly #parts: ModelParts
  readonly #path: string
  #saving: Promise<void> | undefined

  constructor(parts: ModelParts) {
    this.#parts = parts
    const { data, tenant_uid } = parts
    this.#path = ownFile(data, tenant_uid, 'learned.sealed', 'model/learned.sealed')
  }

  /** Puts back what was learned; a file that does not open is kept aside and said, and learning starts anew. */
  async restore(): Promise<void> {
    const { keys, tenant_uid, baselines, assets, day, log } = this.#parts
    let sealed: string
    try {
      sealed = readFileSync(this.#path, 'base64')
    } catch {
      return // a first run
    }
    try {
      const { plain } = await keys.openModel({ tenant_uid, sealed })
      const learned = JSON.parse(Buffer.from(plain, 'base64').toString()) as Learned
      baselines.restore(learned.baselines)
      for (const asset of learned.assets) assets.restore(asset)
      day.restore(learned.recent)
    } catch (error) {
      log.error({ path: this.#path, because: (error as Error).message }, 'model.not-restored')
    }
  }

  /** At most one at a time; a failure is logged, the file before it stays. */
  save(): Promise<void> {
    this.#saving ??= this.#write()
      .catch((error: Error) => this.#parts.log.warn({ because: error.message }, 'model.not-saved'))
      .finally(() => {
        this.#saving = undefined
      })
    return this.#saving
  }

  async #write(): Promise<void> {
    const { keys, tenant_uid, baselines, assets, day } = this.#parts
    const learned: Learned = {
      version: 1,
      baselines: baselines.snapshot(),
      assets: assets.list(),
      recent: [...day.recent],
    }
    const plain = Buffer.from(JSON.stringify(learned)).toString('base64')
    const { sealed } = await keys.sealModel({ tenant_uid, plain })
    writeWhole(this.#path, Buffer.from(sealed, 'base64'))
  }
}
