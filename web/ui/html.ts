/**
 * The one encoder of HTML (D35). Every text that goes into a page passes `visible` first, so that
 * control, bidi and zero-width characters from the wire are shown, then is escaped by hono/html.
 */
import { html as escaped, raw } from 'hono/html'
import type { HtmlEscapedString } from 'hono/utils/html'
import { visible } from '../../agent/base/text.ts'

export type Html = HtmlEscapedString
export type Piece = string | number | Html | false | null | undefined | readonly Piece[]

export function html(parts: TemplateStringsArray, ...values: readonly Piece[]): Html {
  return escaped(parts, ...values.map(shown)) as Html // a promise only where a value was one
}

export const NOTHING: Html = raw('')

function shown(value: Piece): unknown {
  if (typeof value === 'string') return visible(value) // what is escaped already is a String object
  if (Array.isArray(value)) return value.map(shown)
  return value
}

/** Text of several lines, for a `pre`: the newlines stay, everything else is shown. */
export function lines(text: string): Html {
  return html`${text.split('\n').map((line, at) => html`${at > 0 ? raw('\n') : ''}${line}`)}`
}

/** JSON for a data block in a page: `<` cannot close the element. Not executed, so the CSP lets it be. */
export function dataBlock(id: string, value: unknown): Html {
  const json = JSON.stringify(value).replaceAll('<', '\\u003c').replaceAll('\u2028', '\\u2028')
  return html`<script type="application/json" id="${id}">${raw(json)}</script>`
}
