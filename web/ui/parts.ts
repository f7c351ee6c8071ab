/** Pieces that several pages share. */
import { type Asked, RANGES, withQuery } from '../base/filter.ts'
import type { View } from '../base/view.ts'
import { type Html, html, NOTHING, type Piece } from './html.ts'

/** `live`: the whole card is read again when something changed, its head with its counts too. */
export function card(
  title: Piece,
  small: Piece,
  body: Html,
  { kind = '', live = '' }: { kind?: string; live?: string } = {},
): Html {
  return html`<section class="card ${kind}"${live ? html` data-live="${live}"` : NOTHING}><header><h2>${title}</h2><small>${small}</small></header>${body}</section>`
}

/** Nothing, not working, not yours: a fact, then the next step. */
export function note(
  kind: 'empty' | 'loading' | 'error' | 'denied',
  fact: Piece,
  next: Piece,
): Html {
  return html`<div class="note ${kind}"><p><b>${fact}</b> ${next}</p></div>`
}

/** The controls of a list beside its search box: one GET form, so the URL is the query. */
export function filters(
  asked: Asked,
  selects: readonly {
    name: string
    label: string
    value: string
    options: readonly (readonly [string, string])[]
  }[] = [],
  times = true,
): Html {
  return html`<div class="filters">${selects.map(
    ({ name, label, value, options }) =>
      html`<label><span>${label}</span><select form="search" name="${name}">${options.map(
        ([option, words]) =>
          html`<option value="${option}"${option === value ? html` selected` : NOTHING}>${words}</option>`,
      )}</select></label>`,
  )}${times ? timeFilter(asked) : NOTHING}<button class="button" form="search">Show</button></div>`
}

function timeFilter(asked: Asked): Html {
  const between = asked.from !== '' || asked.to !== ''
  return html`<label><span>Time</span><select form="search" name="range">${Object.entries(
    RANGES,
  ).map(
    ([range, { words }]) =>
      html`<option value="${range}"${range === asked.range ? html` selected` : NOTHING}>${words}</option>`,
  )}</select></label><details${between ? html` open` : NOTHING}><summary>Between two times</summary><div class="between"><label><span>From, UTC</span><input form="search" type="datetime-local" name="from" value="${asked.from}"></label><label><span>To, UTC</span><input form="search" type="datetime-local" name="to" value="${asked.to}"></label></div></details>`
}

/** Newest ← → older. A list never jumps: its cursor is where the last page ended. */
export function pager(view: View, asked: Asked, next: string | undefined, shown: number): Html {
  if (!next && !asked.after) return NOTHING
  return html`<nav class="pager" aria-label="Pages of this list">${
    asked.after
      ? html`<a class="button" href="${withQuery(view.here, { after: undefined, said: undefined })}">Newest</a>`
      : NOTHING
  }<small>${shown} on this page</small>${
    next
      ? html`<a class="button" rel="next" href="${withQuery(view.here, { after: next, said: undefined })}">Older</a>`
      : html`<small>This is the end of the list.</small>`
  }</nav>`
}

/** What a list could not read is said above it, never left out without a word. */
export function gapNote(gaps: readonly string[] | undefined): Html {
  return gaps && gaps.length > 0
    ? note(
        'error',
        `This list is not whole: ${gaps.join('; ')}.`,
        html`See <a href="/lake">Lake</a> for the state of its files.`,
      )
    : NOTHING
}

/** A wide table in a box of its own, so that the page itself never scrolls sideways. */
export function table(head: Html, rows: readonly Html[], kind = ''): Html {
  return html`<table class="data ${kind}"><thead><tr>${head}</tr></thead><tbody>${rows}</tbody></table>`
}
