/** The state of the lake as a person reads it: tenants, the budget of each store, how long it lasts. */
import type { Horizon, Wear } from '../../lake/storage.ts'
import type { LakeStatus, LakeTenantStatus } from '../lake-client.ts'
import { table } from './options.ts'

export function statusInWords({ tenants, disk, wear }: LakeStatus): string {
  const rows = tenants.map((each) => [
    each.tenant_id,
    each.rows.toLocaleString('en'),
    String(each.tier1Files),
    String(each.tier2Files),
    each.annexValues.toLocaleString('en'),
    each.oldestRow ?? 'none',
    each.fault ?? (each.aside > 0 ? `${each.aside} segments kept aside` : 'well'),
  ])
  return [
    table([
      ['tenant', 'rows', 'tier 1 files', 'tier 2 files', 'annex values', 'oldest row', 'state'],
      ...rows,
    ]),
    ...tenants.map(storageInWords),
    `Disk: ${bytesInWords(disk.freeBytes)} of ${bytesInWords(disk.totalBytes)} free. ${wearInWords(wear)}`,
  ].join('\n\n')
}

function storageInWords({
  tenant_id,
  budgets,
  horizon,
  retention,
  promise,
  overQuota,
}: LakeTenantStatus): string {
  // biome-ignore format: one line
  const rows = budgets.map(({ store, bytes, bytesMax, atFull }) => [
    store,
    bytesInWords(bytes),
    bytesMax === 0 ? 'off' : bytesInWords(bytesMax),
    bytesMax === 0 ? '' : `${Math.round((bytes / bytesMax) * 100)} %`,
    atFull,
  ])
  const lines = [
    `${tenant_id}: ${rulesInWords(retention)}.`,
    table([['store', 'holds', 'may hold', 'used', 'when full it'], ...rows]),
    horizonInWords(horizon),
  ]
  if (promise) lines.push(`${promise.sentence} Looked at ${promise.at}.`)
  if (overQuota) lines.push(`At its quota since this run began: ${overQuota.rows.toLocaleString('en')} rows, ${bytesInWords(overQuota.bytes)} left before their time, last at ${overQuota.at}.`) // biome-ignore format: one line
  return lines.join('\n')
}

export function rulesInWords({ all = 0, ...others }: Readonly<Record<string, number>>): string {
  const own = Object.entries(others).map(([kind, days]) => `${kind} ${days} days`)
  return own.length === 0 ? `rows are kept ${all} days` : `rows are kept ${all} days, but ${own.join(', ')}` // biome-ignore format: one line
}

function horizonInWords(horizon: Horizon | undefined): string {
  if (!horizon) return 'Too early to say how long the lake lasts: less than an hour of rows.'
  const { bytesPerDay, overDays, fullOnUs } = horizon
  const rate = `${bytesInWords(bytesPerDay)} a day, the mean of ${overDays.toFixed(1)} days`
  return fullOnUs === null
    ? `At today's rate (${rate}) the lake holds all the days that are promised.`
    : `At today's rate (${rate}) the lake holds until ${new Date(fullOnUs / 1000).toISOString().slice(0, 10)}.` // biome-ignore format: one line
}

function wearInWords(wear: Wear | undefined): string {
  if (!wear) return 'No disk of its own is known below the data folder, so its wear is not readable here.' // biome-ignore format: one line
  const written = wear.bytesWritten === undefined ? '' : `, ${bytesInWords(wear.bytesWritten)} written since this machine started` // biome-ignore format: one line
  const used = wear.usedPercent === undefined ? `${wear.because}` : `${wear.usedPercent} % of its promised life used` // biome-ignore format: one line
  return `${wear.device}: ${used}${written}.`
}

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB', 'PB']

/** In thousands, as disks are sold. */
export function bytesInWords(bytes: number): string {
  let [value, unit] = [bytes, 0]
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000
    unit++
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`
}
