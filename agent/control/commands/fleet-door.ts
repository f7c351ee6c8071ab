/** Speaking to a primary's door: HTTPS over one connection whose exporter the proofs are bound to (D21). */
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import type { Json } from '../../base/canonical.ts'
import { Failure, type Kind } from '../../base/failure.ts'
import { EXPORTER_BYTES, EXPORTER_LABEL } from '../../keys/claim.ts'

const ANSWER_BYTES_MAX = 65_536
const DOOR_MS_MAX = 15_000
const KINDS: Record<number, Kind> = {
  400: 'invalid',
  401: 'unauthorized',
  403: 'refused',
  404: 'not-found',
  409: 'conflict',
  429: 'too-many',
  503: 'unavailable',
}

export interface Door {
  host: string
  port: number
}

/** `host:port`, `[v6]:port`, or either after `https://`. */
export function readDoor(text: string): Door {
  const match = /^(?:https:\/\/)?(?:\[([\da-f:.]+)\]|([\w.-]+)):(\d{1,5})\/?$/i.exec(text)
  const port = Number(match?.[3])
  const host = match?.[1] ?? match?.[2]
  if (!host || port < 1 || port > 65_535)
    throw new Failure(
      'invalid',
      `The door is HOST:PORT, such as london.example:8884, not "${text}".`,
    )
  return { host, port }
}

/**
 * Sends what `make` makes of the connection's exporter, and gives back the answer. The server's certificate is
 * looked at by nobody here: the answer's proof, over the same exporter, says who it was.
 */
export async function join(door: Door, make: (exporter: string) => Promise<Json>): Promise<Json> {
  const socket = await open(door, { rejectUnauthorized: false })
  try {
    // TLS 1.3 (RFC 8446 §7.5): an empty context and none are the same.
    const exporter = socket
      .exportKeyingMaterial(EXPORTER_BYTES, EXPORTER_LABEL, Buffer.alloc(0))
      .toString('hex')
    return await post(socket, door, '/v1/join', await make(exporter))
  } finally {
    socket.destroy()
  }
}

/** Sends to a primary that is known: by its own authority, under its own name. */
export async function tell(
  door: Door,
  { ca, identity }: { ca: string; identity: string },
  path: '/v1/renew' | '/v1/leave',
  body: Json,
): Promise<Json> {
  const socket = await open(door, { ca, checkServerIdentity: () => undefined })
  try {
    const names = (socket.getPeerX509Certificate()?.subjectAltName ?? '').split(', ')
    if (!names.includes(`URI:${identity}`))
      throw new Failure('refused', 'The certificate of the door is not that of the primary.')
    return await post(socket, door, path, body)
  } finally {
    socket.destroy()
  }
}

function open({ host, port }: Door, options: ConnectionOptions): Promise<TLSSocket> {
  return new Promise((done, fail) => {
    const servername = isIP(host) ? {} : { servername: host }
    const socket = connect({ host, port, minVersion: 'TLSv1.3', ...servername, ...options })
    const away = (why: string, cause?: unknown) => {
      socket.destroy()
      fail(new Failure('unavailable', `The door at ${host}:${port} ${why}.`, {}, cause))
    }
    socket.setTimeout(DOOR_MS_MAX, () => away(`did not answer within ${DOOR_MS_MAX / 1000} s`))
    socket.once('error', (error) => away(`cannot be reached: ${error.message}`, error))
    socket.once('secureConnect', () => done(socket))
  })
}

async function post(socket: TLSSocket, door: Door, path: string, body: Json): Promise<Json> {
  const text = JSON.stringify(body)
  const answer = await new Promise<IncomingMessage>((done, fail) => {
    const headers = {
      host: `${door.host}:${door.port}`,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
      connection: 'close',
    }
    const sent = httpRequest(
      { method: 'POST', path, headers, createConnection: () => socket },
      done,
    )
    sent.once('error', (error) =>
      fail(new Failure('unavailable', `The door went away: ${error.message}.`, {}, error)),
    )
    sent.end(text)
  })
  if (answer.statusCode === 200) return readAnswer(answer)
  // Without words where the door's own server refused, as it does who sends too slowly.
  const value = await readAnswer(answer).catch(() => null)
  const kind = KINDS[answer.statusCode ?? 0] ?? 'unavailable'
  throw new Failure(kind, messageOf(value) ?? `The door answered ${answer.statusCode}.`)
}

async function readAnswer(answer: IncomingMessage): Promise<Json> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > ANSWER_BYTES_MAX) throw new Error('too long')
      chunks.push(chunk)
    }
    return JSON.parse(Buffer.concat(chunks).toString()) as Json
  } catch (error) {
    throw new Failure('unavailable', 'The door answered something that is no answer.', {}, error)
  }
}

/** Of `{"error": {"kind", "message"}}`, in plain letters: it is printed on a terminal. */
function messageOf(value: Json): string | undefined {
  const { error } = (value ?? {}) as { error?: { message?: unknown } }
  const message = error?.message
  return typeof message === 'string' ? message.slice(0, 500).replace(/\p{C}/gu, '') : undefined
}
