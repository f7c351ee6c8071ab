/** The frame of Fleet Command's pages: whose fleet, which sites of how many, and its own tabs. */

import { withQuery } from '../base/filter.ts'
import type { View } from '../base/view.ts'
import { count, plural, sentenceCase, tied } from '../base/words.ts'
import type { Leaf } from '../fleet/order.ts'
import type { Sight } from '../fleet/sight.ts'
import { type Html, html, NOTHING } from './html.ts'
import { layout, type Page } from './layout.ts'

const NAMES_MAX = 4
const NAMED_MAX = 12 // of more, their number says enough
const CHOICE_MAX = 40

const TABS = [
  ['/fleet', 'Sites', 'view'],
  ['/fleet/findings', 'Findings', 'view'],
  ['/fleet/compare', 'Compare', 'view'],
  ['/fleet/compliance', 'Compliance', 'view'],
  ['/fleet/joins', 'Joins', 'settings'],
] as const
export type FleetTab = (typeof TABS)[number][0]

export interface FleetPage extends Omit<Page, 'tab' | 'fleet'> {
  path: FleetTab
  /** The page can be narrowed to some of its sites. */
  scoped?: boolean
}

export function fleetLayout(view: View, sight: Sight, page: FleetPage): Html {
  const { path, scoped = true, body, ...rest } = page
  const name = sight.fleet.fleet_id
  return layout(view, {
    search: { path: '/fleet', label: 'Search sites', q: '' },
    ...rest,
    tab: '',
    body: html`${scoped ? chooser(view, sight) : NOTHING}${sight.named.length > 0 ? html`<input type="hidden" form="search" name="scope" value="${sight.named.join(',')}">` : NOTHING}${body}`,
    fleet: {
      name: `Fleet Command of ${name}`,
      sees: html`Fleet Command · <b>${name}</b> · ${seen(sight)}`,
      tabs: tabs(view, sight, path),
    },
  })
}

/** `3 of 3 sites: London, Cape Town, Sydney`. */
function seen({ fleet, all, named }: Sight): Html {
  const names = fleet.sites.slice(0, NAMES_MAX).map(({ site }) => site)
  const more = fleet.sites.length > NAMES_MAX
  return html`${count(fleet.sites.length)} of ${plural(all, 'site')}${names.length > 0 && fleet.sites.length <= NAMED_MAX ? `: ${names.join(', ')}${more ? ', …' : ''}` : ''}${named.length > 0 ? html` · <a href="?">see all</a>` : NOTHING}`
}

/** The URL of another page of the fleet, about the same sites. */
export function keeping(sight: Pick<Sight, 'named'>, path: string): string {
  return withQuery(path, { scope: sight.named.join(',') })
}

function tabs(view: View, sight: Sight, current: string): Html {
  const links = TABS.filter(([, , atom]) => view.session.atoms.includes(atom)).map(
    ([path, title]) =>
      html`<a href="${keeping(sight, path)}"${path === current ? html` aria-current="page"` : NOTHING}>${title}</a>`,
  )
  return html`<nav class="tabs" aria-label="Fleet Command">${links}<a href="/now">This site</a></nav>`
}

/** Ticks as a plain GET form: the URL is the scope. Long lists are narrowed by their search instead. */
function chooser(view: View, { choice, named }: Sight): Html {
  if (choice.length < 2 || choice.length > CHOICE_MAX) return NOTHING
  const path = view.here.split('?')[0] ?? '/fleet'
  return html`<details class="chooser"${named.length > 0 ? html` open` : NOTHING}><summary>Choose sites</summary><form method="get" action="${path}">${[
    ...choice,
  ]
    .sort((a, b) => (a.site < b.site ? -1 : 1))
    .map(
      ({ tenant_id, site }) =>
        html`<label class="choice"><input type="checkbox" name="scope" value="${tenant_id}"${named.length === 0 || named.includes(tenant_id) ? html` checked` : NOTHING}>${site}</label>`,
    )}<button class="button">Show these</button></form></details>`
}

export function leafPager(view: View, leaf: Leaf<unknown>, noun: string): Html {
  if (leaf.pages === 1) return NOTHING
  const to = (page: number, words: string, rel: string) =>
    html`<a class="button" rel="${rel}" href="${withQuery(view.here, { page: String(page) })}">${words}</a>`
  return html`<nav class="pager" aria-label="Pages of this list">${leaf.page > 1 ? to(leaf.page - 1, 'Before', 'prev') : html`<span></span>`}<small>Page ${count(leaf.page)} of ${count(leaf.pages)} · ${plural(leaf.total, noun)}</small>${leaf.page < leaf.pages ? to(leaf.page + 1, 'Next', 'next') : html`<span></span>`}</nav>`
}

/** What a site says, as a sentence of its own. */
export function saysOf(says: string): string {
  return sentenceCase(ended(says))
}

/** The same behind the site's name: `Oslo: blind since 03:10.` */
export function namedSays({ site, says }: { site: string; says: string }): string {
  return `${site}: ${ended(says)}`
}

function ended(says: string): string {
  return tied(/[.!?]$/.test(says) ? says : `${says}.`)
}
