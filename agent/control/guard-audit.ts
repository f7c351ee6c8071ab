/**
 * Tells picket-keys what became of actions, for the audit trail: ids only. A person's decision is in the
 * trail before the guard hears of it; these lines say what the guard then did, or did by itself.
 */
import { Failure } from '../base/failure.ts'
import type { Log } from '../base/log.ts'
import type { Action, ActionState } from '../contain/action.ts'
import type { AuditRequest } from './keys-client.ts'

const QUEUE_MAX = 1000
const AGAIN_MS = 1000

const VERBS: Partial<Record<ActionState, string>> = {
  active: 'action.applied',
  undone: 'action.undone',
  expired: 'action.expired',
  refused: 'action.refused',
}

export class GuardAudit {
  readonly #send: (line: AuditRequest) => Promise<unknown>
  readonly #log: Log
  readonly #queue: AuditRequest[] = []
  readonly #told = new Map<string, ActionState>()
  #sending = false
  #closed = false
  /** Lines that found the queue full. */
  dropped = 0

  constructor(send: (line: AuditRequest) => Promise<unknown>, log: Log) {
    this.#send = send
    this.#log = log
  }

  /** What the trail knows already: a state as it stood at the start. */
  know({ action_id, state }: Action): void {
    this.#told.set(action_id, state)
  }

  /** Once for each state an action enters. */
  tell({ action_id, tenant_uid, state }: Action): void {
    if (this.#told.get(action_id) === state) return
    this.#told.set(action_id, state)
    const verb = VERBS[state]
    if (verb === undefined) return
    if (state !== 'active') this.#told.delete(action_id) // it ended: nothing more will be told of it
    if (this.#queue.length >= QUEUE_MAX) this.dropped++
    else this.#queue.push({ verb, subject: action_id, tenant_uid, outcome: 'done' })
    void this.#drain()
  }

  close(): void {
    this.#closed = true
  }

  async #drain(): Promise<void> {
    if (this.#sending) return
    this.#sending = true
    while (this.#queue.length > 0 && !this.#closed) {
      const line = this.#queue[0] as AuditRequest
      try {
        await this.#send(line)
        this.#queue.shift()
      } catch (error) {
        const kind = Failure.kindOf(error)
        if (kind === 'unavailable') await new Promise((done) => setTimeout(done, AGAIN_MS).unref())
        else {
          this.#log.error({ verb: line.verb, kind, because: String(error) }, 'guard.audit-refused')
          this.#queue.shift()
        }
      }
    }
    this.#sending = false
  }
}
