/**
 * The normalised URI that rules look at (Suricata's http.uri): scheme and host dropped, percent-decoded once, `//`, `/./`
 * and `/../` folded, backslashes turned. It is what the server is likely to open, whatever was sent to reach it.
 */

export function normaliseUri(raw: string): string {
  const origin = dropOrigin(raw)
  const hash = origin.indexOf('#')
  const whole = hash === -1 ? origin : origin.slice(0, hash)
  const mark = whole.indexOf('?')
  const path = mark === -1 ? whole : whole.slice(0, mark)
  const query = mark === -1 ? '' : `?${decodePercent(whole.slice(mark + 1))}`
  const fragment = hash === -1 ? '' : origin.slice(hash)
  return foldPath(shortest(decodePercent(path))) + query + fragment
}

/** The host an absolute-form target names, or ''. */
export function uriHost(raw: string): string {
  const match = /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?#@]*@)?([^/?#]*)/i.exec(raw.slice(0, 512))
  return match ? (match[1] as string) : ''
}

function dropOrigin(raw: string): string {
  const match = /^[a-z][a-z0-9+.-]{0,31}:\/\/[^/?#]*/i.exec(raw)
  if (!match) return raw
  const rest = raw.slice(match[0].length)
  return rest === '' ? '/' : rest
}

/** `%41` and `%u0041`, once; what is not an escape stays as it is. */
function decodePercent(text: string): string {
  if (!text.includes('%')) return text
  return text.replace(/%u([0-9a-f]{4})|%([0-9a-f]{2})/gi, (_, wide: string, narrow: string) => {
    const code = Number.parseInt(wide ?? narrow, 16)
    return String.fromCharCode(code > 0xff ? bestFit(code) : code)
  })
}

/** Full-width forms become what servers take them for; anything else wide is one we cannot show in a byte. */
function bestFit(code: number): number {
  return code >= 0xff01 && code <= 0xff5e ? code - 0xfee0 : 0x3f
}

const TOO_LONG = /[\xc0\xc1][\x80-\xbf]|\xe0[\x80\x81][\x80-\xbf]/g

/** ASCII in two or three bytes of UTF-8, as no honest client writes it and old servers read it: `%c0%af` for a slash. */
function shortest(path: string): string {
  return path.replace(TOO_LONG, (long) => {
    const [high = 0, low = 0] = [...long.slice(-2)].map((c) => c.charCodeAt(0))
    return String.fromCharCode(((high & 1) << 6) | (low & 0x3f))
  })
}

function foldPath(path: string): string {
  if (!/[\\]|\/[/.]/.test(path)) return path
  const parts = path.replaceAll('\\', '/').split('/')
  const kept: string[] = []
  const last = parts.length - 1
  for (let i = 0; i <= last; i++) {
    const part = parts[i] as string
    const climbs = part === '..'
    if (climbs && kept.length > 1) kept.pop()
    const gone = climbs || part === '.' || (part === '' && i > 0)
    if (!gone) kept.push(part)
    else if (i === last) kept.push('') // a folder keeps its last slash
  }
  return kept.length === 1 && path.startsWith('/') ? '/' : kept.join('/')
}
