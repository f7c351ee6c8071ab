/** Where and when the story plays: one site, one moment, and who is who there. */
import type { EventRow } from '../../../agent/base/event.ts'

export const NOW_US = Date.UTC(2026, 10, 23, 11, 56) * 1000
export const S = 1e6
export const MIN = 60 * S
export const HOUR = 60 * MIN
export const DAY = 24 * HOUR

export const TENANT = { tenant_id: 'acme-cpt', tenant_uid: 'a1'.repeat(16), fleet_id: 'acme' }
export const STRANGER = { tenant_id: 'zulu-lon', tenant_uid: 'b2'.repeat(16), fleet_id: 'zulu' }
export const PASSWORD = 'correct horse battery'
export const CODE = 'K7QF-4M2X-D9PA'

export const LAPTOP = '10.40.7.23'
export const PLC = '10.40.2.11'
export const SCADA = '10.40.2.5'
export const GUESSER = '198.51.100.17'

/** Ids that sort by their number, in the shape of a UUID. */
export function idOf(n: number): string {
  return `01930000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`
}

export function row(
  n: number,
  at: number,
  more: Partial<EventRow> & Pick<EventRow, 'kind'>,
): EventRow {
  return {
    tenant_id: TENANT.tenant_id,
    fleet_id: TENANT.fleet_id,
    appliance_id: 'c3'.repeat(16),
    event_id: idOf(n),
    event_time: at,
    ingest_time: at + 120_000,
    ...more,
  }
}

export const OPENED = NOW_US - 13 * MIN - 16 * S
