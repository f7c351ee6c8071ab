/**
 * Scans: one source tries many ports of a host, one port of many hosts, or many of both, and most do not answer. A try
 * that was refused or ended without a handshake has failed; one that is only young has not.
 */
import { BoundedMap } from './bounded-map.ts'
import type { BaselineFinding } from './finding.ts'
import { Fold } from './fold.ts'
import type {
  FlowClosed,
  FlowEstablished,
  FlowNew,
  FlowRefused,
  Observation,
} from './observation.ts'
import { span } from './words.ts'

export const VERTICAL_PORTS = 20
export const HORIZONTAL_HOSTS = 20
export const MIXED_TARGETS = 100
/** UDP has no refusal we can count on, and chatty peers: it takes more. */
export const UDP_PORTS = 40
export const UDP_HOSTS = 60
const FAILED_SHARE = 0.6
const WINDOW_US = 300_000_000
/** A SYN without an answer for this long has failed. */
const PATIENCE_US = 1_500_000
/** A source is judged this often, or after this many changes, whichever is first. */
const JUDGE_EVERY_US = 250_000
const JUDGE_CHANGES = 5
/** Findings about single hosts or ports of one source; past them one finding covers the source. */
const SINGLES_MAX = 3

const SOURCES_MAX = 1024
const TARGETS_MAX = 512

/** Modbus, S7, DNP3, EtherNet/IP, BACnet, IEC 104, OPC UA, Niagara Fox, FINS, MELSEC, GE SRTP. */
export const OT_PORTS = new Set([
  102, 502, 789, 1911, 2222, 2404, 4840, 4911, 5007, 9600, 18_245, 20_000, 44_818, 47_808,
])

interface Target {
  dest: string
  port: number
  proto: 'TCP' | 'UDP'
  timeUs: number
  state: 'pending' | 'failed' | 'answered'
}

interface Source {
  targets: BoundedMap<Target>
  judgedUs: number
  /** When it tried last, until its silence was judged. */
  openUs: number
  changes: number
  /** Findings about single hosts or ports, since when. */
  singles: number
  singlesUs: number
}

interface Tally {
  /** The first that is counted here. */
  first: Target
  failed: number
  tried: number
  firstUs: number
  lastUs: number
  ot: boolean
}

export class ScanBaseline {
  readonly fold = new Fold()
  readonly #sources = new BoundedMap<Source>(SOURCES_MAX)
  /** The newest packet time: shards hand in their facts a little out of order. */
  #nowUs = 0

  get evicted(): number {
    return this.#sources.evicted
  }

  observe(seen: Observation, found: BaselineFinding[]): void {
    if (seen.what === 'flow-new') this.#tried(seen)
    else if (seen.what === 'flow-established') this.#answered(seen)
    else if (seen.what === 'flow-refused') this.#refused(seen)
    else if (seen.what === 'flow-closed') this.#closed(seen)
    else return
    this.#nowUs = Math.max(this.#nowUs, seen.timeUs)
    this.#judge(seen.src, this.#nowUs, found)
  }

  /** A scan may end before its last tries are old enough to have failed: those sources are judged once more. */
  tick(timeUs: number, found: BaselineFinding[]): void {
    this.#nowUs = Math.max(this.#nowUs, timeUs)
    for (const [src, source] of this.#sources.entries())
      if (source.openUs !== 0 && this.#nowUs - source.openUs > PATIENCE_US) {
        source.openUs = 0
        source.changes = JUDGE_CHANGES
        this.#judge(src, this.#nowUs, found)
      }
  }

  #tried(seen: FlowNew): void {
    // Without its SYN a flow is older than the capture.
    if (seen.proto === 'TCP' ? !seen.syn : quietByNature(seen)) return
    const source = this.#sources.touch(seen.src, newSource)
    const target = source.targets.touch(keyOf(seen), () => ({
      dest: seen.dest,
      port: seen.port,
      proto: seen.proto,
      timeUs: seen.timeUs,
      state: 'pending',
    }))
    target.timeUs = seen.timeUs
    source.openUs = seen.timeUs
  }

  #answered(seen: FlowEstablished): void {
    const target = this.#sources.peek(seen.src)?.targets.peek(keyOf(seen))
    if (target) target.state = 'answered'
  }

  #refused(seen: FlowRefused): void {
    const target = this.#sources.peek(seen.src)?.targets.peek(keyOf(seen))
    if (target?.state === 'pending') target.state = 'failed'
  }

  #closed(seen: FlowClosed): void {
    const target = this.#sources.peek(seen.src)?.targets.peek(keyOf(seen))
    if (target?.state !== 'pending') return
    target.state = seen.established ? 'answered' : 'failed'
  }

  #judge(src: string, nowUs: number, found: BaselineFinding[]): void {
    const source = this.#sources.peek(src)
    if (!source || source.targets.size < Math.min(VERTICAL_PORTS, HORIZONTAL_HOSTS)) return
    if (++source.changes < JUDGE_CHANGES && nowUs - source.judgedUs < JUDGE_EVERY_US) return
    source.judgedUs = nowUs
    source.changes = 0
    if (nowUs - source.singlesUs > this.fold.windowUs) source.singles = 0
    if (!enoughFailed(source, nowUs)) return
    const { byDest, byPort, all } = tally(source, nowUs)
    const before = found.length
    for (const count of byDest) {
      const least = count.first.proto === 'UDP' ? UDP_PORTS : VERTICAL_PORTS
      if (count.failed >= least && mostFailed(count)) this.#say(source, found, vertical(src, count))
    }
    for (const count of byPort) {
      const least = count.first.proto === 'UDP' ? UDP_HOSTS : HORIZONTAL_HOSTS
      if (count.failed >= least && mostFailed(count))
        this.#say(source, found, horizontal(src, count))
    }
    const said = found.length > before
    if (!said && all && all.failed >= MIXED_TARGETS && mostFailed(all) && source.singles === 0)
      this.#admit(found, mixed(src, all), '')
  }

  #say(source: Source, found: BaselineFinding[], what: Found): void {
    const subject = `${what.dest ?? ''}:${what.port ?? ''}:${what.proto}`
    const known = this.fold.holds(subjectOf(what, subject), what.timeUs)
    if (!known && source.singles >= SINGLES_MAX) {
      this.#admit(found, wider(what), '')
      return
    }
    if (this.#admit(found, what, subject) === 'old') return
    if (source.singles++ === 0) source.singlesUs = what.timeUs
  }

  #admit(found: BaselineFinding[], what: Found, subject: string): 'new' | 'old' {
    const said = this.fold.admit(subjectOf(what, subject), what)
    if (said) found.push(said)
    return said && !said.update ? 'new' : 'old'
  }
}

type Found = Omit<BaselineFinding, 'update'>

function subjectOf(what: Found, subject: string): string {
  return `${what.rule_id}|${what.src}|${subject}`
}

function newSource(): Source {
  return {
    targets: new BoundedMap<Target>(TARGETS_MAX),
    judgedUs: 0,
    openUs: 0,
    changes: 0,
    singles: 0,
    singlesUs: 0,
  }
}

function keyOf(seen: { dest: string; port: number; proto: string }): string {
  return `${seen.proto}|${seen.dest}|${seen.port}`
}

/** Multicast and broadcast are not answered by their nature; traceroute counts up UDP ports. */
function quietByNature({ dest, port }: FlowNew): boolean {
  const first = Number.parseInt(dest, 10)
  if (dest.startsWith('ff') || (first >= 224 && !dest.includes(':')) || dest.endsWith('.255'))
    return true
  return port >= 33_434 && port <= 33_534
}

/**
 * Whether so many failed, of all hosts and ports together, as a finding needs of one; what is too old is let go. An ordinary client, for
 * whose answers it is asked every few flows, comes no further, and no text is made for it.
 */
function enoughFailed({ targets }: Source, nowUs: number): boolean {
  let tcp = 0
  let udp = 0
  for (const [key, target] of targets.entries()) {
    if (nowUs - target.timeUs > WINDOW_US) targets.delete(key)
    else if (!hasFailed(target, nowUs)) continue
    else if (target.proto === 'TCP') tcp++
    else udp++
  }
  return tcp >= Math.min(VERTICAL_PORTS, HORIZONTAL_HOSTS) || udp >= Math.min(UDP_PORTS, UDP_HOSTS)
}

function hasFailed({ state, timeUs }: Target, nowUs: number): boolean {
  return state === 'failed' || (state === 'pending' && nowUs - timeUs > PATIENCE_US)
}

/** By host and by port, each in the order in which it was met. A scan has it made every few packets: no text is put together for it. */
function tally({ targets }: Source, nowUs: number) {
  const byDest: Tally[] = []
  const byPort: Tally[] = []
  const dests = { TCP: new Map<string, Tally>(), UDP: new Map<string, Tally>() }
  const ports = { TCP: new Map<number, Tally>(), UDP: new Map<number, Tally>() }
  let all: Tally | undefined
  for (const target of targets.values()) {
    const failed = hasFailed(target, nowUs)
    count(at(dests[target.proto], target.dest, target, byDest), target, failed)
    count(at(ports[target.proto], target.port, target, byPort), target, failed)
    if (target.proto !== 'TCP') continue
    all ??= newTally(target)
    count(all, target, failed)
  }
  return { byDest, byPort, all }
}

function newTally(first: Target): Tally {
  return { first, failed: 0, tried: 0, firstUs: Number.POSITIVE_INFINITY, lastUs: 0, ot: false }
}

function at<K>(map: Map<K, Tally>, key: K, target: Target, list: Tally[]): Tally {
  let value = map.get(key)
  if (!value) {
    value = newTally(target)
    map.set(key, value)
    list.push(value)
  }
  return value
}

function count(tallied: Tally, target: Target, failed: boolean): void {
  tallied.tried++
  if (failed) tallied.failed++
  tallied.firstUs = Math.min(tallied.firstUs, target.timeUs)
  tallied.lastUs = Math.max(tallied.lastUs, target.timeUs)
  if (OT_PORTS.has(target.port)) tallied.ot = true
}

function mostFailed({ failed, tried }: Tally): boolean {
  return failed >= tried * FAILED_SHARE
}

function vertical(src: string, seen: Tally): Found {
  const { proto, dest } = seen.first
  const title = `${src} tried ${many(seen)} ${proto} ports of ${dest} in ${span(seen.firstUs, seen.lastUs)}; ${seen.failed} did not answer.`
  return { ...base(src, proto, seen), rule_id: 'base:port-scan', title, dest }
}

function horizontal(src: string, seen: Tally): Found {
  const { proto, port } = seen.first
  const title = `${src} tried ${proto} port ${port} on ${many(seen)} hosts in ${span(seen.firstUs, seen.lastUs)}; ${seen.failed} did not answer.`
  return { ...base(src, proto, seen), rule_id: 'base:host-sweep', title, port }
}

function mixed(src: string, seen: Tally): Found {
  const title = `${src} tried ${many(seen)} TCP ports on several hosts in ${span(seen.firstUs, seen.lastUs)}; most did not answer.`
  return { ...base(src, 'TCP', seen), rule_id: 'base:port-scan', title }
}

/** No more than TARGETS_MAX are held at once. */
function many({ tried }: Tally): string {
  return tried < TARGETS_MAX ? String(tried) : `at least ${tried}`
}

/** The finding that stands for all further hosts or ports of a source. */
function wider(what: Found): Found {
  const { dest: _, port: __, ...rest } = what
  const more = what.rule_id === 'base:port-scan' ? 'more hosts' : 'more ports'
  return { ...rest, title: `${what.src} goes on scanning ${more}. Last: ${what.title}` }
}

function base(src: string, proto: 'TCP' | 'UDP', seen: Tally) {
  return {
    severity: 'medium' as const,
    attack_ids: seen.ot ? ['T1046', 'T0846'] : ['T1046'],
    src,
    proto,
    evidence: 'spoofable' as const,
    timeUs: seen.lastUs,
    firstUs: seen.firstUs,
    count: seen.tried,
  }
}
