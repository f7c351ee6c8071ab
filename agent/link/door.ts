/**
 * The door of a primary: HTTPS without a client certificate, for those who have none yet or none that is
 * still good. It bounds and passes on; picket-keys decides. What was wrong about a code is never said.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Json } from '../base/canonical.ts'
import { Failure } from '../base/failure.ts'
import type { Log } from '../base/log.ts'
import { Admission } from './admission.ts'
import {
  DOOR_BYTES_MAX,
  DOOR_CONNECTIONS_MAX,
  DOOR_MS_MAX,
  DOOR_PER_SOURCE_MAX,
  HANDSHAKE_MS_MAX,
} from './limits.ts'
import type { Credentials } from './transport.ts'

const EXPORTER_LABEL = 'EXPORTER-picket-claim'
const EXPORTER_BYTES = 32

export interface DoorRequest {
  body: Json
  /** Address of the caller. */
  source: string
}

export interface DoorCalls {
  /** `exporter`: 32 bytes that only the two ends of this TLS connection share (RFC 5705), hex. */
  join(request: DoorRequest & { exporter: string }): Promise<{ reply: Json }>
  renew(request: DoorRequest): Promise<{ reply: Json }>
  leave(request: DoorRequest): Promise<{ reply: Json }>
}

export interface DoorOptions extends Credentials {
  host: string
  port: number
  calls: DoorCalls
  log: Log
}

export class Door {
  readonly #server: Server
  readonly #calls: DoorCalls
  readonly #log: Log
  readonly #admission = new Admission({
    total: DOOR_CONNECTIONS_MAX,
    perSource: DOOR_PER_SOURCE_MAX,
  })

  private constructor(options: DoorOptions) {
    this.#calls = options.calls
    this.#log = options.log
    this.#server = createServer(
      {
        ...contextOf(options),
        handshakeTimeout: HANDSHAKE_MS_MAX,
        requestTimeout: DOOR_MS_MAX,
        headersTimeout: DOOR_MS_MAX,
        connectionsCheckingInterval: 1000,
        maxHeaderSize: 4096,
      },
      (request, response) => void this.#attend(request, response),
    )
    this.#server.keepAliveTimeout = 1
    this.#server.maxRequestsPerSocket = 1
    this.#admission.guard(this.#server)
    this.#server.on('tlsClientError', (_error, socket) => socket.destroy())
  }

  static async open(options: DoorOptions): Promise<Door> {
    const door = new Door(options)
    await new Promise<void>((done, fail) => {
      door.#server.once('error', fail)
      door.#server.listen(options.port, options.host, () => {
        door.#server.off('error', fail)
        done()
      })
    })
    return door
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get connections(): { open: number; refused: Admission['refused'] } {
    return { open: this.#admission.open, refused: this.#admission.refused }
  }

  renew(credentials: Credentials): void {
    this.#server.setSecureContext(contextOf(credentials))
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((done) => this.#server.close(() => done()))
    this.#server.closeAllConnections()
    this.#admission.end()
    await closed
  }

  async #attend(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const give = (status: number, value: Json) => {
      if (response.destroyed) return
      response.writeHead(status, {
        'content-type': 'application/json',
        'cache-control': 'no-store',
        connection: 'close',
      })
      response.end(JSON.stringify(value))
    }
    try {
      give(200, (await this.#answer(request)).reply)
    } catch (error) {
      const isOurs = error instanceof Failure
      if (!isOurs) this.#log.error({ error: String(error) }, 'door.failed')
      this.#log.info({ path: request.url ?? '', kind: Failure.kindOf(error) }, 'door.refused')
      const message = isOurs ? error.message : 'It failed inside; try again later.'
      give(Failure.httpStatus(error), { error: { kind: Failure.kindOf(error), message } })
    }
  }

  async #answer(request: IncomingMessage): Promise<{ reply: Json }> {
    const { join, renew, leave } = this.#calls
    if (request.method !== 'POST') throw new Failure('not-found', 'There is nothing here.')
    const socket = request.socket as TLSSocket
    const source = socket.remoteAddress ?? ''
    switch (request.url) {
      case '/v1/join': {
        const exporter = socket
          .exportKeyingMaterial(EXPORTER_BYTES, EXPORTER_LABEL, Buffer.alloc(0))
          .toString('hex')
        return join({ body: await readBody(request), source, exporter })
      }
      case '/v1/renew':
        return renew({ body: await readBody(request), source })
      case '/v1/leave':
        return leave({ body: await readBody(request), source })
      default:
        throw new Failure('not-found', 'There is nothing here.')
    }
  }
}

async function readBody(request: IncomingMessage): Promise<Json> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > DOOR_BYTES_MAX)
      throw new Failure('invalid', `A request has ${DOOR_BYTES_MAX} bytes at most.`)
    chunks.push(chunk)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString()) as Json
  } catch {
    throw new Failure('invalid', 'The request is not JSON.')
  }
}

function contextOf({ certificate, privateKey }: Credentials) {
  return { cert: certificate, key: privateKey, minVersion: 'TLSv1.3' as const }
}
