/**
 * One afternoon at one site, as object-literal ports: a laptop nobody has seen scans the control
 * network and writes to a chiller's controller; SSH guessing was blocked before. Everything is made from
 * `now`, so that the pages look the same whenever the test runs. A second tenant lives on the same
 * machine, whom nobody of this story may see.
 */
import type { SiteStatus } from '../../agent/control/agent-client.ts'
import type { SessionView } from '../../agent/control/keys-client.ts'
import { atomsOf, type Role } from '../../agent/tenancy/role.ts'
import type { ActionView, LiveEvent, Ports } from '../../web/base/ports.ts'
import { fleetStory } from './fleet-story.ts'
import { storyActions } from './story/actions.ts'
import { boxPorts } from './story/box.ts'
import { peoplePorts } from './story/people.ts'
import { rowPorts } from './story/rows.ts'
import { HOUR, MIN, NOW_US, TENANT } from './story/scene.ts'
import { storyStatus } from './story/sight.ts'

/** The story's own state: what a test may look at and change. */
export interface Story {
  ports: Ports
  actions: ActionView[]
  status: SiteStatus | undefined
  sessions: Map<string, SessionView>
  /** verb and subject of each line that a route of the table asked for. */
  audited: string[]
  tell(event: LiveEvent): void
  /** Signs somebody in and gives the token. */
  enter(name: string, role: Role, more?: Partial<SessionView>): string
}

/** Of all stories: a browser that goes from one to the next must not bring a token that fits by chance. */
let entered = 0

export function createStory(): Story {
  const listeners = new Set<(event: LiveEvent) => void>()
  const story: Story = {
    ports: undefined as unknown as Ports,
    actions: storyActions(),
    status: storyStatus(),
    sessions: new Map(),
    audited: [],
    tell: (event) => {
      for (const listener of listeners) listener(event)
    },
    enter: (name, role, more = {}) => {
      const token = `${name}${++entered}`.replace(/\W/g, '').padEnd(43, 'x').slice(0, 43)
      story.sessions.set(token, {
        session_id: `s-${entered}`,
        user_id: `u-${name}`,
        name,
        role,
        atoms: atomsOf(role),
        tenants: [TENANT],
        mustSetPassword: false,
        startedAt: NOW_US,
        idleEndsAt: NOW_US + 30 * MIN,
        endsAt: NOW_US + 12 * HOUR,
        ...more,
      })
      return token
    },
  }
  story.ports = {
    ...peoplePorts(story),
    ...rowPorts(),
    ...boxPorts(story),
    fleet: fleetStory(null),
    live: {
      listen: (listener) => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
    },
  }
  return story
}
