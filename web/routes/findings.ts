import type { EventRow } from '../../agent/base/event.ts'
import { Failure } from '../../agent/base/failure.ts'
import type { Ports } from '../base/ports.ts'
import type { View } from '../base/view.ts'
import { findingPage } from '../ui/pages/finding.ts'
import { findingsPage } from '../ui/pages/findings.ts'
import { scoped } from './now.ts'
import { askedOf, filterOf, listReply, nextOf, part } from './reply.ts'
import { tunedIn } from './rules.ts'
import type { Route } from './table.ts'

const USUAL = { range: '24h', limit: 50 } as const
const EVENT_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

type Needs = Pick<Ports, 'findings' | 'actions' | 'site'>

export function findingRoutes(ports: Needs): Route[] {
  const list = async (c: Parameters<typeof askedOf>[0], view: View) => {
    const asked = askedOf(c, view, USUAL)
    const found = await ports.findings.list(view.asker, {
      ...filterOf(view, 'findings', asked),
      ...(asked.severity ? { severity: asked.severity } : {}),
    })
    return { asked, found, next: nextOf(view, 'findings', found.next) }
  }
  return [
    {
      method: 'GET',
      path: '/findings',
      atom: 'view',
      handle: async (c, view) => {
        const { asked, found, next } = await list(c, view)
        return c.html(findingsPage(view, asked, found, next))
      },
    },
    {
      method: 'GET',
      path: '/api/findings',
      atom: 'view',
      handle: async (c, view) => {
        const { found, next } = await list(c, view)
        return listReply(c, view, found.rows, next, found.gaps)
      },
    },
    {
      method: 'GET',
      path: '/findings/:id',
      atom: 'view',
      handle: async (c, view) => {
        const finding = await find(ports, view, c.req.param('id') ?? '')
        return c.html(findingPage(view, { finding, ...(await surroundings(ports, view, finding)) }))
      },
    },
    {
      method: 'POST',
      path: '/findings/:id/packets',
      atom: 'export',
      audit: { verb: 'packets.taken', by: 'keys' },
      handle: async (c, view) => {
        const { event_id } = await find(ports, view, c.req.param('id') ?? '')
        const { pcapng } = await ports.findings.packets(view.asker, event_id)
        c.header('content-type', 'application/x-pcapng')
        c.header('content-disposition', `attachment; filename="finding-${event_id}.pcapng"`)
        return c.body(Uint8Array.from(pcapng))
      },
    },
    {
      method: 'GET',
      path: '/api/findings/:id',
      atom: 'view',
      handle: async (c, view) => {
        const finding = await find(ports, view, c.req.param('id') ?? '')
        return c.json({ scope: view.asker.scope, finding })
      },
    },
  ]
}

/** An id of nobody, of another tenant, and no id at all: the same answer. */
async function find({ findings }: Needs, view: View, id: string): Promise<EventRow> {
  const found = EVENT_ID.test(id) ? await findings.get(view.asker, id) : undefined
  if (found) return found
  throw new Failure('not-found', 'There is no such finding in your scope.')
}

async function surroundings({ findings, actions, site }: Needs, view: View, finding: EventRow) {
  const [around, acts, rules, tuned] = await Promise.all([
    part(findings.around(view.asker, finding)),
    part(actions.list(scoped(view))),
    part(site.rules()),
    tunedIn(view, { site }),
  ])
  const rule =
    'value' in rules && view.asker.scope.includes(rules.value.tenant_id)
      ? rules.value.rules.find((each) => each.rule_id === finding.rule_id)
      : undefined
  return {
    around: 'value' in around ? around.value : [],
    ...('fault' in around ? { aroundFault: around.fault } : {}),
    actions:
      'value' in acts ? acts.value.filter((each) => each.finding_id === finding.event_id) : [],
    ...(rule ? { rule } : {}),
    tuned,
  }
}
