/** A site that signs, as a member of a fleet, with the fold of what was received of it. */
import type { FleetMember } from '../../agent/health/fleet-status.ts'
import { SiteFold } from '../../agent/summary/fold.ts'
import { NOON_US, SummarySource } from './summary-source.ts'

export interface WatchedSite {
  source: SummarySource
  member: FleetMember
  fold: SiteFold
}

export function watchedSite(tenant_id: string, name: string): WatchedSite {
  const source = new SummarySource(tenant_id, { site: name })
  const { appliance_id, fleet_id } = source.member
  const member: FleetMember = {
    ...{ tenant_id, fleet_id, appliance_id, site: name, primary: tenant_id === 'london' },
    ...{ joinedAt: NOON_US - 86_400e6, revoked: null, certificateNotAfter: NOON_US + 9e13 },
  }
  return { source, member, fold: new SiteFold() }
}
