/**
 * One event as a person would say it. Every clause comes from the row; what the row does not hold is
 * not said. Texts of the wire are cut here and encoded where they are shown.
 */
import type { EventRow } from '../../agent/base/event.ts'
import { brief } from '../../agent/base/text.ts'
import { bytesText, plural, span } from '../base/words.ts'

const NAME_CHARS_MAX = 80

type Fields = Readonly<Record<string, unknown>>

export function tell(row: EventRow): string {
  const own = told[row.kind]?.(row, record(row))
  return own ?? (row.message ? row.message : `${row.kind}: ${ends(row)}`)
}

/** `10.40.7.23 → 10.40.2.11, tcp/502`. */
export function ends(row: EventRow): string {
  const { src_ip, dest_ip } = row
  const both = src_ip && dest_ip ? `${src_ip} → ${dest_ip}` : (src_ip ?? dest_ip ?? row.host ?? '')
  const service = serviceOf(row)
  return service ? `${both}, ${service}` : both
}

/** `tcp/502`, or the protocol alone. */
export function serviceOf(row: EventRow): string {
  const proto = row.proto?.toLowerCase()
  if (!proto) return ''
  return row.dest_port === undefined || row.dest_port === 0 ? proto : `${proto}/${row.dest_port}`
}

/** The record, whether it came parsed (live) or as the text that the lake keeps. */
export function record(row: EventRow): Fields {
  const value: unknown = row.record
  if (typeof value !== 'string') return (value as Fields | undefined) ?? {}
  try {
    const parsed: unknown = JSON.parse(value)
    return typeof parsed === 'object' && parsed !== null ? (parsed as Fields) : {}
  } catch {
    return {}
  }
}

type Telling = (row: EventRow, record: Fields) => string | undefined

const told: Partial<Record<EventRow['kind'], Telling>> = {
  flow: (row) => {
    const amount =
      row.bytes === undefined
        ? ''
        : `: ${bytesText(row.bytes)} in ${plural(row.packets ?? 0, 'packet')}`
    const app = row.app_proto && row.app_proto !== 'failed' ? ` speaking ${row.app_proto}` : ''
    return `${row.src_ip} talks to ${row.dest_ip} on ${serviceOf(row)}${app}${amount}.`
  },
  dns: (row, all) => {
    const dns = inside(all, 'dns')
    const query = first(dns.queries) ?? dns
    const name = text(query.rrname ?? dns.rrname)
    if (!name) return
    const kind = text(query.rrtype ?? dns.rrtype)
    const code = text(dns.rcode)
    const answered = code && code !== 'NOERROR' ? ` The answer is ${code}.` : ''
    return `${row.src_ip} asks for ${name}${kind ? ` (${kind})` : ''}.${answered}`
  },
  http: (row, all) => {
    const http = inside(all, 'http')
    const url = text(http.url)
    if (!url) return
    const status = http.status
    return `${row.src_ip} sends ${text(http.http_method) || 'a request'} ${url} to ${text(http.hostname) || row.dest_ip}${status ? `; the answer is ${status}` : ''}.`
  },
  tls: (row, all) => {
    const name = text(inside(all, 'tls').sni)
    return name ? `${row.src_ip} opens TLS to ${name} (${row.dest_ip}).` : undefined
  },
  ssh: (row, all) => {
    const ssh = inside(all, 'ssh')
    const client = text(inside(ssh, 'client').software_version)
    const server = text(inside(ssh, 'server').software_version)
    if (!client && !server) return
    return `${row.src_ip}${client ? ` (${client})` : ''} opens SSH to ${row.dest_ip}${server ? ` (${server})` : ''}.`
  },
  asset: (row) => row.message ?? (row.host ? `${row.host} is seen for the first time.` : undefined),
  ot: (row, all) => {
    const modbus = inside(all, 'modbus')
    const request = inside(modbus, 'request')
    const name = inside(request, 'function').name ?? request.function_code ?? modbus.function
    if (name === undefined) return row.message
    return `${row.src_ip} asks ${row.dest_ip} by ${text(row.app_proto) || 'Modbus'}: ${text(name)}${registers(request)}.`
  },
}

/** `, 8 from 40101`: how many, from which address on. */
function registers(request: Fields): string {
  const { address, quantity } = {
    ...inside(request, 'read'),
    ...inside(request, 'write'),
  } as Fields
  if (typeof address !== 'number') return ''
  return typeof quantity === 'number' ? `, ${quantity} from ${address}` : `, address ${address}`
}

function inside(fields: Fields, name: string): Fields {
  const value = fields[name]
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Fields)
    : {}
}

function first(value: unknown): Fields | undefined {
  const item: unknown = Array.isArray(value) ? value[0] : undefined
  return typeof item === 'object' && item !== null ? (item as Fields) : undefined
}

function text(value: unknown): string {
  if (typeof value === 'string') return brief(value, NAME_CHARS_MAX)
  return typeof value === 'number' ? String(value) : ''
}

export interface Told {
  at: number
  /** The last of those that were folded into this line. */
  until: number
  count: number
  text: string
  row: EventRow
  /** The finding that the page is about. */
  turn: boolean
}

/** Events in their order, neighbours that say the same folded with their count, cut to `max` lines. */
export function timeline(rows: readonly EventRow[], about: EventRow, max: number): Told[] {
  const all: Told[] = []
  for (const row of rows) {
    const last = all.at(-1)
    const words = tell(row)
    const turn = row.event_id === about.event_id
    if (
      last &&
      !turn &&
      !last.turn &&
      last.row.kind === row.kind &&
      fold(last.row, row, last.text, words)
    ) {
      last.count++
      last.until = row.event_time
    } else all.push({ at: row.event_time, until: row.event_time, count: 1, text: words, row, turn })
  }
  return around(all, max)
}

function fold(a: EventRow, b: EventRow, textA: string, textB: string): boolean {
  if (textA === textB) return true
  return (
    a.kind === 'flow' &&
    a.src_ip === b.src_ip &&
    a.dest_ip === b.dest_ip &&
    a.dest_port === b.dest_port
  )
}

/** The lines nearest to the finding. */
function around(all: readonly Told[], max: number): Told[] {
  if (all.length <= max) return [...all]
  const turn = Math.max(
    0,
    all.findIndex(({ turn }) => turn),
  )
  const from = Math.min(Math.max(0, turn - Math.ceil(max * 0.6)), all.length - max)
  return all.slice(from, from + max)
}

export function foldedWords(line: Told): string {
  if (line.count === 1) return ''
  const time = line.until - line.at
  return `${plural(line.count, 'time')}${time >= 1e6 ? ` in ${span(time / 1000)}` : ''}`
}
