/** One site of the stage: its wires, its programs, its appliance, and what was recorded of them. */
import { setTimeout as wait } from 'node:timers/promises'
import { Appliance } from './appliance.ts'
import { Crew } from './crew.ts'
import type { Namespaces, Rooms } from './namespaces.ts'
import { buildNetwork, plug, unplug } from './network.ts'
import { type Recorder, record } from './recorder.ts'
import type { SiteScenario } from './scenario.ts'

const COUNTED_MS_MAX = 15_000
/** Two counts this far apart that agree: nothing is on the wire any more. */
const SILENCE_MS = 600
const POLL_MS = 100

export interface BranchOptions {
  data: string
  /** The inherited socket of this site's pages. */
  listenFd: number
  record: string | undefined
  seed: number
  say(line: string): void
}

export class Branch {
  readonly scenario: SiteScenario
  readonly rooms: Rooms
  readonly crew: Crew
  readonly appliance: Appliance
  readonly recorder: Recorder | undefined
  readonly #say: (line: string) => void

  private constructor(
    scenario: SiteScenario,
    parts: { rooms: Rooms; crew: Crew; appliance: Appliance; recorder: Recorder | undefined },
    say: (line: string) => void,
  ) {
    this.scenario = scenario
    this.rooms = parts.rooms
    this.crew = parts.crew
    this.appliance = parts.appliance
    this.recorder = parts.recorder
    this.#say = say
  }

  /** Everything stands and nothing has been sent yet. */
  static async open(
    building: Namespaces,
    scenario: SiteScenario,
    options: BranchOptions,
  ): Promise<Branch> {
    const rooms = building.site(scenario.tenant_id)
    const { plan, tenant_id } = scenario
    buildNetwork(rooms, plan)
    const name = `seed-${options.seed}-${tenant_id}`
    const recorder = options.record ? await record(rooms, options.record, name) : undefined
    const crew = new Crew(rooms, scenario)
    const [appliance] = await Promise.all([Appliance.start(rooms, scenario, options), crew.open()])
    return new Branch(scenario, { rooms, crew, appliance, recorder }, options.say)
  }

  say(line: string): void {
    this.#say(`${this.scenario.name.padEnd(9)} ${line}`)
  }

  plug(): void {
    plug(this.rooms, this.scenario.plan)
  }

  unplug(): void {
    unplug(this.rooms)
  }

  /** Nothing moves, the plug is pulled, and the box has counted all that came before. */
  async counted(): Promise<void> {
    const frames = async () => (await this.appliance.status()).capture.interfaces[0]?.frames ?? 0
    let last = -1
    await until('silence on the wire', COUNTED_MS_MAX, async () => {
      await wait(SILENCE_MS)
      const now = await frames()
      const silent = now === last
      last = now
      return silent
    })
    this.unplug()
    await until('processed + dropped = frames', COUNTED_MS_MAX, async () => {
      const { capture } = await this.appliance.status()
      return capture.interfaces.every((port) => port.processed + port.dropped === port.frames)
    })
  }

  /** Programs first, then the box. */
  async stop(): Promise<void> {
    await this.crew.rest()
    await this.appliance.stop()
  }
}

/** Waits until it holds; says what did not hold when time is up. */
export async function until<T>(
  what: string,
  msMax: number,
  ask: () => Promise<T | undefined | false>,
): Promise<T> {
  const deadline = performance.now() + msMax
  for (;;) {
    const answer = await ask()
    if (answer !== undefined && answer !== false) return answer as T
    if (performance.now() > deadline)
      throw new Error(`In ${msMax / 1000} s this did not come: ${what}`)
    await wait(POLL_MS)
  }
}
