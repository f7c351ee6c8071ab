/** The frame of every page: who I am, what I can see, where I am, and the keys that work here. */
import type { Atom } from '../../agent/tenancy/role.ts'
import type { Reader, View } from '../base/view.ts'
import { plural } from '../base/words.ts'
import { asset } from './assets.ts'
import { type Html, html, NOTHING, type Piece } from './html.ts'
import { stateMark } from './marks.ts'

export interface Page {
  /** The tab this page is under. */
  tab: Tab | ''
  title: string
  /** The page's sentence, and what it stands on. */
  sentence: Piece
  basis: Piece
  /** Above the sentence: severity, ids, a way back. */
  above?: Html
  body: Html
  /** What the search box of the bar searches, with what is in it. */
  search?: { path: string; label: string; q: string }
  /** Keys of this page beside the ones that always work. */
  keys?: readonly (readonly [string, string])[]
  scripts?: Html
  /** Pages of Fleet Command: whose they are, what the bar says, and tabs of their own. */
  fleet?: { name: string; sees: Html; tabs: Html }
}

/** A longer one is set smaller, so that it stays a headline and not a page. */
const SENTENCE_CHARS = 110

const TABS = [
  ['now', 'Now', 'view'],
  ['findings', 'Findings', 'view'],
  ['flows', 'Flows', 'view'],
  ['assets', 'Assets', 'view'],
  ['actions', 'Actions', 'view'],
  ['lake', 'Lake', 'view'],
  ['hardware', 'Hardware', 'view'],
  ['rules', 'Rules', 'view'],
  ['settings', 'Settings', 'view'],
  ['users', 'Users', 'users'],
  ['audit', 'Audit', 'audit'],
] as const satisfies readonly (readonly [string, string, Atom])[]
export type Tab = (typeof TABS)[number][0]

export function layout(view: View, page: Page): Html {
  return document(view, {
    title: `${page.title} · ${page.fleet?.name ?? siteName(view)}`,
    scripts: page.scripts ?? NOTHING,
    body: html`${bar(view, page)}${page.fleet?.tabs ?? tabs(view, page.tab)}
<main id="main">
<section class="lede">
  ${page.above ? html`<p>${page.above}</p>` : NOTHING}
  <h1 id="sentence"${String(page.sentence).length > SENTENCE_CHARS ? html` class="long"` : NOTHING}>${page.sentence}</h1>
  <p class="basis" id="basis">${page.basis}</p>
</section>
${page.body}
</main>
${footer(view, page.keys ?? [])}`,
  })
}

export function siteName(view: View): string {
  return view.status?.site ?? view.asker.scope[0] ?? 'Picket'
}

/** A page for somebody who is not signed in: the frame without scope and tabs. */
export function bareLayout(reader: Reader, page: { title: string; who: Piece; body: Html }): Html {
  return document(reader, {
    title: page.title,
    scripts: NOTHING,
    body: html`<header class="scope"><a class="brand" href="/">Picket</a><p class="sees">${page.who}</p></header>
<main id="main" class="door">${page.body}</main>`,
  })
}

function document(reader: Reader, page: { title: string; body: Html; scripts: Html }): Html {
  const theme = reader.theme === 'auto' ? NOTHING : html` data-theme="${reader.theme}"`
  return html`<!doctype html>
<html lang="en"${theme} data-zone="${reader.zoneKnown ? reader.zone.name : ''}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${page.title}</title>
<link rel="icon" href="${asset('mark.svg')}" type="image/svg+xml">
<link rel="stylesheet" href="${asset('picket.css')}">
${page.scripts}<script type="module" src="${asset('picket.js')}"></script>
</head>
<body>
<a class="skip" href="#main">Skip to the page</a>
${page.body}
</body>
</html>
`
}

function bar(view: View, page: Page): Html {
  const { session, asker } = view
  const all = session.tenants.length
  const fleet = session.tenants.find((each) => each.tenant_id === asker.scope[0])?.fleet_id ?? ''
  const scope =
    all === 1
      ? html`<b>${siteName(view)}</b> · <span class="mono">${asker.scope[0]}</span>${fleet === asker.scope[0] ? '' : ` of ${fleet}`} · this appliance only`
      : html`<b>${asker.scope.length} of ${plural(all, 'tenant')}</b>: ${asker.scope.slice(0, 4).join(', ')}${asker.scope.length > 4 ? ', …' : ''}`
  const search = page.search ?? { path: '/findings', label: 'Search findings', q: '' }
  return html`<header class="scope">
<a class="brand" href="/">Picket</a>
<p class="sees">${page.fleet?.sees ?? html`${scope}${view.status ? html` · <span id="mark">${stateMark(view.status)}</span>` : NOTHING}`}</p>
<form id="search" class="search" role="search" action="${search.path}" method="get"><input type="search" name="q" value="${search.q}" maxlength="128" aria-label="${search.label}" placeholder="${search.label}  /" autocomplete="off" spellcheck="false"></form>
<form class="me" method="post" action="/logout"><span>${session.name} · ${session.role}</span>${csrf(view)}<button class="button quietly">Sign out</button></form>
</header>
`
}

function tabs(view: View, current: Tab | ''): Html {
  const waiting = view.status?.waitingActions ?? 0
  const links = TABS.filter(([, , atom]) => view.session.atoms.includes(atom)).map(
    ([name, title]) =>
      html`<a href="/${name}"${name === current ? html` aria-current="page"` : NOTHING}>${title}${name === 'actions' && waiting > 0 ? html` <b class="count" title="${plural(waiting, 'action')} waiting">${waiting}<span class="sr"> waiting</span></b>` : NOTHING}</a>`,
  )
  const fleet = view.fleet ? html`<a href="/fleet">Fleet Command</a>` : NOTHING
  return html`<nav class="tabs" aria-label="Pages">${fleet}${links}</nav>`
}

function footer(view: View, keys: readonly (readonly [string, string])[]): Html {
  const all = [['/', 'search'], ...keys, ['?', 'all keys']] as const
  const zone =
    view.zone.name === 'UTC' ? 'Times in UTC' : `Times in ${view.zone.name}, UTC on hover`
  return html`<footer class="keys" aria-label="Keyboard">${all.map(([key, what]) => html`<span><kbd>${key}</kbd> ${what}</span>`)}<span>${zone} · <a class="plain" href="/settings#theme">Theme: ${view.theme}</a></span></footer>`
}

/** What every form that changes something carries. */
export function csrf(view: View): Html {
  return html`<input type="hidden" name="csrf" value="${view.csrf}">`
}
