import type { Context } from 'hono'
import type { RuleView } from '../../agent/control/agent-client.ts'
import type { Asked } from '../base/filter.ts'
import type { Ports, RulesView } from '../base/ports.ts'
import type { View } from '../base/view.ts'
import { rulesPage } from '../ui/pages/rules.ts'
import { askedOf, filterOf, listReply, nextOf, pageOf } from './reply.ts'
import type { Route } from './table.ts'

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
        return c.html(rulesPage(view, asked, { view: own, rows: page.rows, fit: fit.length }, next))
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
  ]
}

function fits(rule: RuleView, { q, severity }: Asked): boolean {
  if (severity !== '' && rule.severity !== severity) return false
  const wanted = q.toLowerCase()
  return [rule.rule_id, rule.msg, rule.file, ...rule.attack_ids].some((text) =>
    text.toLowerCase().includes(wanted),
  )
}
