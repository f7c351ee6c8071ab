/** What a site is called beside others: a name that people could take for another site's carries its tenant. */
import { brief } from '../base/text.ts'

const NAME_MAX = 64
const NAME_MIN = 16

/** Letters and digits of other scripts, and digits, that are drawn like Latin letters. */
const LIKE: Readonly<Record<string, string>> = {
  ...pairs('а:a в:b е:e к:k м:m н:h о:o р:p с:c т:t у:y х:x і:i ј:j ѕ:s ԁ:d һ:h ԛ:q ԝ:w ӏ:l'),
  ...pairs('α:a ε:e η:n ι:i κ:k ν:v ο:o ρ:p τ:t υ:u χ:x 0:o 1:l i:l'),
}

export function nameBeside(
  site: string,
  tenant_id: string,
  others: readonly { site: string }[],
): string {
  const drawn = drawnAs(site)
  if (!others.some((other) => drawnAs(other.site) === drawn)) return site
  const mark = ` (${tenant_id})`
  return brief(site, Math.max(NAME_MIN, NAME_MAX - mark.length)) + mark
}

/** Equal for names that differ in case, marks, spaces, punctuation, or letters that look alike. */
function drawnAs(site: string): string {
  const letters = site
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]/gu, '')
  return [...letters].map((letter) => LIKE[letter] ?? letter).join('')
}

function pairs(text: string): Record<string, string> {
  return Object.fromEntries(text.split(' ').map((pair) => pair.split(':')))
}
