/**
 * OT writes: who writes to which controller, with which function, how often. A controller has its masters; a write
 * from anyone else is the attack this product is about, so it is said at the first one.
 */
import { BoundedMap } from './bounded-map.ts'
import type { BaselineFinding } from './finding.ts'
import { Fold } from './fold.ts'
import type { ModbusWrite, Observation, OtWrite } from './observation.ts'
import { OT_PORTS } from './scan.ts'
import { plural, span } from './words.ts'

/** Past this time of watching, nobody becomes a usual writer without a finding. */
export const LEARNING_US = 86_400_000_000
/** A strange writer that still writes after this long, with a finding a day, is taken for usual. */
const ACCEPTED_US = 7 * LEARNING_US
/** Stations that come this close after the first belong to the same start of the plant, or of this box. */
export const START_US = 5_000_000
/** A station in touch for less than this is new. */
const NEW_STATION_US = 600_000_000
const BUCKET_US = 60_000_000
/** Minutes of history before a rate means anything. */
const BUCKETS_MIN = 10
const SPIKE_FACTOR = 5
export const SPIKE_WRITES = 30

const CONTROLLERS_MAX = 1024
const STATIONS_MAX = 64
const FUNCTIONS_MAX = 32

/** One write of any protocol, and the words for it. */
interface Write {
  station: string
  dest: string
  port: number
  proto: 'TCP' | 'UDP'
  timeUs: number
  /** Tells operations apart in the model. */
  key: string
  /** `Modbus`, `DNP3`. */
  protocol: string
  /** `function 6, unit 1`: what is in brackets after the writes. */
  detail: string
  /** `Modbus function 6`: with what it wrote. */
  means: string
  attackIds: readonly string[]
}

function modbusWrite(seen: ModbusWrite): Write {
  const { station, dest, port, timeUs, unit } = seen
  return {
    ...{ station, dest, port, timeUs, proto: 'TCP' },
    key: String(seen.function),
    protocol: 'Modbus',
    detail: `function ${seen.function}, unit ${unit}`,
    means: `Modbus function ${seen.function}`,
    attackIds: [],
  }
}

function otWrite(seen: OtWrite): Write {
  const { station, dest, port, proto, timeUs, protocol, operation, attackIds } = seen
  const means = `${protocol} ${operation}`
  return {
    station,
    dest,
    port,
    proto,
    timeUs,
    key: means,
    protocol,
    detail: operation,
    means,
    attackIds,
  }
}

interface FunctionUse {
  firstUs: number
  /** Of the minute that is being counted. */
  bucketUs: number
  bucket: number
  /** The most of any earlier minute, and how many minutes passed. */
  most: number
  minutes: number
}

interface Station {
  /** When it first held a conversation with the controller. A SYN is none: anyone can send one in any name. */
  contactUs: number
  /** Its TCP handshake was seen. */
  established: boolean
  /** It is one of those that write here. */
  writer: boolean
  /** Writes while it was none. */
  strange: number
  strangeFirstUs: number
  functions: Record<string, FunctionUse>
}

interface Controller {
  firstUs: number
  stations: Record<string, Station>
}

export interface OtModel {
  /** Packet time of the first observation ever; 0 while there was none. */
  sinceUs: number
  controllers: [string, Controller][]
  fold: ReturnType<Fold['snapshot']>
}

export class OtWriteBaseline {
  readonly fold = new Fold(LEARNING_US)
  #sinceUs = 0
  readonly #controllers = new BoundedMap<Controller>(CONTROLLERS_MAX)
  /** Stations or functions not kept because a controller already has the most of them. */
  dropped = 0

  get evicted(): number {
    return this.#controllers.evicted
  }

  observe(seen: Observation, found: BaselineFinding[]): void {
    if (this.#sinceUs === 0) this.#sinceUs = seen.timeUs
    if (seen.what === 'flow-new' || seen.what === 'flow-established') {
      if (!OT_PORTS.has(seen.port)) return
      if (seen.what === 'flow-new' && seen.syn) return
      const station = this.#station(seen.dest, seen.src, seen.timeUs)
      if (station && seen.what === 'flow-established') station.established = true
    } else if (seen.what === 'modbus-write') this.#write(modbusWrite(seen), found)
    else if (seen.what === 'ot-write') this.#write(otWrite(seen), found)
  }

  #write(seen: Write, found: BaselineFinding[]): void {
    const station = this.#station(seen.dest, seen.station, seen.timeUs)
    const controller = this.#controllers.peek(seen.dest)
    if (!station || !controller) return
    if (!station.writer) station.writer = this.#mayLearn(controller, seen)
    if (station.writer) this.#known(controller, station, seen, found)
    else this.#strange(controller, station, seen, found)
  }

  /** Whether this station's first write is taken for the usual: nobody else is known here, and it is early. */
  #mayLearn(controller: Controller, seen: Write): boolean {
    const station = controller.stations[seen.station] as Station
    if (station.strange > 0) return seen.timeUs - station.strangeFirstUs > ACCEPTED_US
    if (seen.timeUs - this.#sinceUs > LEARNING_US) return false
    for (const [address, other] of Object.entries(controller.stations)) {
      if (address === seen.station) continue
      // A master is one that was in touch before this one came; a scanner that came later is none.
      if (station.contactUs - other.contactUs > START_US) return false
    }
    return true
  }

  #strange(controller: Controller, station: Station, seen: Write, found: BaselineFinding[]): void {
    if (station.strange++ === 0) station.strangeFirstUs = seen.timeUs
    const fresh = seen.timeUs - station.contactUs < NEW_STATION_US
    const others = Object.entries(controller.stations)
      .filter(([address, other]) => address !== seen.station && other.strange === 0)
      .sort(([, a], [, b]) => a.contactUs - b.contactUs)
      .slice(0, 2)
      .map(([address]) => address)
    const usual =
      others.length > 0
        ? ` Its usual station${others.length === 1 ? '' : 's'}: ${others.join(', ')}.`
        : ''
    const writes = plural(station.strange, `${seen.protocol} write`)
    const title = `${writes} to ${seen.dest} (${seen.detail}) from ${seen.station}, a station never seen writing to it, in ${span(station.strangeFirstUs, seen.timeUs)}.${usual}`
    const said = this.fold.admit(`new|${seen.station}|${seen.dest}`, {
      ...base(seen, station),
      rule_id: 'base:ot-new-writer',
      severity: fresh ? 'critical' : 'high',
      attack_ids: techniques(['T0836', 'T0855'], seen),
      title,
      firstUs: station.strangeFirstUs,
      count: station.strange,
    })
    if (said) found.push(said)
  }

  #known(controller: Controller, station: Station, seen: Write, found: BaselineFinding[]): void {
    const use = this.#use(station, seen)
    if (!use) return
    const passed = Math.floor((seen.timeUs - use.bucketUs) / BUCKET_US)
    if (passed > 0) {
      use.most = Math.max(use.most, use.bucket)
      use.minutes += passed
      use.bucketUs += passed * BUCKET_US
      use.bucket = 0
    }
    use.bucket++
    const learned = seen.timeUs - controller.firstUs > LEARNING_US
    if (learned && use.minutes === 0 && use.bucket === 1 && use.firstUs === seen.timeUs)
      this.#newFunction(station, seen, found)
    if (use.minutes >= BUCKETS_MIN && use.bucket >= Math.max(SPIKE_WRITES, use.most * SPIKE_FACTOR))
      this.#spike(station, use, seen, found)
  }

  #newFunction(station: Station, seen: Write, found: BaselineFinding[]): void {
    const said = this.fold.admit(`function|${seen.station}|${seen.dest}|${seen.key}`, {
      ...base(seen, station),
      rule_id: 'base:ot-new-function',
      severity: 'medium',
      attack_ids: techniques(['T0836'], seen),
      title: `${seen.station} wrote to ${seen.dest} with ${seen.means}, which it had not used in all the time it was watched.`,
      firstUs: seen.timeUs,
      count: 1,
    })
    if (said) found.push(said)
  }

  #spike(station: Station, use: FunctionUse, seen: Write, found: BaselineFinding[]): void {
    const usual = plural(use.most, 'write')
    const said = this.fold.admit(`spike|${seen.station}|${seen.dest}|${seen.key}`, {
      ...base(seen, station),
      rule_id: 'base:ot-write-spike',
      severity: 'high',
      attack_ids: techniques(['T0836', 'T0806'], seen),
      title: `${seen.station} wrote ${use.bucket} times to ${seen.dest} in ${span(use.bucketUs, seen.timeUs)} with ${seen.means}; its busiest minute before had ${usual}.`,
      firstUs: use.bucketUs,
      count: use.bucket,
    })
    if (said) found.push(said)
  }

  #station(dest: string, address: string, timeUs: number): Station | undefined {
    const controller = this.#controllers.touch(dest, () => ({ firstUs: timeUs, stations: {} }))
    const known = controller.stations[address]
    if (known) return known
    if (Object.keys(controller.stations).length >= STATIONS_MAX && !forgetOne(controller)) {
      this.dropped++
      return undefined
    }
    const station: Station = {
      contactUs: timeUs,
      established: false,
      writer: false,
      strange: 0,
      strangeFirstUs: 0,
      functions: {},
    }
    controller.stations[address] = station
    return station
  }

  #use(station: Station, seen: Write): FunctionUse | undefined {
    const { key } = seen
    const known = station.functions[key]
    if (known) return known
    if (Object.keys(station.functions).length >= FUNCTIONS_MAX) {
      this.dropped++
      return undefined
    }
    const use = { firstUs: seen.timeUs, bucketUs: seen.timeUs, bucket: 0, most: 0, minutes: 0 }
    station.functions[key] = use
    return use
  }

  snapshot(): OtModel {
    return structuredClone({
      sinceUs: this.#sinceUs,
      controllers: [...this.#controllers.entries()],
      fold: this.fold.snapshot(),
    })
  }

  restore(model: OtModel): void {
    this.#sinceUs = model.sinceUs
    for (const [dest, controller] of structuredClone(model.controllers))
      this.#controllers.set(dest, controller)
    this.fold.restore(model.fold)
  }
}

/** Room for one more: a station that never wrote nor finished a handshake goes. */
function forgetOne(controller: Controller): boolean {
  for (const [address, station] of Object.entries(controller.stations)) {
    if (station.writer || station.established || station.strange > 0) continue
    delete controller.stations[address]
    return true
  }
  return false
}

/** What a finding of writes is by itself, and what the operation is by its definition. */
function techniques(always: readonly string[], { protocol, attackIds }: Write): string[] {
  // Of a Modbus write the value is the point; other operations say themselves what they are.
  if (protocol === 'Modbus') return [...always]
  return [...new Set([...always.filter((id) => id !== 'T0836'), ...attackIds])]
}

function base(seen: Write, station: Station) {
  return {
    src: seen.station,
    dest: seen.dest,
    port: seen.port,
    proto: seen.proto,
    evidence: station.established ? ('proven' as const) : ('spoofable' as const),
    timeUs: seen.timeUs,
  }
}
