/**
 * The session's cookie (D25). `__Host-` with Secure works in Chromium and Firefox on loopback too, as
 * both trust it; Safari does not, so there alone, and only where this process listens on loopback and
 * no packet leaves the machine, a plain HttpOnly SameSite=Strict cookie stands in.
 */
import type { Context } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'

const HOST = '__Host-picket'
const LOOPBACK = 'picket'
const TOKEN = /^[\w-]{43}$/
const YEAR_S = 365 * 86_400

/** The token that came with a request, if it has the shape of one. */
export function readToken(c: Context, onLoopback: boolean): string | undefined {
  const token = getCookie(c, HOST) ?? (onLoopback ? getCookie(c, LOOPBACK) : undefined)
  return token !== undefined && TOKEN.test(token) ? token : undefined
}

/** Without an expiry: the browser forgets it when it closes, picket-keys ends it before. */
export function writeToken(c: Context, token: string, onLoopback: boolean): void {
  if (onLoopback && distrustsLoopback(c.req.header('user-agent') ?? '')) {
    setCookie(c, LOOPBACK, token, { httpOnly: true, sameSite: 'Strict', path: '/' })
    return
  }
  setCookie(c, HOST, token, { secure: true, httpOnly: true, sameSite: 'Strict', path: '/' })
}

export function dropToken(c: Context): void {
  setCookie(c, HOST, '', { secure: true, httpOnly: true, sameSite: 'Strict', path: '/', maxAge: 0 })
  setCookie(c, LOOPBACK, '', { httpOnly: true, sameSite: 'Strict', path: '/', maxAge: 0 })
}

/** Safari refuses Secure cookies over http even from 127.0.0.1; others name it too, HeadlessChrome as one word. */
function distrustsLoopback(agent: string): boolean {
  return /\bSafari\//.test(agent) && !/(Chrome|Chromium|CriOS|Edg|OPR)\//.test(agent)
}

/** How the page looks is no secret: theme and zone are cookies that the script may write. */
export function writeTaste(c: Context, name: string, value: string): void {
  setCookie(c, name, value, { sameSite: 'Strict', path: '/', maxAge: YEAR_S })
}
