/** Words that a node carries in fields of their own: kinds of joins, sets, samples. */
import { brief } from '../base/text.ts'
import { type Classified, classify } from './sql-allowed.ts'
import { NODE_GROUPS, WORD_FIELDS } from './sql-nodes.ts'

const FIELDS: readonly (readonly [string, Classified])[] = Object.entries(WORD_FIELDS).map(
  ([field, name]) => [field, classify(NODE_GROUPS[name])],
)

/** A sentence when one of them is not allowed. */
export function wordRefusal(node: Readonly<Record<string, unknown>>): string | undefined {
  for (const [field, known] of FIELDS) {
    const word = node[field]
    if (typeof word === 'string' && !known.get(word.replaceAll(' ', '_'))?.allow) return `${brief(word, 60)} cannot be asked.` // biome-ignore format: one line
  }
  return undefined
}
