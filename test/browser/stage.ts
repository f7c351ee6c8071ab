/**
 * Inside the namespaces: the demo's network, appliance and people, told by the test what happens next.
 * First process of its own process namespace: when the test goes, all of it goes.
 */
import { Appliance } from '../demo/appliance.ts'
import { Crew } from '../demo/crew.ts'
import { Namespaces, ROOMS } from '../demo/namespaces.ts'
import { buildNetwork, plug } from '../demo/network.ts'
import type { Attack, AttackKind } from '../demo/plan.ts'
import { loneSite } from '../demo/scenario.ts'

/** What the stage can be told; each order is answered. */
export type Order =
  | { do: 'start' }
  | { do: 'attack'; kind: AttackKind }
  | { do: 'keep-guessing' }
  | { do: 'heard' }
  | { do: 'complaint' }
  | { do: 'stop' }

const [data = '', seed = ''] = process.argv.slice(2)
const scenario = loneSite(Number(seed))
const { plan, tenant_id } = scenario
const LISTEN_FD = 3
const guesser = attackOf('passwords').from

let crew: Crew | undefined
let appliance: Appliance | undefined

function attackOf(kind: AttackKind): Attack {
  return plan.attacks.find((each) => each.kind === kind) as Attack
}

/** The whole site, and an ordinary day on it; gives the one-time login. */
async function start(): Promise<string> {
  const building = await Namespaces.open(ROOMS.map((room) => `${tenant_id}/${room}`))
  const rooms = building.site(tenant_id)
  buildNetwork(rooms, plan)
  crew = new Crew(rooms, scenario)
  const [up] = await Promise.all([
    Appliance.start(rooms, scenario, { data, listenFd: LISTEN_FD }),
    crew.open(),
  ])
  appliance = up
  plug(rooms, plan)
  await crew.begin()
  return up.login()
}

async function obey(order: Order): Promise<unknown> {
  switch (order.do) {
    case 'start':
      return start()
    case 'attack':
      return crew?.attack(attackOf(order.kind))
    case 'keep-guessing':
      return crew?.keepOn('guess', guesser, plan.shell)
    case 'heard':
      return crew?.heard(plan.shell, guesser)
    case 'complaint':
      return appliance?.complaint()
    case 'stop':
      return appliance?.stop()
  }
}

process.on('message', ({ id, order }: { id: number; order: Order }) => {
  obey(order).then(
    (result) => process.send?.({ id, result }),
    (error: unknown) => process.send?.({ id, error: String((error as Error).message) }),
  )
})
process.on('disconnect', () => process.exit(0))
