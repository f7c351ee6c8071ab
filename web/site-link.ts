/** The agent, as the pages see it: connected again whenever it was restarted, its last word kept. */

import type { Clock } from '../agent/base/clock.ts'
import type { EventRow } from '../agent/base/event.ts'
import { Failure } from '../agent/base/failure.ts'
import type { Log } from '../agent/base/log.ts'
import { AgentClient } from '../agent/control/agent-client.ts'
import type { ClientOf, WebCalls } from '../agent/control/keys-client.ts'
import type { Site, SiteStatus } from './base/ports.ts'

const AGAIN_MS = 500
const SILENT_MS_MAX = 5_000 // it speaks each second

export interface SiteLink extends Site {
  /** The last status, while it is fresh. */
  last(): SiteStatus | undefined
  close(): void
}

export interface SiteLinkOptions {
  data: string
  clock: Clock
  log: Log
  keys: Pick<ClientOf<WebCalls>, 'tune' | 'untune'>
}

export interface SiteListeners {
  event(row: EventRow): void
  status(status: SiteStatus): void
}

export function linkSite(
  { data, clock, log, keys }: SiteLinkOptions,
  listeners: SiteListeners,
): SiteLink {
  let client: AgentClient | undefined
  let status: SiteStatus | undefined
  let heardMs = -Infinity
  let timer: NodeJS.Timeout | undefined
  let closed = false

  const attend = async () => {
    const made = await AgentClient.open(data, 'web')
    if (closed) return made.close()
    client = made
    made.onClose(() => {
      client = undefined
      again()
    })
    await made.subscribe({
      event: listeners.event,
      status: (told) => {
        status = told
        heardMs = clock.steadyMs()
        listeners.status(told)
      },
    })
    log.info({}, 'agent.linked')
  }
  const again = () => {
    if (closed) return
    clearTimeout(timer)
    timer = setTimeout(() => attend().catch(again), AGAIN_MS)
  }
  attend().catch(again)

  const reach = () => {
    if (client) return client
    throw new Failure('unavailable', 'picket-agent does not answer, so nothing is captured now.')
  }
  const last = () => (clock.steadyMs() - heardMs <= SILENT_MS_MAX ? status : undefined)
  return {
    last,
    status: async () => last() ?? (await reach().status()),
    assets: async () => reach().assets(),
    rules: async () => reach().rules(),
    machine: async () => reach().machine(),
    reloadRules: async () => reach().reloadRules(),
    selfTest: async () => reach().selfTest(),
    tuning: async () => reach().tuning(),
    tune: (token, override) => keys.tune({ token, override }),
    untune: (token, override_id) => keys.untune({ token, override_id }),
    close: () => {
      closed = true
      clearTimeout(timer)
      client?.close()
    },
  }
}
