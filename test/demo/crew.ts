/** The actors of the stage, and the ordinary day they make together. */
import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Chance } from '../traffic/chance.ts'
import type { Outcome } from '../traffic/programs/attacks.ts'
import type { Place } from '../traffic/programs/service.ts'
import type { Order } from './actor.ts'
import type { Room, Rooms } from './namespaces.ts'
import { type Attack, type Plan, reachable } from './plan.ts'
import type { SiteScenario } from './scenario.ts'

const PROGRAM = fileURLToPath(new URL('./actor.ts', import.meta.url))
/** As people do it: a machine that logs in ten times a minute is a finding. */
const ADMIN_MS = [15_000, 40_000] as const

/** A process of ours that is told what to do, one answer for each order. */
export class Actor<Told = Order> {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, { done(result: unknown): void; fail(error: Error): void }>()
  #next = 0

  constructor(child: ChildProcess) {
    this.#child = child
    this.#child.on('message', (reply: { id: number; result?: unknown; error?: string }) => {
      const waiting = this.#waiting.get(reply.id)
      this.#waiting.delete(reply.id)
      if (reply.error === undefined) waiting?.done(reply.result)
      else waiting?.fail(new Error(reply.error))
    })
    this.#child.on('exit', () => {
      for (const waiting of this.#waiting.values()) waiting.fail(new Error('The actor is gone.'))
    })
  }

  tell<T = unknown>(order: Told): Promise<T> {
    const id = this.#next++
    return new Promise((done, fail) => {
      this.#waiting.set(id, { done: done as (result: unknown) => void, fail })
      this.#child.send({ id, order } as object)
    })
  }

  end(): void {
    this.#child.kill('SIGKILL')
  }
}

function actorIn(rooms: Rooms, room: Room): Actor {
  return new Actor(
    rooms.spawn(room, [process.execPath, PROGRAM], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    }),
  )
}

export class Crew {
  readonly plan: Plan
  readonly #telnet: Place | undefined
  readonly #assets: Actor
  readonly #hosts: Actor
  readonly #attackers: Actor

  constructor(rooms: Rooms, { plan, telnet }: SiteScenario) {
    this.plan = plan
    this.#telnet = telnet
    this.#assets = actorIn(rooms, 'assets')
    this.#hosts = actorIn(rooms, 'hosts')
    this.#attackers = actorIn(rooms, 'hosts')
  }

  /** Every server listens. */
  async open(): Promise<void> {
    const { webs, names, controllers, secure, shell, account, programSeed } = this.plan
    const chance = new Chance(programSeed)
    const seed = () => chance.int(1, 2 ** 31)
    const tell = (order: Order) => this.#assets.tell(order)
    for (const place of webs) await tell({ do: 'serve', as: 'web', place, seed: seed() })
    for (const place of names) await tell({ do: 'serve', as: 'dns', place, seed: seed() })
    for (const place of controllers) await tell({ do: 'serve', as: 'modbus', place, seed: seed() })
    await tell({ do: 'serve', as: 'tls', ...secure })
    await tell({ do: 'serve', as: 'ssh', place: shell, account })
  }

  /** The ordinary day begins. */
  async begin(): Promise<void> {
    const { plan } = this
    const chance = new Chance(plan.programSeed + 1)
    const pauses = plan.pauseMs
    const from = (address: string) => ({ from: address, seed: chance.int(1, 2 ** 31) })
    const tell = (order: Order) => this.#hosts.tell(order)
    for (const person of plan.workstations) {
      const sites = reachable(person, plan.webs)
      await tell({ do: 'act', as: 'browse', sites, pauses, ...from(person) })
      for (const place of reachable(person, plan.names).slice(0, 1))
        await tell({ do: 'act', as: 'resolve', place, pauses, ...from(person) })
    }
    const { place, name } = plan.secure
    const [reader = plan.admin] = plan.workstations.filter((person) => !person.includes(':'))
    await tell({ do: 'act', as: 'fetch', place, name, pauses, ...from(reader) })
    const { shell, account } = plan
    await tell({
      do: 'act',
      as: 'administer',
      place: shell,
      account,
      pauses: ADMIN_MS,
      ...from(plan.admin),
    })
    for (const controller of plan.controllers) {
      await tell({ do: 'act', as: 'poll', place: controller, pauses, ...from(plan.poller) })
      await tell({ do: 'act', as: 'operate', place: controller, pauses, ...from(plan.operator) })
    }
  }

  /** One attack, to its end. */
  attack(attack: Attack): Promise<Outcome> {
    const { plan } = this
    const { from, volume, seed } = attack
    const order = (): Order => {
      switch (attack.kind) {
        case 'scan':
          return { do: 'attack', as: 'scan', targets: this.#targets(from), volume, from, seed }
        case 'passwords':
          return { do: 'attack', as: 'passwords', place: plan.shell, volume, from, seed }
        case 'tunnel':
          return { do: 'attack', as: 'tunnel', place: plan.names[0] as Place, volume, from, seed }
        case 'web':
          return { do: 'attack', as: 'web', places: reachable(from, plan.webs), volume, from, seed }
        case 'registers':
          return { do: 'attack', as: 'registers', places: plan.controllers, volume, from, seed }
      }
    }
    return this.#attackers.tell(order())
  }

  /** An attacker who does not stop: `heard` tells whether it still reaches the asset. */
  async keepOn(as: 'guess' | 'write', from: string, place: Place): Promise<void> {
    await this.#attackers.tell({ do: 'act', as, place, from, seed: 1 })
  }

  /** A device begins to answer telnet, and somebody uses it. */
  async answerTelnet(): Promise<Place | undefined> {
    const place = this.#telnet
    const [from] = this.plan.workstations.filter((person) => !person.includes(':'))
    if (!place || !from) return undefined
    await this.#assets.tell({ do: 'serve', as: 'telnet', place, seed: 1 })
    await this.#hosts.tell({
      do: 'act',
      as: 'telnet',
      place,
      pauses: [2_000, 4_000],
      from,
      seed: 1,
    })
    return place
  }

  heard(place: Place, address: string): Promise<{ count: number; lastAt: number }> {
    return this.#assets.tell({ do: 'heard', place, address })
  }

  /** Rounds and failures of the ordinary programs. */
  did(): Promise<{ rounds: number; failures: number }[]> {
    return this.#hosts.tell({ do: 'did' })
  }

  /** Everybody stops; the wire falls silent. */
  async rest(): Promise<void> {
    await Promise.all([this.#hosts, this.#attackers].map((actor) => actor.tell({ do: 'rest' })))
  }

  end(): void {
    for (const actor of [this.#assets, this.#hosts, this.#attackers]) actor.end()
  }

  #targets(from: string): string[] {
    const all = this.plan.assets.addresses.map((address) => address.split('/')[0] as string)
    return all.filter((address) => address.includes(':') === from.includes(':'))
  }
}
