/**
 * EVE JSON as Suricata 8 writes it, and the lake's row around it. Pure: a view of the flow, what happened, and when. In
 * columns and record alike, `src` is who sent what the row is about: for an answer that is the server.
 */
import { protoName } from '../base/address.ts'
import { isoFromUs } from '../base/clock.ts'
import { type EventDraft, type EventKind, RECORD_BYTES_MAX } from '../base/event.ts'
import type { Fault } from '../base/fault.ts'
import { brief } from '../base/text.ts'
import { type AppEvent, eveEvent } from '../decode/app-events.ts'
import { type Packet, TCP } from '../decode/packet.ts'
import { type AppProto, TRANSACTION_PROTOS, type Transaction } from '../decode/records.ts'
import type { EndReason } from '../flow/listener.ts'
import type { AlertHit } from './alert.ts'
import { eveHandshakes, eveHeaders, eveOf, type Json, sentenceOf, userOf } from './eve-app.ts'
import { eveFile, filesOf } from './eve-files.ts'
import { type IcsTransaction, icsHasRow } from './eve-ics.ts'
import { eveAddress, flowEther, packetLink, packetSource, packetVlan } from './eve-link.ts'

const MESSAGE_CHARS_MAX = 400

/** One flow as plain values; addresses as RFC 5952 text. */
export interface FlowView {
  flowId: string
  communityId: string
  /** The side that opened the flow. */
  client: string
  server: string
  clientPort: number
  serverPort: number
  /** Whether the address is in the home networks. */
  clientHome: boolean
  serverHome: boolean
  protocol: number
  icmpType?: number
  icmpCode?: number
  /** Type * 256 + code of the first answer. */
  icmpAnswer?: number
  /** Outermost first. */
  vlan?: readonly number[]
  /** MAC addresses of its first frame; -1 or absent: the link has none. */
  clientMac?: number
  serverMac?: number
  appProto: AppProto
  /** What it spoke before it turned into that. */
  appProtoOrig?: AppProto | undefined
}

export interface FlowTotals {
  startUs: number
  lastUs: number
  packetsToServer: number
  packetsToClient: number
  bytesToServer: number
  bytesToClient: number
  flagsToServer: number
  flagsToClient: number
  state: 'new' | 'established' | 'closed' | 'bypassed'
  reason: EndReason
  alerted: boolean
  /** EVE's word; TCP only. */
  tcpState?: string
  /** What rules have read out of it. */
  metadata?: Json | undefined
  /** What rules have done with it as a whole. */
  action?: 'pass' | 'drop'
}

/** Where and when: `number` is `pcap_cnt`, 0 when no packet is in hand. */
export interface Moment {
  timeUs: number
  number?: number
  /** The flow ended, and this was what it left unfinished. */
  late?: boolean
  /** The packet in hand, where it belongs to the flow: read during the call only. */
  packet?: Packet | undefined
  /** Of TLS: lists of both hellos are told as well. */
  handshakes?: boolean
  /** Of HTTP: whose header lines are told as well. */
  headers?: 'none' | 'both' | 'request' | 'response'
}

const KIND: Record<Transaction['proto'], EventKind> = {
  dns: 'dns',
  http: 'http',
  tls: 'tls',
  ssh: 'ssh',
  modbus: 'ot',
  quic: 'tls',
  dnp3: 'ot',
  s7: 'ot',
  iec104: 'ot',
  enip: 'ot',
  bacnet: 'ot',
  dhcp: 'dhcp',
  ftp: 'ftp',
  smtp: 'smtp',
  smb: 'smb',
  krb5: 'krb5',
  rdp: 'rdp',
  dcerpc: 'dcerpc',
  snmp: 'snmp',
  tftp: 'ftp',
  'ftp-data': 'ftp',
  pop3: 'smtp',
}

/**
 * The row of a transaction, at the one stage where it is whole enough to be worth one: each DNS message, each Modbus
 * request, and what HTTP, TLS and SSH say last. Undefined at other stages.
 */
export function transactionEvent(
  view: FlowView,
  tx: Transaction,
  moment: Moment,
): EventDraft | undefined {
  if (!hasRow(tx)) return undefined
  if ('ics' in tx) return icsEvent(view, tx, moment)
  const toServer = sentToServer(tx)
  const about = tx.proto === 'modbus' ? hostOf(view, 'server') : hostOf(view, 'client')
  return {
    ...columns(view, toServer, moment),
    kind: KIND[tx.proto],
    host: about,
    app_proto: tx.proto,
    ...userColumn(tx),
    message: brief(sentenceOf(tx, view), MESSAGE_CHARS_MAX),
    record: fit({
      ...head(view, eveType(tx), toServer, moment),
      ...told(tx, moment),
    }),
  }
}

function told(tx: Transaction, { handshakes, headers = 'none' }: Moment): Json {
  const json = eveOf(tx)
  if (handshakes && tx.proto === 'tls') Object.assign(json.tls as Json, eveHandshakes(tx.tls))
  if (headers !== 'none' && tx.proto === 'http')
    Object.assign(json.http as Json, eveHeaders(tx.http, headers))
  return json
}

/** The type of a transaction's record: its protocol, by the name EVE has for it. */
export function eveType({ proto }: Pick<Transaction, 'proto'>): string {
  return proto === 'ftp-data' ? 'ftp_data' : proto
}

export const TRANSACTION_TYPES: readonly string[] = TRANSACTION_PROTOS.map((proto) =>
  eveType({ proto }),
)

/** Whether there is a row of the transaction at this stage. */
export function hasRow(tx: Transaction): boolean {
  return 'ics' in tx ? icsHasRow(tx) : isTold(tx)
}

function isTold(tx: Transaction): boolean {
  switch (tx.proto) {
    case 'dns':
      return true
    case 'modbus':
      return tx.stage === 'request'
    // Request and answer are a record each, as in Suricata 8.
    case 'krb5':
      return tx.stage === 'request' || tx.krb5.answer !== undefined
    default:
      return tx.stage === 'done'
  }
}

/** Whose message it is, where each is a record of its own; else the client's, who asked. */
function sentToServer(tx: Transaction): boolean {
  if (tx.proto === 'dns') return !tx.dns.response
  if (tx.proto === 'dhcp') return tx.dhcp.toServer
  return tx.proto === 'snmp' ? tx.snmp.toServer : true
}

/** The row of an industrial message is about the device: who is asked, or who answers. */
function icsEvent(view: FlowView, tx: IcsTransaction, moment: Moment): EventDraft {
  const { toServer, request } = tx.ics
  return {
    ...columns(view, toServer, moment),
    kind: KIND[tx.proto],
    host: hostOf(view, toServer === request ? 'server' : 'client'),
    app_proto: tx.proto,
    message: brief(sentenceOf(tx, view), MESSAGE_CHARS_MAX),
    // Suricata names the ends of DNP3 as those of the flow, whoever sent.
    record: fit({ ...head(view, tx.proto, toServer || tx.proto === 'dnp3', moment), ...eveOf(tx) }),
  }
}

function userColumn(tx: Transaction): { user?: string } {
  const user = userOf(tx)
  return user === undefined ? {} : { user }
}

/** The row of a signature's match: a finding. `toServer`: which way what matched was going. */
export function alertEvent(
  view: FlowView,
  hit: AlertHit,
  moment: Moment & {
    toServer: boolean
    totals?: Partial<FlowTotals>
    /** What rules have read out of the flow. */
    metadata?: Json | undefined
    /** The rule's references are shown. */
    references?: boolean
  },
): EventDraft {
  const { toServer, totals } = moment
  const metadata = hit.pktvars ? { ...moment.metadata, pktvars: hit.pktvars } : moment.metadata
  const record: Json = {
    ...head(view, 'alert', toServer, moment),
    alert: {
      action: hit.action,
      gid: hit.gid,
      signature_id: hit.sid,
      rev: hit.rev,
      signature: hit.msg,
      category: hit.category,
      severity: hit.priority,
      ...(hit.context && { context: hit.context }),
      ...(Object.keys(hit.metadata).length > 0 && { metadata: hit.metadata }),
      ...(moment.references && hit.references.length > 0 && { references: hit.references }),
    },
    ...(metadata && { metadata }),
    direction: toServer ? 'to_server' : 'to_client',
    ...(hit.tx && { ...eveOf(hit.tx), ...alertFiles(hit.tx) }),
  }
  const proto = hit.app_proto ?? (hit.tx ? hit.tx.proto : view.appProto)
  if (proto !== 'unknown') record.app_proto = proto
  if (totals) record.flow = alertFlow(view, totals)
  return {
    ...columns(view, toServer, moment),
    kind: 'finding',
    host: hostOf(view, 'server'),
    rule_id: hit.rule_id,
    severity: hit.severity,
    attack_ids: hit.attack_ids,
    action: hit.action,
    message: brief(hit.msg, MESSAGE_CHARS_MAX),
    record: fit(record),
  }
}

/** Of the message it matched in. */
function alertFiles(tx: Transaction): { files?: Json[] } {
  const files = filesOf(tx)
  return files.length === 0 ? {} : { files: files.map((file) => eveFile(file, 0)) }
}

function alertFlow(view: FlowView, totals: Partial<FlowTotals>): Json {
  return {
    pkts_toserver: totals.packetsToServer,
    pkts_toclient: totals.packetsToClient,
    bytes_toserver: totals.bytesToServer,
    bytes_toclient: totals.bytesToClient,
    ...(totals.startUs !== undefined && { start: eveTime(totals.startUs) }),
    src_ip: eveAddress(view.client),
    dest_ip: eveAddress(view.server),
    ...(hasPorts(view) && { src_port: view.clientPort, dest_port: view.serverPort }),
  }
}

/** The row of a flow that ended; its time is when it began. */
export function flowEvent(view: FlowView, totals: FlowTotals): EventDraft {
  const { startUs, lastUs } = totals
  const bytes = totals.bytesToServer + totals.bytesToClient
  const packets = totals.packetsToServer + totals.packetsToClient
  const record: Json = {
    ...head(view, 'flow', true, { timeUs: lastUs }),
    flow: {
      pkts_toserver: totals.packetsToServer,
      pkts_toclient: totals.packetsToClient,
      bytes_toserver: totals.bytesToServer,
      bytes_toclient: totals.bytesToClient,
      start: eveTime(startUs),
      end: eveTime(lastUs),
      // Whole seconds of the clock between, as Suricata counts them.
      age: Math.floor(lastUs / 1e6) - Math.floor(startUs / 1e6),
      state: totals.state,
      // Suricata calls an eviction forced.
      reason: totals.reason === 'evicted' ? 'forced' : totals.reason,
      alerted: totals.alerted,
      ...(totals.action && { action: totals.action }),
    },
  }
  if (view.appProto !== 'unknown') record.app_proto = view.appProto
  if (view.appProtoOrig !== undefined) record.app_proto_orig = view.appProtoOrig
  if (totals.metadata) record.metadata = totals.metadata
  const ether = flowEther(view)
  if (ether) record.ether = ether
  if (view.icmpAnswer !== undefined && isIcmp(view)) {
    record.response_icmp_type = view.icmpAnswer >> 8
    record.response_icmp_code = view.icmpAnswer & 255
  }
  if (view.protocol === 6) {
    const flags = eveTcp(totals.flagsToServer, totals.flagsToClient)
    record.tcp = { ...flags, ...(totals.tcpState !== undefined && { state: totals.tcpState }) }
  }
  return {
    ...columns(view, true, { timeUs: startUs }),
    kind: 'flow',
    host: hostOf(view, 'client'),
    bytes,
    packets,
    message: flowSentence(view, totals),
    record,
  }
}

function flowSentence(view: FlowView, totals: FlowTotals): string {
  const bytes = totals.bytesToServer + totals.bytesToClient
  const packets = totals.packetsToServer + totals.packetsToClient
  const proto = protoName(view.protocol)
  const port = hasPorts(view) ? ` port ${view.serverPort}` : ''
  const app = view.appProto === 'unknown' || view.appProto === 'failed' ? '' : ` (${view.appProto})`
  const seconds = ((totals.lastUs - totals.startUs) / 1e6).toFixed(1)
  const silent = totals.packetsToClient === 0 ? ', no answer' : ''
  return `${view.client} to ${view.server}${port} by ${proto}${app}: ${bytes} bytes in ${packets} packets over ${seconds} s${silent}.`
}

function eveTcp(toServer: number, toClient: number): Json {
  const all = toServer | toClient
  const hex = (flags: number) => flags.toString(16).padStart(2, '0')
  return {
    tcp_flags: hex(all),
    tcp_flags_ts: hex(toServer),
    tcp_flags_tc: hex(toClient),
    ...(all & TCP.SYN && { syn: true }),
    ...(all & TCP.FIN && { fin: true }),
    ...(all & TCP.RST && { rst: true }),
    ...(all & TCP.PSH && { psh: true }),
    ...(all & TCP.ACK && { ack: true }),
    ...(all & TCP.URG && { urg: true }),
    ...(all & TCP.ECE && { ecn: true }),
    ...(all & TCP.CWR && { cwr: true }),
  }
}

/** The row of something malformed: EVE's anomaly. `layer` is where it was seen. */
export function faultEvent(
  view: FlowView,
  fault: Fault,
  moment: Moment & { layer: 'decode' | 'stream' | 'applayer' },
): EventDraft {
  const app = moment.layer === 'applayer'
  const what = app ? `${view.appProto} data` : moment.layer === 'stream' ? 'TCP stream' : 'packet'
  return {
    ...columns(view, true, moment),
    kind: 'fault',
    host: hostOf(view, 'client'),
    message: `Malformed ${what} between ${view.client} and ${view.server}: ${fault}.`,
    record: {
      ...head(view, 'anomaly', true, moment),
      anomaly: {
        ...(app && { app_proto: view.appProto }),
        type: moment.layer,
        event: fault,
        ...(app && { layer: 'proto_parser' }),
      },
    },
  }
}

/** The row of an event of an application: EVE's anomaly, under the name rules have for it. */
export function appEventRow(
  view: FlowView,
  event: AppEvent,
  moment: Moment & { toServer: boolean },
): EventDraft {
  const { toServer } = moment
  const name = event.replace('.', ': ').replaceAll('_', ' ')
  return {
    ...columns(view, toServer, moment),
    kind: 'fault',
    host: hostOf(view, 'client'),
    message: `Odd traffic between ${view.client} and ${view.server}: ${name}.`,
    record: {
      ...head(view, 'anomaly', toServer, moment),
      anomaly: {
        app_proto: view.appProto,
        type: 'applayer',
        event: eveEvent(event),
        layer: 'proto_parser',
      },
    },
  }
}

/** A row of any other type; `record` is what stands after the head. */
export function eveRow(
  view: FlowView,
  kind: EventKind,
  type: string,
  moment: Moment & { toServer: boolean },
  about: { app_proto?: string; message: string; record: Json },
): EventDraft {
  const { toServer } = moment
  return {
    ...columns(view, toServer, moment),
    kind,
    host: hostOf(view, 'client'),
    ...(about.app_proto !== undefined && { app_proto: about.app_proto }),
    message: about.message,
    record: fit({ ...head(view, type, toServer, moment), ...about.record }),
  }
}

/** The local asset a row is about: the preferred side when it is at home, else the other when that is. */
function hostOf(view: FlowView, prefer: 'client' | 'server'): string | undefined {
  const first = prefer === 'client'
  if (first ? view.clientHome : view.serverHome) return first ? view.client : view.server
  if (first ? view.serverHome : view.clientHome) return first ? view.server : view.client
  return undefined
}

function columns(view: FlowView, toServer: boolean, moment: Moment): Omit<EventDraft, 'kind'> {
  const [src, dest] = toServer ? [view.client, view.server] : [view.server, view.client]
  const [from, to] = toServer
    ? [view.clientPort, view.serverPort]
    : [view.serverPort, view.clientPort]
  const draft: Omit<EventDraft, 'kind'> = {
    event_time: moment.timeUs,
    ...(src !== '' && { src_ip: src, dest_ip: dest, proto: protoName(view.protocol) }),
    ...(view.flowId !== '' && { community_id: view.communityId, flow_id: view.flowId }),
  }
  if (hasPorts(view)) {
    draft.src_port = from
    draft.dest_port = to
  }
  if (view.appProto !== 'unknown' && view.appProto !== 'failed') draft.app_proto = view.appProto
  return draft
}

function head(view: FlowView, type: string, toServer: boolean, moment: Moment): Json {
  const [src, dest] = toServer ? [view.client, view.server] : [view.server, view.client]
  const json: Json = {
    timestamp: eveTime(moment.timeUs),
  }
  // Below 2^53, so a number is exact, as in EVE.
  if (view.flowId !== '') json.flow_id = Number(view.flowId)
  json.event_type = type
  if (moment.number && !moment.late) json.pcap_cnt = moment.number
  const { packet } = moment
  const vlan = packet && !moment.late ? packetVlan(packet) : view.vlan
  if (vlan && vlan.length > 0) json.vlan = vlan
  if (packet && !moment.late) Object.assign(json, packetLink(packet, toServer))
  if (src === '') return json // a frame whose ends could not be read
  json.src_ip = eveAddress(src)
  if (hasPorts(view)) json.src_port = toServer ? view.clientPort : view.serverPort
  json.dest_ip = eveAddress(dest)
  if (hasPorts(view)) json.dest_port = toServer ? view.serverPort : view.clientPort
  json.proto = protoName(view.protocol)
  json.ip_v = src.includes(':') ? 6 : 4
  if (isIcmp(view)) {
    json.icmp_type = packet?.icmpType ?? view.icmpType ?? 0
    json.icmp_code = packet?.icmpCode ?? view.icmpCode ?? 0
  }
  if (view.communityId !== '') json.community_id = view.communityId
  if (moment.late) json.pkt_src = 'stream (flow timeout)'
  else if (moment.number) json.pkt_src = packet ? packetSource(packet) : 'wire/pcap'
  return json
}

function isIcmp({ protocol }: FlowView): boolean {
  return protocol === 1 || protocol === 58
}

function hasPorts(view: FlowView): boolean {
  return view.protocol === 6 || view.protocol === 17 || view.protocol === 132
}

/** `2026-11-23T11:42:10.118204+0000` */
function eveTime(us: number): string {
  return isoFromUs(us).replace('Z', '+0000')
}

/** Cuts long texts and lists until the record is within its bound as JSON. A byte may take six there. */
function fit(record: Json): Json {
  if (textSize(record) * 6 < RECORD_BYTES_MAX) return record
  for (const [chars, items] of [
    [8192, 128],
    [1024, 32],
    [128, 8],
  ] as const) {
    const cut = cutTo(record, chars, items) as Json
    if (Buffer.byteLength(JSON.stringify(cut)) <= RECORD_BYTES_MAX) return cut
  }
  return cutTo(record, 64, 4) as Json
}

function textSize(value: unknown): number {
  if (typeof value === 'string') return value.length
  if (value === null || typeof value !== 'object') return 8
  let size = 8
  if (Array.isArray(value)) for (const each of value) size += textSize(each)
  else for (const key in value) size += key.length + textSize((value as Json)[key])
  return size
}

function cutTo(value: unknown, chars: number, items: number): unknown {
  if (typeof value === 'string') return value.length > chars ? `${value.slice(0, chars)}…` : value
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.slice(0, items).map((each) => cutTo(each, chars, items))
  const cut: Json = {}
  for (const key in value) cut[key] = cutTo((value as Json)[key], chars, items)
  return cut
}
