/** The sockets of picket-agent: what pages and the command line may ask, and who listens. */
import * as v from 'valibot'
import type { EventRow } from '../base/event.ts'
import { UUID } from '../base/ids.ts'
import type { Log } from '../base/log.ts'
import { type Override, type OverrideAsked, readOverride } from '../detect/overrides.ts'
import type { SiteStatus } from '../health/status.ts'
import type { AssetView, MachineView, RulesView, SummaryFacts, TuningView } from './agent-client.ts'
import { parse } from './keys-params.ts'
import { type Peer, type RpcServer, serve } from './rpc.ts'
import { type CallerName, socketPath } from './sockets.ts'

const TimeUs = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const Window = v.object({ fromUs: TimeUs, toUs: TimeUs })
const Tune = v.object({ override: v.unknown(), by: v.pipe(v.string(), v.maxLength(128)) })
const Untune = v.object({ override_id: v.pipe(v.string(), v.regex(UUID)) })

export interface AgentService {
  status(): SiteStatus
  summaryFacts(window: { fromUs: number; toUs: number }): SummaryFacts
  assets(): AssetView[]
  machine(): MachineView
  rules(): RulesView
  reloadRules(): Promise<{ loaded: number; refused: number; generation: number }>
  tuning(): TuningView
  tune(override: OverrideAsked, by: string): Promise<Override>
  untune(override_id: string): Promise<Override>
  selfTest(): Promise<{ ok: boolean; sentence: string }>
  /** The configuration was written anew: a process that was started with another one starts again. */
  settingsChanged(): void
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
  const reading = {
    status: () => service.status(),
    summaryFacts: (params: unknown) => service.summaryFacts(parse(Window, params)),
  }
  const watching = {
    ...reading,
    assets: () => service.assets(),
    machine: () => service.machine(),
    rules: () => service.rules(),
    reloadRules: () => service.reloadRules(),
    selfTest: () => service.selfTest(),
    tuning: () => service.tuning(),
    subscribe: (params: unknown, peer: Peer) => {
      subscribers.add(peer, params as { event?: boolean; status?: boolean })
      return {}
    },
  }
  const tuning = {
    tune: (params: unknown) => {
      const { override, by } = parse(Tune, params)
      return service.tune(readOverride(override), by)
    },
    untune: (params: unknown) => service.untune(parse(Untune, params).override_id),
  }
  const answers = {
    cli: { ...watching, ...tuning },
    web: watching,
    console: { status: reading.status },
    // What is heard no more has its line first: picket-keys asks for it, as whoever holds a session wants it.
    keys: { ...tuning, settingsChanged: () => service.settingsChanged() },
    // It talks to strangers, and asks what a summary says.
    link: reading,
  }
  const servers: RpcServer[] = []
  for (const [caller, methods] of Object.entries(answers))
    servers.push(await serve(socketPath(data, 'agent', caller as CallerName), methods, log))
  return { close: async () => void (await Promise.all(servers.map((server) => server.close()))) }
}
