/** Joins, fleet and uplinks as tables of words. */
import type { FleetJoins, FleetView, ReceivedSummary, UplinkView } from '../link-client.ts'
import { table } from './options.ts'

export function when(us: number | null): string {
  return us === null ? 'never' : `${new Date(us / 1000).toISOString().slice(0, 16)}Z`
}

export function joinsInWords({ fleet_id, door, claims, members }: FleetJoins): string[] {
  const rows = members.map((each) => [
    each.tenant_id,
    each.site,
    each.revokedAt === null ? (each.primary ? 'primary' : 'member') : `out ${when(each.revokedAt)}`,
    when(each.joinedAt),
    when(each.certificateNotAfter),
    each.digits ?? '',
  ])
  const header = ['tenant', 'site', 'state', 'joined', 'certificate until', 'digits']
  const open = claims.map(
    (each) =>
      `A claim for ${each.tenant_id || 'any site'} waits until ${when(each.endsAt)}, ${each.triesLeft} tries left.`,
  )
  const where = door ? `, door ${door.host}:${door.port}` : ''
  return [`Fleet ${fleet_id}${where}`, table([header, ...rows]), ...open]
}

export function statusInWords({ sentence, basis, sites }: FleetView): string[] {
  const rows = sites.map((each) => [each.tenant_id, each.state, each.says, when(each.receivedAt)])
  const header = ['site', 'state', 'says', 'last heard']
  return [sentence, basis.join(' · '), table([header, ...rows])]
}

export function uplinksInWords(uplinks: readonly UplinkView[]): string[] {
  if (uplinks.length === 0) return ['This box has joined no fleet.']
  const rows = uplinks.map((each) => [
    each.receiver,
    each.url,
    `${each.connected ? 'connected' : 'not connected'} since ${when(each.since)}`,
    `${each.wholeUpTo} of ${each.sequence}`,
    String(each.waiting),
    each.because ?? '',
  ])
  return [table([['to', 'at', 'state', 'acknowledged', 'waiting', 'because'], ...rows])]
}

/** One line a site: how many, up to where, how big, how late. */
export function receivedInWords(summaries: readonly ReceivedSummary[]): string[] {
  const bySite = Map.groupBy(summaries, ({ tenant_id }) => tenant_id)
  const rows = [...bySite].map(([tenant_id, list]) => {
    const bytes = list.reduce((sum, each) => sum + each.bytes, 0)
    const late = list.map(({ receivedAfterMs }) => receivedAfterMs).sort((a, b) => a - b)
    const verified = list.filter((each) => each.verified).length
    const median = late[Math.floor(late.length / 2)] ?? 0
    return [
      tenant_id,
      `${verified} of ${list.length}`,
      String(Math.round(bytes / list.length)),
      `${(median / 1000).toFixed(1)} s`,
      `${((late.at(-1) ?? 0) / 1000).toFixed(1)} s`,
    ]
  })
  const header = ['site', 'verified', 'bytes each', 'received after (median)', '(latest)']
  return rows.length === 0 ? ['No summary was received yet.'] : [table([header, ...rows])]
}
