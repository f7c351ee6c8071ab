/** What a question may cast to: a type by its id, one by its name, and whatever lies within it. */
import { brief } from '../base/text.ts'
import { TYPE_IDS, TYPES } from './sql-allowed.ts'
import type { Group } from './sql-functions.ts'

interface TypeNode {
  id?: unknown
  type_info?: TypeInfo | null
}

interface TypeInfo {
  type?: unknown
  alias?: unknown
  name?: unknown
  catalog?: unknown
  schema?: unknown
  child_type?: TypeNode
  child_types?: { second?: TypeNode }[]
}

/** A sentence when the type, or one within it, may not be cast to. `count` bounds the walk. */
export function typeRefusal(value: unknown, count: () => void): string | undefined {
  count()
  const { id, type_info: info } = (value ?? {}) as TypeNode
  const word = String(id)
  const ofId = say(TYPE_IDS.get(word.replaceAll(' ', '_')), word)
  if (ofId || !info) return ofId
  if (word === 'UNBOUND') {
    if (info.catalog || info.schema) return say(undefined, String(info.name))
    return say(TYPES.get(String(info.name).toLowerCase()), String(info.name))
  }
  if (info.alias) {
    const ofAlias = say(TYPES.get(String(info.alias).toLowerCase()), String(info.alias))
    if (ofAlias) return ofAlias
  }
  const within = [info.child_type, ...(info.child_types ?? []).map(({ second }) => second)]
  for (const each of within) {
    const ofChild = each && typeRefusal(each, count)
    if (ofChild) return ofChild
  }
  return undefined
}

function say(verdict: Group | undefined, name: string): string | undefined {
  if (verdict?.allow) return undefined
  const what = `The type ${brief(name, 60)} is not one the lake offers`
  if (!verdict) return `${what}.`
  return `${what}: ${verdict.why}.${verdict.instead ? ` Use instead: ${verdict.instead}.` : ''}`
}
