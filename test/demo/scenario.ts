/** Three branches of one customer: who they are, what happens to each, and how they reach each other. */
import { Chance } from '../traffic/chance.ts'
import type { Place } from '../traffic/programs/service.ts'
import { type AttackKind, type Plan, planOf } from './plan.ts'

export const FLEET = 'meridian'

/** One branch: its own wires, its own appliance. */
export interface SiteScenario {
  tenant_id: string
  name: string
  primary: boolean
  /** On the network between the sites. */
  uplink: string | undefined
  plan: Plan
  /** Blocks by policy, on proven evidence, without a click. */
  automatic: boolean
  /** A device that begins to answer telnet in the middle of the day. */
  telnet: Place | undefined
}

export interface Scenario {
  seed: number
  sites: SiteScenario[]
}

const BRANCHES: {
  tenant_id: string
  name: string
  attacks: AttackKind[]
  automatic?: boolean
  telnet?: boolean
}[] = [
  { tenant_id: 'london', name: 'London', attacks: [] },
  { tenant_id: 'cape-town', name: 'Cape Town', attacks: ['registers', 'tunnel'] },
  {
    tenant_id: 'sydney',
    name: 'Sydney',
    attacks: ['scan', 'passwords', 'web'],
    automatic: true,
    telnet: true,
  },
]

/** One site by itself, with all that can happen. */
export function loneSite(seed: number): SiteScenario {
  return {
    tenant_id: 'works-north',
    name: 'Works north',
    primary: false,
    uplink: undefined,
    plan: planOf(seed),
    automatic: false,
    telnet: undefined,
  }
}

export function scenarioOf(seed: number): Scenario {
  const chance = new Chance(seed)
  const sites = BRANCHES.map(({ tenant_id, name, attacks, automatic, telnet }, i) => {
    const whole = planOf(chance.int(1, 2 ** 31))
    const plan = { ...whole, attacks: whole.attacks.filter(({ kind }) => attacks.includes(kind)) }
    return {
      tenant_id,
      name,
      primary: i === 0,
      uplink: `198.18.0.${10 + i}`,
      plan,
      automatic: automatic === true,
      telnet: telnet ? { host: plan.secure.place.host, port: 23 } : undefined,
    }
  })
  return { seed, sites }
}
