/** A port of the loopback that nobody listens on now, and that the kernel gives to nobody who asks for any. */
import { randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'

const FIRST = 10_240
const TRIES_MAX = 100
/** Of this process: one that was given out may not be listened on yet. */
const given = new Set<number>()

/**
 * Below the range that the kernel chooses from: in it, a port that its owner leaves for a moment (looked for and not yet
 * listened on, or killed and to be started again) may be another program's by then.
 */
export async function freePort(): Promise<number> {
  for (let i = 0; i < TRIES_MAX; i++) {
    const port = randomInt(FIRST, callsFrom())
    if (given.has(port) || !(await isFree(port))) continue
    given.add(port)
    return port
  }
  throw new Error('No port of the loopback is free.')
}

function callsFrom(): number {
  const [from = ''] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split('\t')
  return Math.max(Number(from), FIRST + 1)
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  const open = await new Promise<boolean>((done) => {
    server.once('error', () => done(false))
    server.listen(port, '127.0.0.1', () => done(true))
  })
  if (open) await new Promise((done) => server.close(done))
  return open
}
