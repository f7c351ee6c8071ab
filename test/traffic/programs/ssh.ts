/** An SSH server with one account, and an administrator who uses it. */
import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:net'
import ssh2, { type Client as SshClient } from 'ssh2'
import type { Chance } from '../chance.ts'
import { type Activity, Heard, listenAt, type Place, repeat, type Service } from './service.ts'

const TIMEOUT_MS = 3_000
const COMMANDS = ['uptime', 'df -h', 'systemctl status press', 'tail /var/log/press.log']

export interface Account {
  user: string
  password: string
}

/** Counts each TCP connection as heard: what a block takes away is the connection, not only the login. */
export function sshServer(place: Place, account: Account): Promise<Service> {
  const heard = new Heard()
  // Not by ssh2's own generator: one key in some hundred of it does not parse.
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const hostKey = privateKey.export({ type: 'sec1', format: 'pem' })
  const server = new ssh2.Server({ hostKeys: [hostKey] }, (connection) => {
    connection.on('error', () => connection.end())
    connection.on('authentication', (context) => {
      const right =
        context.method === 'password' &&
        context.username === account.user &&
        context.password === account.password
      if (right) context.accept()
      else context.reject(['password'])
    })
    connection.on('session', (acceptSession) => {
      acceptSession().on('exec', (acceptExec, _reject, { command }) => {
        const channel = acceptExec()
        channel.write(`${command}: ok\n`.repeat(20))
        channel.exit(0)
        channel.end()
      })
    })
  })
  const listener = createServer((socket) => {
    heard.from(socket.remoteAddress)
    server.injectSocket(socket)
  })
  return listenAt(listener, place, heard)
}

/** An administrator: logs in, runs a command or two, logs out. */
export function administer(
  from: string,
  place: Place,
  account: Account,
  chance: Chance,
  pauseMs: readonly [number, number],
): Activity {
  return repeat(
    async () => {
      const client = await logIn(from, place, account)
      try {
        for (let i = chance.int(1, 2); i > 0; i--) await execute(client, chance.pick(COMMANDS))
      } finally {
        client.end()
      }
    },
    () => chance.int(...pauseMs),
  )
}

/** The whole handshake and one password; rejects when it is wrong or nobody answers. */
export function logIn(
  from: string,
  place: Place,
  account: Account,
  timeoutMs = TIMEOUT_MS,
): Promise<SshClient> {
  const client = new ssh2.Client()
  client.on('error', () => {}) // a reset after the login is the peer's way of hanging up
  return new Promise<SshClient>((done, fail) => {
    client.once('ready', () => done(client))
    client.once('error', fail)
    client.once('close', () => fail(new Error('the server closed the connection')))
    client.connect({
      host: place.host,
      port: place.port,
      localAddress: from,
      username: account.user,
      password: account.password,
      readyTimeout: timeoutMs,
    })
  }).catch((error: unknown) => {
    client.destroy()
    throw error
  })
}

function execute(client: SshClient, command: string): Promise<void> {
  return new Promise((done, fail) => {
    client.exec(command, (error, channel) => {
      if (error) return fail(error)
      channel.resume()
      channel.on('close', () => done())
    })
  })
}
