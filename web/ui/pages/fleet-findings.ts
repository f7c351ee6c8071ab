import { type Asked, rangeWords, withQuery } from '../../base/filter.ts'
import type { View } from '../../base/view.ts'
import { count, plural, sentenceCase } from '../../base/words.ts'
import type { SiteFinding } from '../../fleet/findings.ts'
import type { Leaf } from '../../fleet/order.ts'
import type { Sight } from '../../fleet/sight.ts'
import { fleetFindingRows } from '../fleet-finding-rows.ts'
import { fleetLayout, leafPager } from '../fleet-frame.ts'
import { type Html, html, NOTHING } from '../html.ts'
import { countsText, WORST_FIRST } from '../marks.ts'
import { card, filters, note } from '../parts.ts'

const OPTIONS_MAX = 200 // a longer list of sites is searched by words

export interface FindingsFound {
  asked: Asked
  site: string
  leaf: Leaf<SiteFinding>
  /** Of those that fit: how many of each severity, and at how many sites. */
  counts: Readonly<Record<string, number>>
  sites: number
  /** What sites left out of their summaries, and what is over the bound of one answer. */
  leftOut: number
}

export function fleetFindingsPage(view: View, sight: Sight, found: FindingsFound): Html {
  const { asked, site, leaf, leftOut } = found
  return fleetLayout(view, sight, {
    path: '/fleet/findings',
    title: 'Findings',
    sentence: sentenceOf(found, sight),
    basis: `From the digests that ${plural(sight.fleet.sites.length, 'site')} signed, folded by rule and host · ${leftOut === 0 ? 'none was left out' : `${plural(leftOut, 'digest')} left out, the least severe first`} · rows and packets stay at the site`,
    search: { path: '/fleet/findings', label: 'Host, rule or words', q: asked.q },
    keys: [
      ['j k', 'move'],
      ['Enter', 'open the site'],
    ],
    body: card(
      'Findings across sites',
      'worst first, then newest',
      html`${filters(asked, [
        ...siteChoice(sight, site),
        {
          name: 'severity',
          label: 'Severity',
          value: asked.severity,
          options: [['', 'any'], ...WORST_FIRST.map((each) => [each, sentenceCase(each)] as const)],
        },
      ])}<div data-live="findings">${leftOut > 0 ? note('error', `${plural(leftOut, 'digest')} ${leftOut === 1 ? 'is' : 'are'} not in this list.`, 'A summary holds 40 at most, worst first; the site itself has every finding. Filters do not reach what was left out.') : NOTHING}${leaf.rows.length > 0 ? fleetFindingRows(leaf.rows, view, sight) : empty(view, asked, site)}${leafPager(view, leaf, 'digest')}</div>`,
    ),
  })
}

function siteChoice({ fleet, choice }: Sight, site: string) {
  if (choice.length > OPTIONS_MAX) return []
  const options = fleet.sites
    .map((each) => [each.tenant_id, each.site] as const)
    .sort(([, a], [, b]) => (a < b ? -1 : 1))
  return [{ name: 'site', label: 'Site', value: site, options: [['', 'any'] as const, ...options] }]
}

function sentenceOf({ asked, site, leaf, counts, sites }: FindingsFound, { fleet }: Sight): string {
  const about = [
    asked.q && `about “${asked.q}”`,
    site && `at ${fleet.sites.find((each) => each.tenant_id === site)?.site ?? site}`,
  ]
    .filter((each) => each)
    .map((each) => ` ${each}`)
    .join('')
  if (leaf.total === 0)
    return `Nothing ${asked.severity ? `${asked.severity} ` : ''}was found${about}, ${rangeWords(asked)}.`
  return `${plural(leaf.total, 'finding')}${about} at ${count(sites)} of ${plural(fleet.sites.length, 'site')}, ${rangeWords(asked)}: ${countsText(counts)}.`
}

function empty(view: View, asked: Asked, site: string): Html {
  const wider = withQuery(view.here, { q: undefined, severity: undefined, site: undefined })
  if (asked.q || asked.severity || site)
    return note('empty', 'No finding fits.', html`<a href="${wider}">See every finding</a>.`)
  return note(
    'empty',
    'No site told of a finding in this time.',
    html`Whether they could see is said under <a href="/fleet">Sites</a>.`,
  )
}
