/** Whether two engines found the same: alerts one for one, by ends, rule and count. */
import { readFileSync } from 'node:fs'
import known from './known-differences.json' with { type: 'json' }

/** How often each rule fired between which ends. */
export type Alerts = Map<string, number>

export interface Agreement {
  theirs: number
  ours: number
  both: number
  /** Of all that either found, what both did. */
  share: number
  /** Of all, what both found or what is known why one does not. */
  explained: number
  /** By rule: what only one found. */
  differences: Difference[]
}

interface Difference {
  sid: number
  onlyTheirs: number
  onlyOurs: number
  example: string
  /** Where it is known. */
  why?: string
}

const WHY: Readonly<Record<string, string>> = known

interface Row {
  event_type: string
  src_ip: string
  src_port?: number
  dest_ip: string
  dest_port?: number
  proto: string
  alert?: { signature_id: number }
  flow?: { bytes_toserver: number; bytes_toclient: number }
  fileinfo?: { size: number }
}

export function readAlerts(eve: string): Alerts {
  const alerts: Alerts = new Map()
  for (const row of rowsOf(eve)) {
    if (!row.alert) continue
    const { src_ip, src_port, dest_ip, dest_port } = row
    // Of other protocols the names differ: a fragment is IPv6-Frag to one and IPv6-ICMP to the other.
    const proto = row.proto === 'TCP' || row.proto === 'UDP' ? row.proto : 'IP'
    const key = `${row.alert.signature_id} ${proto} ${src_ip} ${src_port ?? ''} > ${dest_ip} ${dest_port ?? ''}` // biome-ignore format: one key
    alerts.set(key, (alerts.get(key) ?? 0) + 1)
  }
  return alerts
}

export function agreement(theirs: Alerts, ours: Alerts): Agreement {
  const bySid = new Map<number, Difference>()
  let [both, either] = [0, 0]
  for (const key of new Set([...theirs.keys(), ...ours.keys()])) {
    const [a, b] = [theirs.get(key) ?? 0, ours.get(key) ?? 0]
    both += Math.min(a, b)
    either += Math.max(a, b)
    if (a === b) continue
    const sid = Number.parseInt(key, 10)
    const why = WHY[sid]
    const one = bySid.get(sid) ?? { sid, onlyTheirs: 0, onlyOurs: 0, example: key, ...(why !== undefined && { why }) } // biome-ignore format: one line
    one.onlyTheirs += Math.max(0, a - b)
    one.onlyOurs += Math.max(0, b - a)
    bySid.set(sid, one)
  }
  const size = (one: Difference) => one.onlyTheirs + one.onlyOurs
  const differences = [...bySid.values()].sort((a, b) => size(b) - size(a) || a.sid - b.sid)
  const unknown = differences.reduce((sum, one) => sum + (one.why === undefined ? size(one) : 0), 0)
  const share = either === 0 ? 1 : both / either
  const explained = either === 0 ? 1 : 1 - unknown / either
  return { theirs: total(theirs), ours: total(ours), both, share, explained, differences }
}

/** Records of each type, and what flows and files add up to: what an engine says that it has seen. */
export function seenIn(eve: string): Record<string, number> {
  const seen: Record<string, number> = {}
  const add = (name: string, count: number) => {
    seen[name] = (seen[name] ?? 0) + count
  }
  for (const { event_type, flow, fileinfo } of rowsOf(eve)) {
    add(event_type, 1)
    if (event_type === 'flow' && flow) add('bytes of flows', flow.bytes_toserver + flow.bytes_toclient) // biome-ignore format: one line
    if (fileinfo) add('bytes of files', fileinfo.size)
  }
  return seen
}

function* rowsOf(eve: string): Generator<Row> {
  const text = readFileSync(eve, 'utf8')
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf('\n', at)
    if (end < 0) return
    yield JSON.parse(text.slice(at, end)) as Row
    at = end + 1
  }
}

function total(alerts: Alerts): number {
  let sum = 0
  for (const count of alerts.values()) sum += count
  return sum
}
