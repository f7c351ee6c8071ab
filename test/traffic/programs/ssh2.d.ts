/** The part of ssh2 that the stage uses; the package has no types of its own. */
declare module 'ssh2' {
  import type { EventEmitter } from 'node:events'
  import type { Socket } from 'node:net'
  import type { Duplex } from 'node:stream'

  export interface Channel extends Duplex {
    exit(code: number): void
  }
  interface Authentication {
    method: string
    username: string
    password?: string
    accept(): void
    reject(methods?: string[]): void
  }
  interface ExecRequest {
    command: string
  }
  interface Session extends EventEmitter {
    on(
      event: 'exec',
      listener: (accept: () => Channel, reject: () => void, info: ExecRequest) => void,
    ): this
  }
  interface Connection extends EventEmitter {
    on(event: 'authentication', listener: (context: Authentication) => void): this
    on(event: 'session', listener: (accept: () => Session) => void): this
    on(event: 'error', listener: (error: Error) => void): this
    end(): void
  }
  export class Server extends EventEmitter {
    constructor(
      options: { hostKeys: string[]; ident?: string },
      listener: (connection: Connection) => void,
    )
    injectSocket(socket: Socket): void
  }
  interface ClientOptions {
    host: string
    port: number
    localAddress?: string
    username: string
    password: string
    readyTimeout?: number
    ident?: string
  }
  export class Client extends EventEmitter {
    connect(options: ClientOptions): this
    exec(command: string, listener: (error: Error | undefined, channel: Channel) => void): boolean
    end(): this
    destroy(): this
  }
  const ssh2: {
    Client: typeof Client
    Server: typeof Server
  }
  export default ssh2
}
