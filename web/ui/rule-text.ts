/** A signature as lines that can be read: its header, then one option a line. */
import { type Html, html } from './html.ts'

const OPTIONS_MAX = 64

export function ruleText(text: string): Html {
  const parts = splitRule(text)
  if (!parts) return html`<pre class="rule">${text}</pre>`
  const shown = parts.options.slice(0, OPTIONS_MAX)
  return html`<div class="rule" tabindex="0" role="group" aria-label="The text of the rule"><p class="mono">${parts.header}</p><table><tbody>${shown.map(({ name, value }) => html`<tr><th scope="row" class="mono">${name}</th><td class="mono">${value}</td></tr>`)}</tbody></table></div>`
}

/** Splits at `;` outside of quotes and escapes; nothing when it is no rule. */
export function splitRule(
  text: string,
): { header: string; options: { name: string; value: string }[] } | undefined {
  const open = text.indexOf('(')
  const close = text.lastIndexOf(')')
  if (open < 0 || close < open) return
  const options: { name: string; value: string }[] = []
  let quoted = false
  let start = open + 1
  for (let i = open + 1; i < close; i++) {
    const c = text[i]
    if (c === '\\') i++
    else if (c === '"') quoted = !quoted
    else if (c === ';' && !quoted) {
      const option = text.slice(start, i).trim()
      const colon = option.indexOf(':')
      if (option !== '')
        options.push(
          colon < 0
            ? { name: option, value: '' }
            : { name: option.slice(0, colon).trim(), value: option.slice(colon + 1).trim() },
        )
      start = i + 1
    }
  }
  return { header: text.slice(0, open).trim(), options }
}
