/**
 * Requests between Picket's processes over unix sockets: 4-byte length, then JSON. One socket a
 * kind of caller, in a folder that nobody else may enter: who may open the file is who may call, and each
 * socket serves only the methods that this caller may use (D2). Frames are bounded; so are peers.
 */
import { chmodSync, closeSync, mkdirSync, openSync, rmSync } from 'node:fs'
import { createConnection, createServer, type Server, type Socket } from 'node:net'
import { basename, dirname } from 'node:path'
import { Failure, type Kind } from '../base/failure.ts'
import { sharedMode } from '../base/files.ts'
import type { Log } from '../base/log.ts'

export const FRAME_BYTES_MAX = 64 << 20
const PEERS_MAX = 256
const PATH_BYTES_MAX = 100 // sun_path holds 108
const CALL_MS_MAX = 60_000

/** A method gets its parameters unvalidated: parse them by a schema first. */
export type Method = (params: unknown, peer: Peer) => unknown
export type Methods = Readonly<Record<string, Method>>

/** The caller's end of one connection, for methods that keep sending. */
export interface Peer {
  /** Sends an event; silently nothing once the peer is gone. Returns false when its buffer is full. */
  push(event: string, data: unknown): boolean
  onClose(listener: () => void): void
}

interface Request {
  id: number
  method: string
  params: unknown
}
interface Reply {
  id: number
  result?: unknown
  error?: { kind: Kind; message: string }
}
interface Push {
  event: string
  data: unknown
}

export interface RpcServer {
  readonly path: string
  close(): Promise<void>
}

/** Serves `methods` on a unix socket at `path`, replacing a dead one; the folder is made 0700 where none was made for its callers. */
export async function serve(path: string, methods: Methods, log: Log): Promise<RpcServer> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  rmSync(path, { force: true })
  const peers = new Set<Socket>()
  const server = createServer((socket) => {
    if (peers.size >= PEERS_MAX) {
      log.warn({ socket: basename(path), peersMax: PEERS_MAX }, 'rpc.refused')
      socket.destroy()
      return
    }
    peers.add(socket)
    socket.on('close', () => peers.delete(socket))
    attend(socket, methods, log)
  })
  await listen(server, path)
  return {
    path,
    close: () =>
      new Promise((done) => {
        server.close(() => done())
        for (const peer of peers) peer.destroy()
      }),
  }
}

function listen(server: Server, path: string): Promise<void> {
  return withShortPath(
    path,
    (short) =>
      new Promise((done, fail) => {
        server.once('error', fail)
        server.listen(short, () => {
          server.off('error', fail)
          chmodSync(path, callMode(path))
          done()
        })
      }),
  )
}

/** To be written to by whom its folder lets in. */
function callMode(path: string): number {
  const mode = sharedMode(dirname(path))
  return mode | ((mode & 0o040) >> 1)
}

/** A long path is reached through an open folder: /proc/self/fd/N/name. */
async function withShortPath<T>(path: string, use: (short: string) => Promise<T>): Promise<T> {
  if (Buffer.byteLength(path) <= PATH_BYTES_MAX) return use(path)
  const folder = openSync(dirname(path), 'r')
  try {
    return await use(`/proc/self/fd/${folder}/${basename(path)}`)
  } finally {
    closeSync(folder)
  }
}

function attend(socket: Socket, methods: Methods, log: Log): void {
  const peer: Peer = {
    push: (event, data) => !socket.destroyed && socket.write(frame({ event, data } satisfies Push)),
    onClose: (listener) => void socket.once('close', listener),
  }
  socket.on('error', () => socket.destroy())
  readFrames(socket, (message) => {
    const { id, method, params } = message as Request
    const found =
      typeof method === 'string' && Object.hasOwn(methods, method) ? methods[method] : undefined
    answer(found, params, peer).then(
      (result) => reply(socket, { id, result }),
      (error: unknown) => {
        if (!(error instanceof Failure))
          log.error({ method, error: String((error as Error)?.stack ?? error) }, 'rpc.failed')
        const message =
          error instanceof Failure
            ? error.message
            : 'It failed inside; the log of the process has the cause.'
        reply(socket, { id, error: { kind: Failure.kindOf(error), message } })
      },
    )
  })
}

async function answer(method: Method | undefined, params: unknown, peer: Peer): Promise<unknown> {
  if (!method) throw new Failure('refused', 'This caller may not use that method.')
  return method(params, peer)
}

function reply(socket: Socket, message: Reply): void {
  if (socket.destroyed) return
  const bytes = frame(message)
  if (bytes.length - 4 > FRAME_BYTES_MAX)
    socket.write(
      frame({
        id: message.id,
        error: { kind: 'too-many', message: 'The answer is too big.' },
      } satisfies Reply),
    )
  else socket.write(bytes)
}

function frame(message: Reply | Request | Push): Buffer {
  const body = Buffer.from(JSON.stringify(message))
  const bytes = Buffer.allocUnsafe(4 + body.length)
  bytes.writeUInt32BE(body.length)
  body.copy(bytes, 4)
  return bytes
}

function readFrames(socket: Socket, take: (message: unknown) => void): void {
  let chunks: Buffer[] = []
  let size = 0
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    size += chunk.length
    for (;;) {
      if (size < 4) return
      if ((chunks[0] as Buffer).length < 4) chunks = [Buffer.concat(chunks)]
      const length = (chunks[0] as Buffer).readUInt32BE(0)
      if (length > FRAME_BYTES_MAX) return void socket.destroy()
      if (size < 4 + length) return
      const all = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)
      const rest = all.subarray(4 + length)
      chunks = rest.length > 0 ? [rest] : []
      size = rest.length
      try {
        take(JSON.parse(all.toString('utf8', 4, 4 + length)))
      } catch {
        return void socket.destroy()
      }
    }
  })
}

export interface RpcClient {
  /** Calls a method; a failure of the other side comes back as the Failure it was. */
  call<T>(method: string, params?: unknown, timeoutMs?: number): Promise<T>
  /** Listens to what the server pushes. */
  on(event: string, listener: (data: never) => void): void
  onClose(listener: () => void): void
  close(): void
}

/** Connects to a server; `unavailable` when nobody listens there. */
export async function connect(path: string): Promise<RpcClient> {
  const socket = await open(path)
  const waiting = new Map<
    number,
    { done(value: unknown): void; fail(error: Failure): void; timer: NodeJS.Timeout }
  >()
  const listeners = new Map<string, Set<(data: never) => void>>()
  let next = 1
  socket.on('error', () => socket.destroy())
  socket.on('close', () => {
    for (const { fail, timer } of waiting.values()) {
      clearTimeout(timer)
      fail(new Failure('unavailable', `The process behind ${basename(path)} went away.`))
    }
    waiting.clear()
  })
  readFrames(socket, (message) => {
    if ('event' in (message as object)) {
      const { event, data } = message as Push
      for (const listener of listeners.get(event) ?? []) listener(data as never)
      return
    }
    const { id, result, error } = message as Reply
    const call = waiting.get(id)
    if (!call) return
    waiting.delete(id)
    clearTimeout(call.timer)
    if (error) call.fail(new Failure(error.kind, error.message))
    else call.done(result)
  })
  return {
    call: <T>(method: string, params: unknown = {}, timeoutMs = CALL_MS_MAX) =>
      new Promise<T>((done, fail) => {
        if (socket.destroyed)
          return fail(new Failure('unavailable', `The process behind ${basename(path)} went away.`))
        const id = next++
        const timer = setTimeout(() => {
          waiting.delete(id)
          fail(new Failure('unavailable', `${method} got no answer within ${timeoutMs} ms.`))
        }, timeoutMs)
        waiting.set(id, { done: done as (value: unknown) => void, fail, timer })
        socket.write(frame({ id, method, params }))
      }),
    on: (event, listener) => {
      const set = listeners.get(event) ?? new Set()
      listeners.set(event, set.add(listener))
    },
    onClose: (listener) => void socket.once('close', listener),
    close: () => socket.destroy(),
  }
}

function open(path: string): Promise<Socket> {
  return withShortPath(
    path,
    (short) =>
      new Promise((done, fail) => {
        const socket = createConnection(short)
        socket.once('error', (error) =>
          fail(
            new Failure(
              'unavailable',
              `Nothing answers at ${path}. Is that process running?`,
              { path },
              error,
            ),
          ),
        )
        socket.once('connect', () => {
          socket.removeAllListeners('error')
          done(socket)
        })
      }),
  )
}
