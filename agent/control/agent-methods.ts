/** The sockets of picket-agent: what pages and the command line may ask, and who listens. */
import * as v from 'valibot'
import type { EventRow } from '../base/event.ts'
import type { Log } from '../base/log.ts'
import type { SiteStatus } from '../health/status.ts'
import type { AssetView, RulesView, SummaryFacts } from './agent-client.ts'
import { parse } from './keys-params.ts'
import { type Peer, type RpcServer, serve } from './rpc.ts'
import { socketPath } from './sockets.ts'

const TimeUs = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const Window = v.object({ fromUs: TimeUs, toUs: TimeUs })

export interface AgentService {
  status(): SiteStatus
  summaryFacts(window: { fromUs: number; toUs: number }): SummaryFacts
  assets(): AssetView[]
  rules(): RulesView
  reloadRules(): Promise<{ loaded: number; refused: number; generation: number }>
  selfTest(): Promise<{ ok: boolean; sentence: string }>
}

/** Pushes to those who asked; one that does not read is cut off rather than waited for. */
export class Subscribers {
  readonly #events = new Set<Peer>()
  readonly #status = new Set<Peer>()
  /** Rows not shown because a subscriber was too slow; the rows themselves are on disk. */
  skipped = 0

  add(peer: Peer, wants: { event?: boolean; status?: boolean }): void {
    if (wants.event) this.#events.add(peer)
    if (wants.status) this.#status.add(peer)
    peer.onClose(() => {
      this.#events.delete(peer)
      this.#status.delete(peer)
    })
  }

  rows(rows: readonly EventRow[]): void {
    for (const peer of this.#events)
      for (const row of rows) if (!peer.push('event', row)) this.skipped++
  }

  status(status: SiteStatus): void {
    for (const peer of this.#status) peer.push('status', status)
  }
}

export async function serveAgent(
  data: string,
  service: AgentService,
  subscribers: Subscribers,
  log: Log,
): Promise<{ close(): Promise<void> }> {
  const methods = {
    status: () => service.status(),
    summaryFacts: (params: unknown) => service.summaryFacts(parse(Window, params)),
    assets: () => service.assets(),
    rules: () => service.rules(),
    reloadRules: () => service.reloadRules(),
    selfTest: () => service.selfTest(),
    subscribe: (params: unknown, peer: Peer) => {
      subscribers.add(peer, params as { event?: boolean; status?: boolean })
      return {}
    },
  }
  const servers: RpcServer[] = []
  for (const caller of ['web', 'cli', 'link'] as const)
    servers.push(await serve(socketPath(data, 'agent', caller), methods, log))
  return { close: async () => void (await Promise.all(servers.map((server) => server.close()))) }
}
