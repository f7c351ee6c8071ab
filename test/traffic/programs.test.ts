import { X509Certificate } from 'node:crypto'
import { expect, test } from 'vitest'
import { selfSigned } from './certificate.ts'
import { Chance } from './chance.ts'
import {
  exploitWeb,
  guessPasswords,
  keepGuessing,
  scan,
  tunnelDns,
  writeRegisters,
} from './programs/attacks.ts'
import { dnsServer, resolve } from './programs/dns.ts'
import { modbusController, operate, poll } from './programs/modbus.ts'
import type { Activity } from './programs/service.ts'
import { administer, sshServer } from './programs/ssh.ts'
import { fetchSecurely, tlsServer } from './programs/tls.ts'
import { browse, webServer } from './programs/web.ts'

const HERE = '127.0.0.1'
const THERE = '127.0.0.2' // an address of the same loopback: who is asked is not who asks
const SOON = [1, 5] as const
const account = { user: 'press', password: 'correct horse' }
const chance = new Chance(7)

/** Free ports are taken by order, not by luck: each test has a block of its own. */
const port = (n: number) => 23_000 + (process.pid % 1000) * 10 + n

async function rounds(activity: Activity, count: number): Promise<void> {
  const deadline = performance.now() + 10_000
  while (activity.did.rounds < count) {
    expect(performance.now()).toBeLessThan(deadline)
    await new Promise((done) => setTimeout(done, 5))
  }
  await activity.stop()
  expect(activity.did.failures).toBe(0)
}

test('a certificate that Node itself reads, for the name, valid today', () => {
  const { cert } = selfSigned('plc.works.example')
  const read = new X509Certificate(cert)
  expect(read.subject).toBe('CN=plc.works.example')
  expect(read.checkHost('plc.works.example')).toBe('plc.works.example')
  expect(read.verify(read.publicKey)).toBe(true)
  expect(Date.parse(read.validTo)).toBeGreaterThan(Date.now())
})

test('people read pages, exploits are tried and answered', async () => {
  const place = { host: THERE, port: port(1) }
  const server = await webServer(place, chance)
  await rounds(browse(HERE, [place], chance, SOON), 4)
  const before = server.heard.of(HERE).count
  expect(before).toBeGreaterThanOrEqual(8)
  const outcome = await exploitWeb(HERE, [place], chance, 1)
  expect(outcome.reached).toBe(outcome.tried)
  expect(server.heard.of(HERE).count).toBe(before + outcome.tried)
  await server.stop()
})

test('names are looked up, a tunnel carries bytes', async () => {
  const place = { host: THERE, port: port(2) }
  const server = await dnsServer(place, chance)
  await rounds(resolve(HERE, place, chance, SOON), 5)
  expect(await tunnelDns(HERE, place, chance, 12)).toEqual({ tried: 12, reached: 12 })
  await server.stop()
})

test('reports are fetched over TLS', async () => {
  const place = { host: THERE, port: port(3) }
  const server = await tlsServer(place, 'reports.works.example')
  await rounds(fetchSecurely(HERE, place, 'reports.works.example', chance, SOON), 3)
  expect(server.heard.of(HERE).count).toBeGreaterThanOrEqual(3)
  await server.stop()
})

test('an administrator gets in, a guesser is refused after whole handshakes', async () => {
  const place = { host: THERE, port: port(4) }
  const server = await sshServer(place, account)
  await rounds(administer(HERE, place, account, chance, SOON), 2)
  expect(await guessPasswords('127.0.0.3', place, chance, 4)).toEqual({ tried: 4, reached: 4 })
  await rounds(keepGuessing('127.0.0.3', place, chance), 2)
  expect(server.heard.of('127.0.0.3').count).toBeGreaterThanOrEqual(6)
  await server.stop()
})

test('a controller is polled and set; a stranger writes to it', async () => {
  const place = { host: THERE, port: port(5) }
  const controller = await modbusController(place)
  await rounds(poll(HERE, place, chance, SOON), 4)
  await rounds(operate(HERE, place, chance, SOON), 3)
  const before = Buffer.from(controller.registers)
  expect(before.some((byte) => byte !== 0)).toBe(true)
  const outcome = await writeRegisters('127.0.0.3', [place], chance, 6)
  expect(outcome).toEqual({ tried: 6, reached: 6 })
  expect(controller.registers.equals(before)).toBe(false)
  await controller.stop()
})

test('a scan finds what listens and tries what does not', async () => {
  const outcome = await scan(HERE, [THERE], chance, 20)
  expect(outcome.tried).toBe(20)
  expect(outcome.reached).toBeLessThan(20)
})

test('the same seed gives the same chances', () => {
  const draw = (seed: number) => {
    const one = new Chance(seed)
    return [one.int(0, 1000), one.word(12), one.shuffled([1, 2, 3, 4, 5]), one.pick(['a', 'b'])]
  }
  expect(draw(41)).toEqual(draw(41))
  expect(draw(41)).not.toEqual(draw(42))
})
