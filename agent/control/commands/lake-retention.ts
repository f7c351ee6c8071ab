/** `picket lake retention`: what is kept how long; what a change would delete, before it does. */
import { Failure } from '../../base/failure.ts'
import { type Deletion, daysOfDeletion, type LakeClient } from '../lake-client.ts'
import { bytesInWords, rulesInWords } from './lake-words.ts'

interface Asked {
  tenant?: string | undefined
  kind?: string | undefined
  days?: string | undefined
  yes?: boolean | undefined
}

interface RetentionAnswer {
  tenant_id: string
  retention: Readonly<Record<string, number>>
  change?: { kind: string; days: number | null }
  /** What it would delete, or has. */
  deletes?: Deletion | null
  done: boolean
}

export async function retention(
  lake: LakeClient,
  { tenant, kind, days, yes = false }: Asked,
): Promise<RetentionAnswer> {
  // biome-ignore format: one line
  if ((kind === undefined) !== (days === undefined))
    throw new Failure('invalid', 'A change names both --kind and --days. Try --help.')
  const { tenants } = await lake.status()
  const chosen = tenant === undefined && tenants.length === 1 ? tenants[0] : tenants.find(({ tenant_id }) => tenant_id === tenant) // biome-ignore format: one line
  if (!chosen) throw new Failure('not-found', tenant === undefined ? 'Say whose: --tenant NAME.' : `There is no tenant ${tenant} on this box.`) // biome-ignore format: one line
  const { tenant_id, retention } = chosen
  if (kind === undefined || days === undefined) return { tenant_id, retention, done: false }
  const change = { kind, days: readDays(days) }
  if (!yes) {
    const { deletes } = await lake.wouldRetire({ tenant_id, ...change })
    return { tenant_id, retention, change, deletes, done: false }
  }
  const { deleted } = await lake.setRetention({ tenant_id, ...change })
  const now = (await lake.status()).tenants.find((each) => each.tenant_id === tenant_id)
  return { tenant_id, retention: now?.retention ?? retention, change, deletes: deleted, done: true } // biome-ignore format: one line
}

function readDays(text: string): number | null {
  if (text === 'all') return null
  const days = Number(text)
  if (/^\d{1,5}$/.test(text) && days >= 1) return days
  throw new Failure('invalid', '--days is a whole number of days, 1 at least, or all.')
}

export function retentionInWords({
  tenant_id,
  retention,
  change,
  deletes,
  done,
}: RetentionAnswer): string {
  // biome-ignore format: one line
  const rules = `${tenant_id}: ${rulesInWords(retention)}.`
  if (!change) return rules
  const what = deletes ? deletionInWords(deletes) : undefined
  if (done)
    return `${rules}\n${what ? `Deleted ${what}.` : 'Nothing was old enough to be deleted.'}`
  const would = what ? `This would delete ${what}.` : 'This would delete nothing now.'
  return `${would}\nNothing was changed. To do it, say --yes.`
}

/** "41 days, 1.2 GB (880,000 rows)". */
export function deletionInWords(deletion: Deletion): string {
  const days = daysOfDeletion(deletion)
  return `${days} ${days === 1 ? 'day' : 'days'}, ${bytesInWords(deletion.bytes)} (${deletion.rows.toLocaleString('en')} rows)` // biome-ignore format: one line
}
