/**
 * What others may ask picket-guard: `<data>/run/guard/<caller>.sock` serves exactly the calls of that caller.
 * The agent proposes and cannot decide; web and command line pass on what picket-keys signed.
 */
import type { Envelope } from '../base/signing.ts'
import type { Action, Plan } from '../contain/action.ts'
import type { GuardStatus } from '../contain/guard.ts'
import type { Protected } from '../contain/never-block.ts'
import { connect, type RpcClient } from './rpc.ts'
import { socketPath } from './sockets.ts'

export type { Action, ActionState, Evidence, Plan } from '../contain/action.ts'
export type { GuardStatus } from '../contain/guard.ts'
export type { Protected } from '../contain/never-block.ts'

const AGAIN_MS = 200

export interface SignedRequest {
  action_id: string
  /** Of the plan that the person saw. */
  hash: string
  decision: Envelope
}

export interface GuardAnswerStatus extends GuardStatus {
  controllers: number
  /** Controllers reported while the list was full. */
  controllersDropped: number
}

export type GuardCaller = 'agent' | 'keys' | 'web' | 'cli' | 'link'

/** Connects at the first call and again after picket-guard was restarted; a call in flight then fails. */
export class GuardClient {
  readonly #path: string
  #open: Promise<RpcClient> | undefined
  #closed = false

  constructor(data: string, caller: GuardCaller) {
    this.#path = socketPath(data, 'guard', caller)
  }

  /** The agent only. The same wish again gives the action there is. */
  propose(plan: Plan): Promise<Action> {
    return this.#call('propose', plan)
  }

  /** The agent only: addresses seen answering as an OT controller; the guard adds them to never-block. */
  controllers(tenant_uid: string, addresses: readonly string[]): Promise<{ known: number }> {
    return this.#call('controllers', { tenant_uid, addresses })
  }

  /** What waits and what is in force, then what ended; newest first in each. */
  list(): Promise<Action[]> {
    return this.#call('list')
  }

  approve(request: SignedRequest): Promise<Action> {
    return this.#call('approve', request)
  }

  reject(request: SignedRequest): Promise<Action> {
    return this.#call('reject', request)
  }

  undo(request: SignedRequest): Promise<Action> {
    return this.#call('undo', request)
  }

  status(): Promise<GuardAnswerStatus> {
    return this.#call('status')
  }

  /** As it is now; with the controllers of one tenant, or of the whole box. */
  neverBlock(tenant_uid?: string): Promise<Protected[]> {
    return this.#call('neverBlock', tenant_uid === undefined ? {} : { tenant_uid })
  }

  /**
   * Calls back with every action there is, then at every change; over and over again from the whole list
   * when the guard was restarted. Returns how to stop.
   */
  watch(onAction: (action: Action) => void): () => void {
    let stopped = false
    const attend = async () => {
      const rpc = await connect(this.#path)
      rpc.onClose(again)
      if (stopped) return rpc.close()
      stop = () => rpc.close()
      rpc.on('action', (action: Action) => stopped || onAction(action))
      for (const action of await rpc.call<Action[]>('subscribe')) if (!stopped) onAction(action)
    }
    const again = () => {
      if (stopped || this.#closed) return
      const timer = setTimeout(() => attend().catch(again), AGAIN_MS)
      stop = () => clearTimeout(timer)
    }
    let stop = () => {}
    attend().catch(again)
    return () => {
      stopped = true
      stop()
    }
  }

  close(): void {
    this.#closed = true
    this.#open?.then((rpc) => rpc.close()).catch(() => {})
  }

  async #call<T>(method: string, params: unknown = {}): Promise<T> {
    this.#open ??= connect(this.#path).then(
      (rpc) => {
        rpc.onClose(() => {
          this.#open = undefined
        })
        return rpc
      },
      (error: unknown) => {
        this.#open = undefined
        throw error
      },
    )
    return (await this.#open).call(method, params)
  }
}
