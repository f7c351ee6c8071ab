/** `[a, b, [c, !d]]` cut at its own commas. */
import { Refused } from './rule-text.ts'

export const MEMBERS_MAX = 4096

export function members(text: string): string[] {
  if (!text.startsWith('[') || !text.endsWith(']'))
    throw new Refused(undefined, `the brackets of ${text} do not close`)
  const found: string[] = []
  let depth = 0
  let from = 1
  for (let i = 1; i < text.length; i++) {
    const c = text[i]
    if (c === '[') depth++
    if (c === ']' && i < text.length - 1) depth--
    if (depth < 0) throw new Refused(undefined, `the brackets of ${text} do not close`)
    if (depth > 0 || (c !== ',' && i < text.length - 1)) continue
    const member = text.slice(from, i).trim()
    if (member === '') throw new Refused(undefined, `the list ${text} has an empty member`)
    found.push(member)
    from = i + 1
  }
  if (depth !== 0) throw new Refused(undefined, `the brackets of ${text} do not close`)
  if (found.length > MEMBERS_MAX)
    throw new Refused(undefined, `a list has more than ${MEMBERS_MAX} members`)
  return found
}
