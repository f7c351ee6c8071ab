import type { Context } from 'hono'
import { Failure } from '../../agent/base/failure.ts'
import type { RuleView } from '../../agent/control/agent-client.ts'
import type { Asked } from '../base/filter.ts'
import type { OverrideAsked, OverrideView, Ports, RulesView } from '../base/ports.ts'
import type { View } from '../base/view.ts'
import { rulesPage } from '../ui/pages/rules.ts'
import { DAYS } from '../ui/tuning.ts'
import { askedOf, backTo, filterOf, listReply, nextOf, pageOf, part } from './reply.ts'
import type { Route } from './table.ts'

const DAY_US = 86_400_000_000
const HOURLY = { kind: 'limit', track: 'by_src', count: 1, seconds: 3600 } as const
const USUAL = { range: 'all', limit: 100 } as const
const NONE: RulesView = { tenant_id: '', rules: [], refused: [], generation: 0, ageSeconds: 0 }

export function ruleRoutes({ site }: Pick<Ports, 'site'>): Route[] {
  const list = async (c: Context, view: View) => {
    const asked = askedOf(c, view, USUAL)
    const all = await site.rules()
    const own = view.asker.scope.includes(all.tenant_id) ? all : NONE
    const fit = own.rules.filter((rule) => fits(rule, asked))
    const page = pageOf(fit, filterOf(view, 'rules', asked), (rule) => ({
      at: rule.hits,
      id: rule.rule_id,
    }))
    return { asked, own, fit, page, next: nextOf(view, 'rules', page.next) }
  }
  return [
    {
      method: 'GET',
      path: '/rules',
      atom: 'view',
      handle: async (c, view) => {
        const { asked, own, fit, page, next } = await list(c, view)
        const tuned = await tunedIn(view, { site })
        return c.html(
          rulesPage(view, asked, { view: own, rows: page.rows, fit: fit.length, tuned }, next),
        )
      },
    },
    {
      method: 'GET',
      path: '/api/rules',
      atom: 'view',
      handle: async (c, view) => {
        const { page, next } = await list(c, view)
        return listReply(c, view, page.rows, next)
      },
    },
    {
      method: 'POST',
      path: '/rules/reload',
      atom: 'rules',
      audit: { verb: 'rules.loaded', by: 'table' },
      handle: async (c) => {
        await site.reloadRules()
        return c.redirect('/rules', 303)
      },
    },
    {
      method: 'POST',
      path: '/rules/tune',
      atom: 'rules',
      audit: { verb: 'rules.tuned', by: 'keys' },
      handle: async (c, view, form) => {
        await mustBeIts(view, { site })
        await site.tune(view.asker.token, tuneAsked(form, view.zone.nowUs))
        return backTo(c, form, '/rules', [])
      },
    },
    {
      method: 'POST',
      path: '/rules/untune',
      atom: 'rules',
      audit: { verb: 'rules.untuned', by: 'keys' },
      handle: async (c, view, form) => {
        await mustBeIts(view, { site })
        await site.untune(view.asker.token, form.get('override_id') ?? '')
        return backTo(c, form, '/rules', [])
      },
    },
  ]
}

/** Overrides of this box's tenant, for those who see it; a page does without them when the agent is away. */
export async function tunedIn(view: View, { site }: Pick<Ports, 'site'>): Promise<OverrideView[]> {
  const tuning = await part(site.tuning())
  return 'value' in tuning && view.asker.scope.includes(tuning.value.tenant_id)
    ? tuning.value.overrides
    : []
}

async function mustBeIts(view: View, { site }: Pick<Ports, 'site'>): Promise<void> {
  const { tenant_id } = await site.tuning()
  if (!view.asker.scope.includes(tenant_id))
    throw new Failure('not-found', 'There is no such rule in your scope.')
}

/** What the form of a finding's page says, as the agent understands it; the agent checks every part again. */
function tuneAsked(form: URLSearchParams, nowUs: number): OverrideAsked {
  const [act = '', address = ''] = (form.get('what') ?? '').split(' ')
  const days = Number(form.get('days') ?? 0)
  if (!(DAYS as readonly number[]).includes(days))
    throw new Failure(
      'invalid',
      `It holds for ${DAYS.filter((each) => each > 0).join(', ')} days, or for good.`,
    )
  const asked = {
    rule_id: form.get('rule_id') ?? '',
    comment: form.get('comment') ?? '',
    ...(days > 0 && { expires: nowUs + days * DAY_US }),
  }
  if (act === 'src' || act === 'dest')
    return { ...asked, act: 'suppress', where: { side: act, address } }
  if (act === 'hourly') return { ...asked, act: 'threshold', threshold: HOURLY }
  if (act === 'disable' || act === 'comment') return { ...asked, act }
  throw new Failure('invalid', 'That is no choice of this page. Reload it.')
}

function fits(rule: RuleView, { q, severity }: Asked): boolean {
  if (severity !== '' && rule.severity !== severity) return false
  const wanted = q.toLowerCase()
  return [rule.rule_id, rule.msg, rule.file, ...rule.attack_ids].some((text) =>
    text.toLowerCase().includes(wanted),
  )
}
