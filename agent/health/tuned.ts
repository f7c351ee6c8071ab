/** What a site does not hear although a rule says it, and does not look at: by its own people's choice, which must not be forgotten. */
import { plural } from './sentence.ts'
import type { SiteStatus } from './status.ts'

type Facts = Pick<SiteStatus, 'rules' | 'lookedPast'>

/** For the site's sentence: "nothing found" is another thing where somebody asked not to be told. */
export function unheardClause({ rules: { tuned }, lookedPast = [] }: Facts): string | undefined {
  const said = [
    tuned && tuned.silenced > 0 && `${plural(tuned.silenced, 'rule')} not heard by choice`,
    lookedPast.length > 0 && `not looked at by choice: ${lookedPast.join(', ')}`,
  ].filter((each) => each)
  return said.length > 0 ? said.join('; ') : undefined
}

/** For the basis. */
export function tunedLine({ tuned }: SiteStatus['rules']): string | undefined {
  if (!tuned || tuned.silenced + tuned.narrowed === 0) return undefined
  const { silenced, narrowed, held } = tuned
  return `${plural(silenced, 'rule')} silenced and ${narrowed} heard in part by this site’s overrides, ${plural(held, 'finding')} held back in this run`
}
