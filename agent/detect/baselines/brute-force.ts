/**
 * Brute force: many logins tried on one service in a minute. Each try completed a TCP handshake (SSH: both banners too), so
 * the source is not forged: evidence is proven.
 */
import { BoundedMap } from './bounded-map.ts'
import type { BaselineFinding } from './finding.ts'
import { Fold } from './fold.ts'
import type { FlowClosed, Observation } from './observation.ts'
import { plural, span } from './words.ts'

export const SSH_ATTEMPTS = 10
export const LOGIN_FLOWS = 20
const WINDOW_US = 60_000_000
/** A flow that is longer or larger than a refused login is a session. */
const SHORT_MS = 15_000
const SMALL_BYTES = 24_576

const PAIRS_MAX = 4096
const TIMES_MAX = 256

const SERVICE: Record<number, string> = {
  21: 'FTP',
  22: 'SSH',
  23: 'Telnet',
  110: 'POP3',
  143: 'IMAP',
  1433: 'SQL Server',
  3306: 'MySQL',
  3389: 'RDP',
  5432: 'PostgreSQL',
  5900: 'VNC',
}

interface Pair {
  times: number[]
}

export class BruteForceBaseline {
  readonly fold = new Fold()
  readonly #pairs = new BoundedMap<Pair>(PAIRS_MAX)

  get evicted(): number {
    return this.#pairs.evicted
  }

  observe(seen: Observation, found: BaselineFinding[]): void {
    if (seen.what === 'ssh-attempt') {
      const { client, server, port, timeUs } = seen
      this.#attempt({ client, server, port, timeUs, needed: SSH_ATTEMPTS, service: 'SSH' }, found)
    } else if (seen.what === 'flow-closed' && looksLikeLogin(seen)) {
      const { src: client, dest: server, port, timeUs } = seen
      const service = SERVICE[port] as string
      this.#attempt({ client, server, port, timeUs, needed: LOGIN_FLOWS, service }, found)
    }
  }

  #attempt(
    seen: {
      client: string
      server: string
      port: number
      timeUs: number
      needed: number
      service: string
    },
    found: BaselineFinding[],
  ): void {
    const { client, server, port, timeUs, needed, service } = seen
    const key = `${client}|${server}|${port}`
    const pair = this.#pairs.touch(key, () => ({ times: [] }))
    pair.times.push(timeUs)
    const recent = pair.times.filter((at) => timeUs - at <= WINDOW_US)
    pair.times = recent.slice(-TIMES_MAX)
    if (recent.length < needed) return
    const firstUs = Math.min(...pair.times)
    const said = this.fold.admit(key, {
      rule_id: 'base:brute-force',
      severity: 'high',
      attack_ids: ['T1110'],
      title: `${client} tried ${plural(recent.length, `${service} login`)} on ${server} in ${span(firstUs, timeUs)}, each after a complete handshake.`,
      src: client,
      dest: server,
      port,
      proto: 'TCP',
      evidence: 'proven',
      timeUs,
      firstUs,
      count: recent.length,
    })
    if (said) found.push(said)
  }
}

/** SSH is counted by its banners; a flow without them on port 22 is counted like any other login. */
function looksLikeLogin(flow: FlowClosed): boolean {
  if (flow.proto !== 'TCP' || !flow.established || flow.app_proto === 'ssh') return false
  // A handshake that said nothing is a port scan or a health check.
  const spoke = flow.packets > 8
  return (
    SERVICE[flow.port] !== undefined &&
    spoke &&
    flow.durationMs <= SHORT_MS &&
    flow.bytes <= SMALL_BYTES
  )
}
