/**
 * All programs of one room in one process, told by its parent what to run (node's own channel between
 * processes). Ends when the parent does.
 */
import { Chance } from '../traffic/chance.ts'
import * as attacks from '../traffic/programs/attacks.ts'
import { dnsServer, resolve } from '../traffic/programs/dns.ts'
import { modbusController, operate, poll } from '../traffic/programs/modbus.ts'
import type { Activity, Place, Service } from '../traffic/programs/service.ts'
import { type Account, administer, sshServer } from '../traffic/programs/ssh.ts'
import { lookIn, telnetServer } from '../traffic/programs/telnet.ts'
import { fetchSecurely, tlsServer } from '../traffic/programs/tls.ts'
import { browse, webServer } from '../traffic/programs/web.ts'

type Pauses = readonly [number, number]
interface From {
  from: string
  seed: number
}

/** What an actor can be told. Each order is answered by its id, with a result or a sentence why not. */
export type Order =
  | { do: 'serve'; as: 'web' | 'dns' | 'modbus' | 'telnet'; place: Place; seed: number }
  | { do: 'serve'; as: 'tls'; place: Place; name: string }
  | { do: 'serve'; as: 'ssh'; place: Place; account: Account }
  | ({ do: 'act'; as: 'browse'; sites: Place[]; pauses: Pauses } & From)
  | ({
      do: 'act'
      as: 'resolve' | 'poll' | 'operate' | 'telnet'
      place: Place
      pauses: Pauses
    } & From)
  | ({ do: 'act'; as: 'fetch'; place: Place; name: string; pauses: Pauses } & From)
  | ({ do: 'act'; as: 'administer'; place: Place; account: Account; pauses: Pauses } & From)
  | ({ do: 'act'; as: 'guess' | 'write'; place: Place } & From)
  | ({ do: 'attack'; as: 'scan'; targets: string[]; volume: number } & From)
  | ({ do: 'attack'; as: 'passwords' | 'tunnel'; place: Place; volume: number } & From)
  | ({ do: 'attack'; as: 'web' | 'registers'; places: Place[]; volume: number } & From)
  | { do: 'heard'; place: Place; address: string }
  | { do: 'rest' }
  | { do: 'did' }

const services = new Map<string, Service>()
const activities: Activity[] = []

const nameOf = ({ host, port }: Place): string => `${host} ${port}`

async function serve(order: Extract<Order, { do: 'serve' }>): Promise<void> {
  services.set(nameOf(order.place), await startService(order))
}

function startService(order: Extract<Order, { do: 'serve' }>): Promise<Service> {
  switch (order.as) {
    case 'web':
      return webServer(order.place, new Chance(order.seed))
    case 'dns':
      return dnsServer(order.place, new Chance(order.seed))
    case 'modbus':
      return modbusController(order.place)
    case 'telnet':
      return telnetServer(order.place)
    case 'tls':
      return tlsServer(order.place, order.name)
    case 'ssh':
      return sshServer(order.place, order.account)
  }
}

function act(order: Extract<Order, { do: 'act' }>): Activity {
  const chance = new Chance(order.seed)
  switch (order.as) {
    case 'browse':
      return browse(order.from, order.sites, chance, order.pauses)
    case 'resolve':
      return resolve(order.from, order.place, chance, order.pauses)
    case 'poll':
      return poll(order.from, order.place, chance, order.pauses)
    case 'operate':
      return operate(order.from, order.place, chance, order.pauses)
    case 'fetch':
      return fetchSecurely(order.from, order.place, order.name, chance, order.pauses)
    case 'administer':
      return administer(order.from, order.place, order.account, chance, order.pauses)
    case 'telnet':
      return lookIn(order.from, order.place, chance, order.pauses)
    case 'guess':
      return attacks.keepGuessing(order.from, order.place, chance)
    case 'write':
      return attacks.keepWriting(order.from, order.place, chance)
  }
}

function attack(order: Extract<Order, { do: 'attack' }>): Promise<attacks.Outcome> {
  const chance = new Chance(order.seed)
  switch (order.as) {
    case 'scan':
      return attacks.scan(order.from, order.targets, chance, order.volume)
    case 'passwords':
      return attacks.guessPasswords(order.from, order.place, chance, order.volume)
    case 'tunnel':
      return attacks.tunnelDns(order.from, order.place, chance, order.volume)
    case 'web':
      return attacks.exploitWeb(order.from, order.places, chance, order.volume)
    case 'registers':
      return attacks.writeRegisters(order.from, order.places, chance, order.volume)
  }
}

async function obey(order: Order): Promise<unknown> {
  switch (order.do) {
    case 'serve':
      return serve(order)
    case 'act':
      return activities.push(act(order))
    case 'attack':
      return attack(order)
    case 'heard':
      return services.get(nameOf(order.place))?.heard.of(order.address)
    case 'rest':
      return Promise.all(activities.splice(0).map((activity) => activity.stop()))
    case 'did':
      return activities.map(({ did }) => did)
  }
}

process.on('message', ({ id, order }: { id: number; order: Order }) => {
  obey(order).then(
    (result) => process.send?.({ id, result }),
    (error: unknown) => process.send?.({ id, error: String((error as Error).message) }),
  )
})
process.on('disconnect', () => process.exit(0))
// A socket that breaks while its program is between two steps is part of the day.
process.on('uncaughtException', (error) => {
  process.stderr.write(`actor: ${error.message}\n`)
})
