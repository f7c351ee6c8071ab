import type { Context } from 'hono'
import { usFromIso } from '../../agent/base/clock.ts'
import type { Asked } from '../base/filter.ts'
import type { AuditPage, Ports } from '../base/ports.ts'
import type { View } from '../base/view.ts'
import { auditPage } from '../ui/pages/audit.ts'
import { askedOf, filterOf, listReply, nextOf } from './reply.ts'
import type { Route } from './table.ts'

const USUAL = { range: '7d', limit: 100 } as const
const PAGES_MAX = 20 // a search reads at most so many pages of the trail, then says where it stopped

export function auditRoutes({ audit }: Pick<Ports, 'audit'>): Route[] {
  const list = async (c: Context, view: View) => {
    const asked = askedOf(c, view, USUAL)
    const found = await search(audit, view, asked)
    const next = found.before === undefined ? undefined : { at: found.before, id: '' }
    return { asked, found, next: nextOf(view, 'audit', next) }
  }
  return [
    {
      method: 'GET',
      path: '/audit',
      atom: 'audit',
      handle: async (c, view) => {
        const { asked, found, next } = await list(c, view)
        return c.html(auditPage(view, asked, found, next))
      },
    },
    {
      method: 'GET',
      path: '/api/audit',
      atom: 'audit',
      handle: async (c, view) => {
        const { found, next } = await list(c, view)
        return listReply(c, view, found.numbered ? found.items : found.items.map(unnumbered), next)
      },
    },
  ]
}

function unnumbered({ seq: _, ...item }: AuditPage['items'][number]) {
  return item
}

/** Reads back until a page is full or the asked time is passed. */
async function search(audit: Ports['audit'], view: View, asked: Asked): Promise<AuditPage> {
  const filter = filterOf(view, 'audit', asked)
  const items: AuditPage['items'] = []
  let before = filter.after?.at
  let intact = true
  let numbered = true
  for (let read = 0; read < PAGES_MAX; read++) {
    const page = await audit.auditList({
      token: view.asker.token,
      limit: filter.limit,
      ...(before === undefined ? {} : { before }),
    })
    intact &&= page.intact
    numbered &&= page.numbered
    for (const item of page.items) {
      if (filter.from !== undefined && usFromIso(item.at) < filter.from)
        return { items, numbered, intact }
      before = item.seq
      if (fits(item, asked)) items.push(item)
      if (items.length === filter.limit) return { items, numbered, intact, before }
    }
    if (page.before === undefined) return { items, numbered, intact }
    before = page.before
  }
  return { items, numbered, intact, ...(before === undefined ? {} : { before }) }
}

function fits(item: AuditPage['items'][number], { q, filter }: Asked): boolean {
  if (filter.to !== undefined && usFromIso(item.at) > filter.to) return false
  const wanted = q.toLowerCase()
  return [item.sentence, item.verb, item.subject, item.actor].some((text) =>
    text.toLowerCase().includes(wanted),
  )
}
