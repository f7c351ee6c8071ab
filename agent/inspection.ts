/** How traffic is inspected: the settings of Suricata that change what is found, under the names its users know. */
import { readFileSync } from 'node:fs'
import * as v from 'valibot'
import { Failure } from './base/failure.ts'
import { parseSettings } from './base/json-settings.ts'
import { brief, visible } from './base/text.ts'
import type { DnsSettings } from './detect/eve-settings.ts'
import type { DropSettings } from './verdicts.ts'

/** Of what a file says, quoted in a refusal. */
const NAMED_CHARS_MAX = 200
const DEPTH_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  kb: 1024,
  mb: 1_048_576,
  gb: 2 ** 30,
}

/** `8kb`, `1 MiB`, `0`: bytes. */
function bytesOf(value: string | number): number {
  const [, number = '', unit = ''] = /^(\d{1,12})\s*([kmg]?)i?b?$/i.exec(String(value).trim()) ?? []
  return Number(number) * (DEPTH_UNITS[unit === '' ? '' : `${unit.toLowerCase()}b`] as number)
}

const Size = v.pipe(
  v.union([v.string(), v.number()]),
  v.check(
    (value) => /^\d{1,12}\s*([kmg]i?)?b?$/i.test(String(value).trim()),
    'a size is due, like 8kb',
  ),
  v.transform(bytesOf),
)
const Named = v.record(v.pipe(v.string(), v.maxLength(64)), v.pipe(v.string(), v.maxLength(4096)))
const Settings = v.record(v.string(), v.unknown())
const Action = v.picklist(['pass', 'drop', 'reject', 'alert'])

/**
 * enable, ja4, file_store (but for hashes) and guess_applayer_tx are taken and change nothing yet. Mode ips judges bytes as they come,
 * and what rules drop goes no further: in replay, for the agent stands beside the wire.
 */
const Schema = v.strictObject({
  /** `auto`: a TCP segment with a wrong checksum is not read. `none`: offloads leave it unset. */
  checksum: v.optional(v.picklist(['auto', 'none']), 'auto'),
  /**
   * Datagrams whose header says a length of 0, as those look that a card is to cut (TSO, UFO): `read` to the end of their frame, or
   * `malformed`, as Suricata has them.
   */
  offload: v.optional(v.picklist(['read', 'malformed']), 'read'),
  /** Which EVE records are written; all when absent. A type may carry its settings: {"dns": {"version": 2}}. */
  eve_types: v.optional(v.array(v.union([v.string(), Settings]))),
  /** Streams whose handshake was not seen are read. */
  midstream: v.optional(v.boolean(), false),
  /** Streams of which one direction alone is seen are read. */
  async_oneside: v.optional(v.boolean(), false),
  /** `ips`: drop and reject rules take packets out of the traffic. */
  mode: v.optional(v.picklist(['ids', 'ips']), 'ids'),
  /** Bytes are judged as they come; else when their receiver has acknowledged them. */
  stream_inline: v.optional(v.boolean(), false),
  /** Bytes of each direction of a stream that are read; 0: all. */
  reassembly_depth: v.optional(Size, 0),
  /** Content encodings undone one after another. */
  http_decompress_layers: v.optional(
    v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(8)),
    2,
  ),
  /** More than 100 findings of a rule in a minute are told as one, with their count. */
  fold_findings: v.optional(v.boolean(), true),
  action_order: v.optional(v.pipe(v.array(Action), v.length(4))),
  vars: v.optional(
    v.strictObject({
      'address-groups': v.optional(Named, {}),
      'port-groups': v.optional(Named, {}),
    }),
    {},
  ),
  app_layer: v.optional(v.record(v.string(), Settings), {}),
  /** Protocols whose decoders are off otherwise. */
  enable: v.optional(v.array(v.string()), []),
  stream: v.optional(
    v.strictObject({
      midstream: v.optional(v.boolean()),
      'checksum-validation': v.optional(v.boolean()),
      reassembly: v.optional(v.strictObject({ depth: v.optional(Size) })),
    }),
    {},
  ),
  ja4: v.optional(v.boolean(), true),
  file_store: v.optional(v.boolean(), false),
  guess_applayer_tx: v.optional(v.boolean(), false),
})

export type Inspection = v.InferOutput<typeof Schema>

/** What the agent does when nobody says otherwise: read as much as can be read. */
const AGENT = { checksum: 'none', midstream: true, async_oneside: true, stream_inline: true }

export const INSPECTION: Inspection = v.parse(Schema, AGENT)

/** The agent's settings: those of `inspection` in config.json, the rest as it has them. It stands beside the wire and drops nothing. */
export function agentInspection(given: Readonly<Record<string, unknown>>): Inspection {
  const inspection = parseInspection({ ...AGENT, ...given }, 'config.json: inspection')
  if (inspection.mode === 'ips')
    throw new Failure(
      'invalid',
      'config.json: inspection: mode ips is for replay; the agent drops no packet.',
    )
  return inspection
}

/** Settings as one object; a key of no setting is refused. */
export function parseInspection(value: unknown, where: string): Inspection {
  if (Array.isArray(value))
    throw new Failure('invalid', `${where} holds a list where settings are due.`)
  const result = v.safeParse(Schema, value)
  if (!result.success) {
    const [issue] = result.issues
    const at = brief(v.getDotPath(issue) ?? 'it', NAMED_CHARS_MAX)
    if (issue.type === 'strict_object' && issue.expected === 'never')
      throw new Failure('invalid', `${where}: there is no setting ${at}.`)
    throw new Failure('invalid', `${where}: ${at}: ${brief(issue.message, NAMED_CHARS_MAX)}.`)
  }
  const { stream, ...all } = result.output
  return {
    ...all,
    stream,
    midstream: stream.midstream ?? all.midstream,
    checksum: stream['checksum-validation'] === false ? 'none' : all.checksum,
    reassembly_depth: stream.reassembly?.depth ?? all.reassembly_depth,
  }
}

export function readInspection(file: string): Inspection {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new Failure('invalid', `The options ${file} cannot be read.`, { file }, error)
  }
  return parseInspection(parseSettings(text, file), file)
}

/** Names of the EVE types to write; undefined: all. */
export function eveTypes({ eve_types }: Inspection): ReadonlySet<string> | undefined {
  if (!eve_types) return undefined
  const names = new Set<string>()
  for (const each of eve_types)
    for (const name of typeof each === 'string' ? [each] : Object.keys(each))
      for (const type of EVE_TYPES[name] ?? [name]) names.add(type)
  return names
}

/** What is written of single packets. */
export interface PacketSettings {
  /** Alerts carry the packet they were seen in. */
  alertPackets: boolean
  /** Alerts carry what they were seen in, of a stream its last `payloadBytes`. */
  payload: boolean
  payloadBytes: number
  /** Packets that rules have tagged are written. */
  tagged: boolean
  arp: boolean
  decodeAnomalies: boolean
  streamAnomalies: boolean
}

type Json = Readonly<Record<string, unknown>>

/** What eve_types says of one type; undefined where it does not name it. */
function typeSettings({ eve_types = [] }: Inspection, name: string): Json | undefined {
  for (const each of eve_types) {
    if (each === name) return {}
    if (typeof each !== 'string' && Object.hasOwn(each, name))
      return (each[name] as Json | null | undefined) ?? {}
  }
  return undefined
}

/** What mode ips writes of packets that are dropped; undefined: nothing is dropped. */
export function dropSettings(inspection: Inspection): DropSettings | undefined {
  if (inspection.mode !== 'ips') return undefined
  const drop = inspection.eve_types ? typeSettings(inspection, 'drop') : {}
  const flows = drop && (drop.flows === 'all' ? 'all' : 'start')
  return { flows, alerts: drop?.alerts === true }
}

const PAYLOAD_BYTES = 4096

export function packetSettings(inspection: Inspection): PacketSettings {
  const alert = typeSettings(inspection, 'alert') ?? {}
  const anomalies = typeSettings(inspection, 'anomaly')?.types as Json | null | undefined
  const size = v.safeParse(Size, alert['payload-buffer-size'])
  return {
    alertPackets: alert.packet === true,
    payload: alert.payload === true || alert['payload-printable'] === true,
    payloadBytes: size.success ? Math.min(size.output, PAYLOAD_BYTES) : PAYLOAD_BYTES,
    tagged: alert['tagged-packets'] === true,
    arp: typeSettings(inspection, 'arp') !== undefined,
    decodeAnomalies: anomalies?.decode === true,
    streamAnomalies: anomalies?.stream === true,
  }
}

/** Record types of a setting that is not called as they are. */
const EVE_TYPES: Readonly<Record<string, readonly string[]>> = {
  files: ['fileinfo'],
  'ftp-data': ['ftp_data'],
  ftp: ['ftp', 'ftp_data'],
}

export interface ProtocolsOff {
  /** Not looked for at all. */
  off: ReadonlySet<string>
  /** Found, and then not read. */
  detectionOnly: ReadonlySet<string>
  /** Objects of one DNP3 message, before it is an event. */
  dnp3ObjectsMax: number | undefined
}

/** Protocols that are not to be read. */
export function protocolsOff({ app_layer }: Inspection): ProtocolsOff {
  const named = (value: unknown) =>
    new Set(Object.entries(app_layer).flatMap(([name, { enabled }]) => (enabled === value ? [name] : []))) // biome-ignore format: one set
  const objects = app_layer.dnp3?.['max-objects']
  return {
    off: named(false),
    detectionOnly: named('detection-only'),
    dnp3ObjectsMax: typeof objects === 'number' ? objects : undefined,
  }
}

/** As Suricata's encryption-handling: literals are looked for in what TLS or SSH has encrypted only of the protocols that say `full`. */
export function lookedIntoSealed({ app_layer }: Inspection): ReadonlySet<string> {
  const names = Object.keys(app_layer)
  return new Set(names.filter((name) => app_layer[name]?.['encryption-handling'] === 'full'))
}

/** What these settings keep the agent from looking at, beside its own: clauses for people. */
export function lookedPast(inspection: Inspection): string[] {
  const { off, detectionOnly } = protocolsOff(inspection)
  const names = [...off.union(detectionOnly)]
  const { reassembly_depth: depth } = inspection
  return [
    names.length > 0 &&
      `the inside of ${names.map((name) => visible(name).slice(0, 20)).join(', ')}`,
    depth > 0 && `streams behind ${depth.toLocaleString('en')} bytes`,
    !inspection.midstream && 'streams without their beginning',
    !inspection.async_oneside && 'streams of one direction',
    inspection.checksum === 'auto' && 'segments with a wrong checksum',
    inspection.offload === 'malformed' && 'datagrams that say a length of 0',
    inspection.http_decompress_layers === 0 && 'compressed bodies',
  ].filter((each) => each !== false)
}

/** Whether alerts name the references of their rules. */
export function alertReferences({ eve_types = [] }: Inspection): boolean {
  return eve_types.some((each) => {
    const found = typeof each === 'string' ? undefined : v.safeParse(References, each.alert)
    return found?.success === true && found.output.metadata?.rule?.reference === true
  })
}

const References = v.object({
  metadata: v.optional(
    v.object({ rule: v.optional(v.object({ reference: v.optional(v.boolean()) })) }),
  ),
})

/** Whose header lines records of HTTP hold. */
export function httpHeaders({ eve_types = [] }: Inspection): DumpHeaders {
  for (const each of eve_types) {
    const found = typeof each === 'string' ? undefined : v.safeParse(Http, each.http)
    if (found?.success && found.output?.['dump-all-headers'])
      return found.output['dump-all-headers']
  }
  return 'none'
}

const Http = v.nullish(
  v.object({ 'dump-all-headers': v.optional(v.picklist(['none', 'both', 'request', 'response'])) }),
)
export type DumpHeaders = 'none' | 'both' | 'request' | 'response'

/** Whether records of TLS hold what both hellos offer. */
export function tlsHandshakes({ eve_types = [] }: Inspection): boolean {
  return eve_types.some((each) => {
    const found = typeof each === 'string' ? undefined : v.safeParse(Custom, each.tls)
    return found?.success === true && (found.output?.custom ?? []).some((name) => /^(?:client|server)_handshake$/.test(name)) // biome-ignore format: one question
  })
}

const Custom = v.nullish(v.object({ custom: v.optional(v.array(v.string())) }))

/** Kinds of SMB records that are written; undefined: all. */
export function smbTypes({ eve_types = [] }: Inspection): ReadonlySet<string> | undefined {
  for (const each of eve_types) {
    const found = typeof each === 'string' ? undefined : v.safeParse(Smb, each.smb)
    if (found?.success && found.output?.types) return new Set(found.output.types)
  }
  return undefined
}

const Smb = v.nullish(v.object({ types: v.optional(v.array(v.string())) }))

/** How DNS is written; undefined: as always. */
export function dnsSettings({ eve_types = [] }: Inspection): DnsSettings | undefined {
  for (const each of eve_types) {
    const found = typeof each === 'string' ? undefined : v.safeParse(Dns, each.dns)
    if (!found?.success || found.output === undefined) continue
    const { version = 3, types, requests = true, responses = true } = found.output
    return {
      version: version === 2 ? 2 : 3,
      requests,
      responses,
      types: types && new Set(types.map((type) => type.toUpperCase())),
    }
  }
  return undefined
}

const Dns = v.optional(
  v.object({
    version: v.optional(v.number()),
    types: v.optional(v.array(v.string())),
    requests: v.optional(v.boolean()),
    responses: v.optional(v.boolean()),
  }),
)

const HASHES = ['md5', 'sha1', 'sha256'] as const

/** Which hashes the records of files carry. */
export function fileHashes({ eve_types = [], file_store }: Inspection): (typeof HASHES)[number][] {
  const wanted = new Set<unknown>(file_store ? ['sha256'] : [])
  for (const each of eve_types) {
    const settings = typeof each === 'string' ? undefined : each.files
    const names = (settings as { 'force-hash'?: unknown } | null | undefined)?.['force-hash']
    if (Array.isArray(names)) for (const name of names) wanted.add(name)
  }
  return HASHES.filter((name) => wanted.has(name))
}
