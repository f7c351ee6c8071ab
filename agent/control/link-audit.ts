/** What a receiver turned away or found contradicted, as lines of the trail: a count a minute, never a line a message. */
import type { Log } from '../base/log.ts'
import type { SiteFold } from '../summary/fold.ts'
import type { LinkKeys } from './link-keys.ts'
import type { LinkReceiving } from './link-receiving.ts'

interface Told {
  rejected: number
  forks: number
  alarms: number
}

export class LinkAudit {
  readonly #keys: Pick<LinkKeys, 'audit'>
  readonly #log: Log
  readonly #told = new Map<string, Told>()

  constructor(keys: Pick<LinkKeys, 'audit'>, log: Log) {
    this.#keys = keys
    this.#log = log
  }

  tell({ receiver, primary }: LinkReceiving): void {
    for (const [id, { member, fold }] of receiver.sites()) {
      const now = countsOf(fold)
      const before = this.#told.get(id)
      this.#told.set(id, now)
      if (!before) continue // told by the run before
      const more = (verb: string, count: number) => {
        if (count > 0) this.#write(verb, { ...member, count, tenant_uid: primary.tenant_uid })
      }
      more('summary.rejected', now.rejected - before.rejected)
      more('summary.forked', now.forks - before.forks)
      more('summary.fell', now.alarms - before.alarms)
    }
  }

  #write(verb: string, of: { tenant_id: string; tenant_uid: string; count: number }): void {
    const { tenant_id: subject, tenant_uid, count } = of
    this.#keys
      .audit({ verb, subject, count, tenant_uid, outcome: 'done' })
      .catch((error: Error) => this.#log.warn({ verb, error: error.message }, 'link.audit-failed'))
  }
}

/** A message that came twice is no event: lines break. */
function countsOf({ rejected, forks, alarms }: SiteFold): Told {
  const { replayed = 0, ...rest } = rejected
  const sum = Object.values(rest).reduce((total, count) => total + count, 0)
  return { rejected: sum, forks: forks.length, alarms: alarms.length }
}
