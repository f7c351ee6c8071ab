import type { Context } from 'hono'
import { Failure } from '../../agent/base/failure.ts'
import type { Asked } from '../base/filter.ts'
import type { ActionView, DecisionVerb, Ports } from '../base/ports.ts'
import type { View } from '../base/view.ts'
import { type ActionsFound, actionsPage } from '../ui/pages/actions.ts'
import { scoped } from './now.ts'
import { askedOf, backTo, filterOf, listReply, nextOf, pageOf, part } from './reply.ts'
import type { Route } from './table.ts'

const USUAL = { range: '7d', limit: 50 } as const
const PICKED_MAX = 50
const PICK = /^([\w-]{1,64})\.([0-9a-f]{64})$/

type Needs = Pick<Ports, 'actions'>

export function actionRoutes(ports: Needs): Route[] {
  return [
    {
      method: 'GET',
      path: '/actions',
      atom: 'view',
      handle: async (c, view) => {
        const asked = askedOf(c, view, USUAL)
        const { found, next } = await find(ports, view, asked)
        return c.html(actionsPage(view, asked, found, next))
      },
    },
    {
      method: 'GET',
      path: '/api/actions',
      atom: 'view',
      handle: (c, view) => listAll(ports, c, view),
    },
    decide(ports, 'approve'),
    decide(ports, 'reject'),
    decide(ports, 'undo'),
  ]
}

async function find({ actions }: Needs, view: View, asked: Asked) {
  const tenants = scoped(view)
  const [all, never] = await Promise.all([
    actions.list(tenants),
    part(neverBlock(actions, tenants)),
  ])
  const open = (state: ActionView['state']) =>
    all
      .filter((each) => each.state === state && fitsWords(each, asked))
      .sort((a, b) => b.proposedAt - a.proposedAt)
  const over = all.filter(
    (each) => each.state !== 'proposed' && each.state !== 'active' && fits(each, asked),
  )
  const page = pageOf(over, filterOf(view, 'actions', asked), place)
  const found: ActionsFound = {
    proposed: open('proposed'),
    active: open('active'),
    over: page.rows,
    all,
    neverBlock: 'value' in never ? never.value : never.fault,
  }
  return { found, next: nextOf(view, 'actions', page.next) }
}

/** Each address once; controllers only of the tenants that are looked at. */
async function neverBlock(actions: Ports['actions'], tenants: View['session']['tenants']) {
  const lists = await Promise.all(tenants.map(({ tenant_uid }) => actions.neverBlock(tenant_uid)))
  return [...new Map(lists.flat().map((each) => [each.prefix, each])).values()]
}

async function listAll({ actions }: Needs, c: Context, view: View): Promise<Response> {
  const asked = askedOf(c, view, USUAL)
  const all = (await actions.list(scoped(view))).filter((each) => fits(each, asked))
  const page = pageOf(all, filterOf(view, 'api/actions', asked), place)
  return listReply(c, view, page.rows, nextOf(view, 'api/actions', page.next))
}

function place(each: ActionView) {
  return { at: each.proposedAt, id: each.action_id }
}

function fits(each: ActionView, asked: Asked): boolean {
  const { filter, state } = asked
  if (filter.from !== undefined && each.proposedAt < filter.from) return false
  if (filter.to !== undefined && each.proposedAt > filter.to) return false
  if (state !== '' && each.state !== state) return false
  return fitsWords(each, asked)
}

function fitsWords(each: ActionView, { filter }: Asked): boolean {
  if (filter.address) return each.target === filter.address || each.dest === filter.address
  const words = filter.words?.toLowerCase() ?? ''
  return [each.target, each.dest, each.reason, each.rule_id, each.action_id].some((text) =>
    text?.toLowerCase().includes(words),
  )
}

/** One button decides one action; a button for what was ticked decides those, each with its own line. */
function decide({ actions }: Needs, verb: DecisionVerb): Route {
  return {
    method: 'POST',
    path: `/actions/${verb}`,
    atom: 'decide',
    audit: { verb: `action.${verb}`, by: 'keys' },
    handle: async (c, view, form) => {
      const only = form.get('only')
      const picked = only ? [only] : form.getAll('pick')
      if (picked.length === 0) throw new Failure('invalid', `Tick the actions to ${verb} first.`)
      if (picked.length > PICKED_MAX)
        throw new Failure('invalid', `At most ${PICKED_MAX} actions at once.`)
      const wanted = picked.map(parsePick)
      const own = new Set((await actions.list(scoped(view))).map(({ action_id }) => action_id))
      if (wanted.some(({ action_id }) => !own.has(action_id)))
        throw new Failure('not-found', 'There is no such action in your scope.')
      for (const each of wanted) await actions.decide(view.asker.token, { ...each, verb })
      return backTo(
        c,
        form,
        '/actions',
        wanted.map(({ action_id }) => action_id),
      )
    },
  }
}

function parsePick(text: string): { action_id: string; hash: string } {
  const [, action_id, hash] = PICK.exec(text) ?? []
  if (action_id && hash) return { action_id, hash }
  throw new Failure('invalid', 'That is no action of this page. Reload it.')
}
