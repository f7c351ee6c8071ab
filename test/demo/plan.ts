/** What one seed means: who lives where, who attacks whom, in which order, how much, after which pause. */
import { Chance } from '../traffic/chance.ts'
import type { Place } from '../traffic/programs/service.ts'
import type { Account } from '../traffic/programs/ssh.ts'

export type AttackKind = 'scan' | 'passwords' | 'web' | 'tunnel' | 'registers'

export interface Attack {
  kind: AttackKind
  from: string
  /** Steps: ports an asset, tries, rounds, questions or writes. */
  volume: number
  pauseBeforeMs: number
  seed: number
}

export interface Link {
  /** With prefix length, as ip(8) takes them. */
  gateway: string[]
  addresses: string[]
}

export interface Plan {
  seed: number
  hosts: Link
  assets: Link
  /** Prefixes that are ours, for the configuration. */
  home: string[]
  workstations: string[]
  admin: string
  poller: string
  operator: string
  webs: Place[]
  names: Place[]
  secure: { place: Place; name: string }
  shell: Place
  account: Account
  controllers: Place[]
  attacks: Attack[]
  /** Attackers of the waves after the first, while somebody looks. */
  strangers: string[]
  calmMs: number
  /** Pause between the rounds of ordinary programs. */
  pauseMs: [number, number]
  programSeed: number
}

const LEAST_HOST = 10
const LAST_HOST = 240

export function planOf(seed: number): Plan {
  const chance = new Chance(seed)
  const net = chance.int(16, 199)
  const v6 = `fd5c:${net.toString(16)}`
  const ends = chance.sample(range(LEAST_HOST, LAST_HOST), 24)
  const host = (i: number) => `10.${net}.1.${ends[i]}`
  const asset = (i: number) => `10.${net}.2.${ends[i]}`
  const six = (side: number, i: number) => `${v6}:${side}::${(ends[i] as number).toString(16)}`
  const outsider = (i: number) => `203.0.113.${ends[i]}`
  const workstations = range(0, chance.int(2, 4)).flatMap((i) =>
    i === 0 ? [host(i), six(1, i)] : [host(i)],
  )
  const [admin, poller, operator] = [host(6), host(7), host(8)]
  const rogue = host(9)
  const infected = host(10)
  const webPort = chance.pick([80, 80, 8080])
  const webs: Place[] = [
    { host: asset(0), port: webPort },
    { host: six(2, 0), port: webPort },
    ...(chance.next() < 0.5 ? [{ host: asset(1), port: webPort }] : []),
  ]
  const controllers = range(4, chance.int(4, 5)).map((i) => ({ host: asset(i), port: 502 }))
  const strangers = range(14, 23).map(outsider)
  const attack = (kind: AttackKind, from: string, least: number, most: number): Attack => ({
    kind,
    from,
    volume: chance.int(least, most),
    pauseBeforeMs: chance.int(300, 1800),
    seed: chance.int(1, 2 ** 31),
  })
  const attacks = chance.shuffled([
    attack('scan', outsider(11), 26, 44),
    attack('passwords', outsider(12), 38, 46),
    attack('web', outsider(13), 1, 2),
    attack('tunnel', infected, 140, 180),
    attack('registers', rogue, 6, 10),
  ])
  const local = [...workstations, admin, poller, operator, rogue, infected]
  const served = [...webs.map((each) => each.host), asset(2), asset(3), asset(6)]
  served.push(...controllers.map((each) => each.host))
  return {
    seed,
    hosts: {
      gateway: [`10.${net}.1.1/24`, `${v6}:1::1/64`, '203.0.113.1/24'],
      addresses: [...new Set(local), ...attacks.map((each) => each.from), ...strangers]
        .filter((address, i, all) => all.indexOf(address) === i)
        .map(withLength),
    },
    assets: {
      gateway: [`10.${net}.2.1/24`, `${v6}:2::1/64`],
      addresses: [...new Set(served)].map(withLength),
    },
    home: [`10.${net}.1.0/24`, `10.${net}.2.0/24`, `${v6}:1::/64`, `${v6}:2::/64`],
    workstations,
    admin,
    poller,
    operator,
    webs,
    names: [{ host: asset(2), port: 53 }],
    secure: {
      place: { host: asset(3), port: 443 },
      name: `reports-${chance.word(3)}.works.example`,
    },
    shell: { host: asset(6), port: chance.pick([22, 22, 2222]) },
    account: { user: 'press', password: chance.word(14) },
    controllers,
    attacks,
    strangers,
    calmMs: chance.int(9_000, 13_000),
    pauseMs: [chance.int(100, 250), chance.int(400, 1200)],
    programSeed: chance.int(1, 2 ** 31),
  }
}

/** Those of the same family as `address`: a socket bound to IPv4 reaches no IPv6 server. */
export function reachable(address: string, places: readonly Place[]): Place[] {
  return places.filter((place) => place.host.includes(':') === address.includes(':'))
}

function withLength(address: string): string {
  return `${address}/${address.includes(':') ? 64 : 24}`
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i)
}
