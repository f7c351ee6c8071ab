/** What a rule looks for, as far as traffic can be made from it: its literals by buffer. */
import { readFileSync } from 'node:fs'

export interface RuleContents {
  sid: number
  proto: string
  /** The client is of the branch. */
  outward: boolean
  /** Looked for in what the server says. */
  answered: boolean
  port: number | undefined
  /** By sticky buffer, in order; `` is the payload. */
  contents: Map<string, Buffer[]>
}

const RULE = /^(?:alert|drop) (\S+) (\S+) (\S+) (?:->|<>) (\S+) (\S+) \((.*)\)\s*$/
const OPTION = /([a-z][\w.-]*)(?::((?:"(?:\\.|[^"\\])*"|[^;"]|\\;)*))?;/g
const CONTENT_BYTES_MAX = 400
const GAP_MAX = 300

/** Older spellings stand behind the content that they are of. */
const MODIFIERS: Readonly<Record<string, string>> = {
  http_uri: 'http.uri',
  http_raw_uri: 'http.uri',
  http_method: 'http.method',
  http_user_agent: 'http.user_agent',
  http_header: 'http.header',
  http_raw_header: 'http.header',
  http_host: 'http.host',
  http_cookie: 'http.cookie',
  http_client_body: 'http.request_body',
  http_server_body: 'file.data',
}
const SAME: Readonly<Record<string, string>> = {
  file_data: 'file.data',
  dns_query: 'dns.query',
  'http.response_body': 'file.data',
  'http.uri.raw': 'http.uri',
  'http.header.raw': 'http.header',
  'http.host.raw': 'http.host',
  tls_sni: 'tls.sni',
}

export function readRuleContents(files: readonly string[]): RuleContents[] {
  return files.flatMap((file) =>
    readFileSync(file, 'latin1')
      .split('\n')
      .flatMap((line) => contentsOf(line) ?? []),
  )
}

function contentsOf(line: string): RuleContents | undefined {
  const [, proto = '', src = '', srcPort = '', dest = '', destPort = '', options = ''] =
    RULE.exec(line) ?? []
  const contents = new Map<string, Buffer[]>()
  let sid = 0
  let buffer = ''
  let flow = ''
  let list: Buffer[] | undefined
  for (const [, name = '', value = ''] of options.matchAll(OPTION)) {
    if (name === 'sid') sid = Number(value)
    else if (name === 'flow') flow = value
    else if (name === 'content')
      list = value.startsWith('!') ? undefined : put(contents, buffer, literal(value))
    else if (MODIFIERS[name]) list = moved(contents, list, MODIFIERS[name] as string)
    else if (name === 'distance' || name === 'offset') padded(list, Number(value))
    else if (name.includes('.') || SAME[name]) buffer = SAME[name] ?? name
    else if (name === 'pkt_data') buffer = ''
  }
  if (sid === 0 || contents.size === 0) return undefined
  const answered = /from_server|to_client/.test(flow)
  const srcHome = /HOME|SERVERS/.test(src) || src === 'any'
  const outward = answered
    ? /HOME|any/.test(dest) && !/HOME/.test(src)
    : srcHome && !/^\[?\$(HOME|HTTP|SQL|SMTP|DNS)/.test(dest)
  return { sid, proto, outward, answered, port: portOf(answered ? srcPort : destPort), contents }
}

function put(contents: Map<string, Buffer[]>, buffer: string, bytes: Buffer): Buffer[] {
  const list = contents.get(buffer) ?? []
  contents.set(buffer, list)
  list.push(bytes)
  return list
}

/** Takes the last content to the buffer that its modifier names. */
function moved(contents: Map<string, Buffer[]>, list: Buffer[] | undefined, to: string) {
  const bytes = list?.pop()
  if (list?.length === 0) contents.delete('')
  return bytes && put(contents, to, bytes)
}

/** Filler before the last content, where it must stand further behind. */
function padded(list: Buffer[] | undefined, gap: number): void {
  const last = list?.at(-1)
  if (!list || !last || !(gap > 0) || gap > GAP_MAX) return
  list[list.length - 1] = Buffer.concat([Buffer.alloc(gap, 'x'), last])
}

function literal(value: string): Buffer {
  const text = value
    .trim()
    .replace(/^"|"$/g, '')
    .replaceAll(/\\([\\";:])/g, '$1')
  const parts = text
    .split('|')
    .map((part, i) =>
      Buffer.from(i % 2 ? part.replaceAll(' ', '') : part, i % 2 ? 'hex' : 'latin1'),
    )
  return Buffer.concat(parts).subarray(0, CONTENT_BYTES_MAX)
}

function portOf(text: string): number | undefined {
  const port = Number(/^\[?(\d+)/.exec(text)?.[1])
  return port > 0 && port < 65_536 ? port : undefined
}
