/** What others ask picket-link, over link/web.sock and link/cli.sock. Whoever shows fleet rows sends the session's token. */

import type { Envelope } from '../base/signing.ts'
import type { PublicKeyRecord } from '../keys/signer.ts'
import type { ReceivedSummary } from '../link/received-list.ts'
import type { TopicsCheck } from '../link/topics-seen.ts'
import type { FleetFinding, FleetView, UplinkView } from '../summary/fleet-view.ts'
import { connect, type RpcClient } from './rpc.ts'
import { type CallerName, socketPath } from './sockets.ts'

export type { ReceivedSummary } from '../link/received-list.ts'
export type {
  FleetFinding,
  FleetJoins,
  FleetSite,
  FleetState,
  FleetView,
  Gap,
  StripStep,
  UplinkView,
} from '../summary/fleet-view.ts'

export interface FleetQuestion {
  /** The session: picket-keys says which sites it may see. The box's own operator (cli.sock) sends none. */
  token?: string
  /** tenant_ids wanted; one outside the session's scope refuses the whole. */
  scope?: string[]
  /** Leaves strips, digests, failing controls and their 30 days empty: of ten thousand sites they are no message. */
  brief?: boolean
}

export class LinkClient {
  readonly #rpc: RpcClient

  constructor(rpc: RpcClient) {
    this.#rpc = rpc
  }

  static async open(data: string, caller: CallerName): Promise<LinkClient> {
    return new LinkClient(await connect(socketPath(data, 'link', caller)))
  }

  /** `not-found` while Fleet Command is off on this box. */
  fleet(question: FleetQuestion): Promise<FleetView> {
    return this.#rpc.call('fleet', question)
  }

  findings(
    question: FleetQuestion & { limit?: number },
  ): Promise<{ findings: FleetFinding[]; leftOut: number }> {
    return this.#rpc.call('findings', question)
  }

  /** For the box's own operator: what the log of a primary holds, each verified again. */
  received(question: { tenant_id?: string }): Promise<{ summaries: ReceivedSummary[] }> {
    return this.#rpc.call('received', question)
  }

  /** For the box's own operator: a site's newest summaries as it signed them, and its public key. */
  evidence(question: {
    tenant_id: string
  }): Promise<{ envelopes: Envelope[]; keys: PublicKeyRecord[] }> {
    return this.#rpc.call('evidence', question)
  }

  /** This box's own uplinks: no tenant data, but for the status line of the pages. */
  uplinks(): Promise<{ uplinks: UplinkView[] }> {
    return this.#rpc.call('uplinks')
  }

  /** For `picket invariants`: what the broker of this box carried since it listens. */
  topics(): Promise<TopicsCheck> {
    return this.#rpc.call('topics')
  }

  /** Something about the fleet changed: ask again. At most once a second. */
  async subscribe(changed: (tenant_ids: string[]) => void): Promise<void> {
    this.#rpc.on('fleet', changed)
    await this.#rpc.call('subscribe', {})
  }

  /** Members, uplinks, edition flags or certificates changed: picket-link reads them again from picket-keys. */
  reload(): Promise<{ reloaded: true }> {
    return this.#rpc.call('reload')
  }

  onClose(listener: () => void): void {
    this.#rpc.onClose(listener)
  }

  close(): void {
    this.#rpc.close()
  }
}
