/** Whether two engines found the same: alerts one for one, by ends, rule and count. */
import { readFileSync } from 'node:fs'
import known from './known-differences.json' with { type: 'json' }

/** Where each rule fired between which ends. */
export type Alerts = Map<string, Place[]>

interface Place {
  /** Its number in the capture; 0: none, at the end of a flow. */
  frame: number
  inTunnel: boolean
}

export interface Agreement {
  theirs: number
  ours: number
  both: number
  /** Of all that either found, what both did. */
  share: number
  /** Of all, what both found or what is known why one does not. */
  explained: number
  /** By rule and reason: what only one found. */
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

/** By rule, or by rule and ends. */
const WHY: Readonly<Record<string, string>> = known
const IN_TUNNEL =
  'In a tunnel that is opened here alone: GTP-U, AYIYA, Teredo behind its proofs, ERSPAN 3.'

interface Row {
  event_type: string
  src_ip: string
  src_port?: number
  dest_ip: string
  dest_port?: number
  proto: string
  alert?: { signature_id: number }
  pcap_cnt?: number
  tunnel?: { pcap_cnt?: number }
  flow?: { bytes_toserver: number; bytes_toclient: number }
  fileinfo?: { size: number }
}

export function readAlerts(eve: string): Alerts {
  const alerts: Alerts = new Map()
  for (const row of rowsOf(eve)) {
    if (!row.alert) continue
    const { src_ip, src_port, dest_ip, dest_port, tunnel } = row
    // Of other protocols the names differ: a fragment is IPv6-Frag to one and IPv6-ICMP to the other.
    const proto = row.proto === 'TCP' || row.proto === 'UDP' ? row.proto : 'IP'
    const key = `${row.alert.signature_id} ${proto} ${src_ip} ${src_port ?? ''} > ${dest_ip} ${dest_port ?? ''}` // biome-ignore format: one key
    const places = alerts.get(key) ?? []
    alerts.set(key, places)
    places.push({
      frame: row.pcap_cnt ?? tunnel?.pcap_cnt ?? 0,
      inTunnel: tunnel !== undefined,
    })
  }
  return alerts
}

export function agreement(theirs: Alerts, all: Alerts): Agreement {
  const ours = namedAlike(theirs, all)
  const found = new Map<string, Difference>()
  const isOurTunnel = openedHereAlone(theirs)
  let [both, either] = [0, 0]
  for (const key of new Set([...theirs.keys(), ...ours.keys()])) {
    const [a, b] = [theirs.get(key) ?? [], ours.get(key) ?? []]
    both += Math.min(a.length, b.length)
    either += Math.max(a.length, b.length)
    const sid = Number.parseInt(key, 10)
    const add = (onlyTheirs: number, onlyOurs: number, why: string | undefined) => {
      if (onlyTheirs + onlyOurs === 0) return
      const one = found.get(`${sid} ${why}`) ?? { sid, onlyTheirs: 0, onlyOurs: 0, example: key, ...(why !== undefined && { why }) } // biome-ignore format: one line
      one.onlyTheirs += onlyTheirs
      one.onlyOurs += onlyOurs
      found.set(`${sid} ${why}`, one)
    }
    const reason = WHY[key] ?? WHY[sid]
    let more = b.length - a.length
    if (more > 0 && reason === undefined) {
      const caused = Math.min(more, b.filter(isOurTunnel).length)
      add(0, caused, IN_TUNNEL)
      more -= caused
    }
    add(Math.max(0, -more), Math.max(0, more), reason)
  }
  const size = (one: Difference) => one.onlyTheirs + one.onlyOurs
  const differences = [...found.values()].sort((a, b) => size(b) - size(a) || a.sid - b.sid)
  const unknown = differences.reduce((sum, one) => sum + (one.why === undefined ? size(one) : 0), 0)
  const share = either === 0 ? 1 : both / either
  const explained = either === 0 ? 1 : 1 - unknown / either
  return { theirs: total(theirs), ours: total(ours), both, share, explained, differences }
}

/** Of a header that it refuses the peer tells no ports (0 to 0), and ours does: of the same frame such alerts are held against each other without. */
function namedAlike(theirs: Alerts, ours: Alerts): Alerts {
  const portless = new Map<string, string>()
  for (const [key, places] of theirs)
    if (/ 0 > \S+ 0$/.test(key))
      for (const { frame } of places) if (frame > 0) portless.set(`${bare(key)} ${frame}`, key)
  const named: Alerts = new Map()
  for (const [key, places] of ours)
    for (const place of places) {
      const alike = portless.get(`${bare(key)} ${place.frame}`) ?? key
      const told = named.get(alike)
      if (told) told.push(place)
      else named.set(alike, [place])
    }
  return named
}

const bare = (key: string) => key.replace(/ \d+ > (\S+) \d+$/, ' > $1')

/** Whether an alert is of a tunnel's inside in a frame of which the peer says nothing of the kind. */
function openedHereAlone(theirs: Alerts): (place: Place) => boolean {
  const opened = new Set<number>()
  for (const places of theirs.values())
    for (const { frame, inTunnel } of places) if (inTunnel) opened.add(frame)
  return ({ frame, inTunnel }) => inTunnel && !opened.has(frame)
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
  for (const places of alerts.values()) sum += places.length
  return sum
}
