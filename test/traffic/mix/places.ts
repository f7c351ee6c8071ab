/** Who talks: the hosts of a branch, its servers and controllers, and the world outside. */
import type { Chance } from '../chance.ts'
import type { Bodies } from './bodies.ts'

const HOSTS = 400
const OUTSIDE = 3000
const V6_SHARE = 0.06
const FIRST_PORT = 32_768
const PORTS = 28_000

export class Places {
  readonly #chance: Chance
  readonly #ports = new Map<string, number>()
  readonly names: string[]

  constructor(chance: Chance, bodies: Bodies) {
    this.#chance = chance
    this.names = Array.from({ length: OUTSIDE }, () => {
      const top = chance.pick(['com', 'net', 'org', 'example', 'co.uk', 'io'])
      const name = `${bodies.word()}${bodies.word()}${chance.int(1, 99)}.${top}`
      return chance.next() < 0.5 ? `www.${name}` : name
    })
  }

  /** A host of the branch and a server outside, of one family. */
  outward(): { client: Uint8Array; server: Uint8Array; name: string } {
    const host = this.#chance.int(1, HOSTS)
    const outside = this.#chance.int(0, OUTSIDE - 1)
    const v6 = this.#chance.next() < V6_SHARE
    return {
      client: v6 ? this.#v6(0xfd, host) : this.#v4(10, 1, host),
      server: v6 ? this.#v6(0x20, outside) : this.#v4(198, 18, outside),
      name: this.names[outside] as string,
    }
  }

  /** Somebody outside and a server of the branch. */
  inward(): { client: Uint8Array; server: Uint8Array } {
    return {
      client: this.#v4(198, 19, this.#chance.int(0, 9999)),
      server: this.#v4(10, 2, this.#chance.int(1, 9)),
    }
  }

  /** A host of the branch and a server of it. */
  inside(server: number): { client: Uint8Array; server: Uint8Array } {
    return { client: this.#v4(10, 1, this.#chance.int(1, HOSTS)), server: this.#v4(10, 2, server) }
  }

  /** A station and a controller. */
  plant(): { client: Uint8Array; server: Uint8Array } {
    return {
      client: this.#v4(10, 3, this.#chance.int(1, 6)),
      server: this.#v4(10, 4, this.#chance.int(1, 60)),
    }
  }

  /** Where a client speaks from: another with each talk of these two. */
  portFrom(client: Uint8Array, server: Uint8Array, port: number): number {
    const key = `${client} ${server} ${port}`
    const next = this.#ports.get(key) ?? this.#chance.int(0, PORTS - 1)
    this.#ports.set(key, (next + 1) % PORTS)
    return FIRST_PORT + next
  }

  #v4(first: number, second: number, host: number): Uint8Array {
    return Uint8Array.of(first, second, (host >> 8) & 255, host & 255)
  }

  #v6(first: number, host: number): Uint8Array {
    const address = new Uint8Array(16)
    address.set([first, 0x01, 0x0d, 0xb8])
    address.set([host >> 8, host & 255], 14)
    return address
  }
}
