/**
 * What the disk holds for whom: a budget a store, so that none takes another's room; and how long that lasts. A store keeps
 * to its own budget by itself (the packet ring, the journal, the lake), or has its room set aside before (the audit trail).
 */
import { existsSync, readdirSync, readFileSync, realpathSync, statfsSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

export interface Budget {
  store: 'packet ring' | 'journal' | 'lake' | 'audit'
  bytes: number
  /** What it may grow to. */
  bytesMax: number
  /** What happens there: the rest of a sentence that begins with the store. */
  atFull: string
}

export interface DiskState {
  totalBytes: number
  freeBytes: number
}

export interface BudgetSettings {
  ringBytes: number
  journalBytes: number
  /** Of one tenant's lake; 0: a fair part of the disk. */
  lakeBytes: number
}

/** Room that nobody is promised: of a disk that is full to the last byte nothing works. */
const SPARE_PART = 0.1
/** What the trail may grow to before somebody must look; its reserve is part of it. */
const AUDIT_BYTES = 1 << 30
const DEPTH_MAX = 4

export function diskState(data: string): DiskState {
  const { blocks, bsize, bavail } = statfsSync(data)
  return { totalBytes: blocks * bsize, freeBytes: bavail * bsize }
}

/** One tenant's lake: what was set, else its part of what the others leave of the disk. */
export function lakeBudget(
  { totalBytes }: DiskState,
  settings: BudgetSettings,
  tenants: number,
): number {
  // biome-ignore format: one line
  if (settings.lakeBytes > 0) return settings.lakeBytes
  const others = settings.ringBytes + settings.journalBytes
  const left = totalBytes * (1 - SPARE_PART) - AUDIT_BYTES
  const each = (left - others) / Math.max(1, tenants)
  return Math.max(LAKE_BYTES_MIN, Math.floor(each))
}
const LAKE_BYTES_MIN = 64 << 20

/**
 * Whether the disk has room for all that the other stores may still grow to, and the spare. A fair part takes nothing away
 * then: it is smaller with each tenant more, and rows of the others would leave for somebody who has none yet.
 */
export function isRoomy({ totalBytes, freeBytes }: DiskState, settings: BudgetSettings): boolean {
  const { ringBytes, journalBytes, lakeBytes } = settings
  const kept = totalBytes * SPARE_PART + AUDIT_BYTES + ringBytes + journalBytes
  return lakeBytes === 0 && freeBytes > kept
}

export interface OfTenant {
  tenant_uid: string
  lakeBytes: number
}

export function budgetsOf(
  data: string,
  { tenant_uid, lakeBytes }: OfTenant,
  settings: BudgetSettings,
  lakeBytesMax: number,
): Budget[] {
  // biome-ignore format: one line
  return [
    {
      store: 'packet ring',
      bytes: bytesIn(join(data, 'ring', tenant_uid)),
      bytesMax: settings.ringBytes,
      atFull: settings.ringBytes === 0 ? 'is off' : 'forgets its oldest frames',
    },
    {
      store: 'journal',
      bytes: bytesIn(join(data, 'journal', tenant_uid)),
      bytesMax: settings.journalBytes,
      atFull: 'refuses rows, and counts them',
    },
    { store: 'lake', bytes: lakeBytes, bytesMax: lakeBytesMax, atFull: 'retires its oldest files' },
    {
      store: 'audit',
      bytes: bytesIn(join(data, 'audit')),
      bytesMax: AUDIT_BYTES,
      atFull: 'is never cut: the others leave it this room',
    },
  ]
}

/** Of all files below, as their folders have them; links are not followed. */
export function bytesIn(folder: string, depth = 0): number {
  if (!existsSync(folder) || depth > DEPTH_MAX) return 0
  let bytes = 0
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) bytes += bytesIn(path, depth + 1)
    else if (entry.isFile()) bytes += statSync(path, { throwIfNoEntry: false })?.size ?? 0
  }
  return bytes
}

export interface Horizon {
  /** What came in a day, over the days that were looked at. */
  bytesPerDay: number
  overDays: number
  /** When the budget is full at this rate; null where the retention takes rows away before. */
  fullOnUs: number | null
}

const DAY_US = 86_400_000_000
const RATE_DAYS_MAX = 7
/** A rate over less forecasts nothing. */
const RATE_US_MIN = 3_600_000_000

export interface Held {
  ingest_from_us: number
  ingest_to_us: number
  bytes: number
}

/** At today's rate; undefined while there is too little to tell. */
export function horizonOf(
  files: readonly Held[],
  { nowUs, bytesMax, days }: { nowUs: number; bytesMax: number; days: number },
): Horizon | undefined {
  // biome-ignore format: one line
  if (files.length === 0) return undefined
  const oldest = Math.min(...files.map(({ ingest_from_us }) => ingest_from_us))
  const since = Math.max(oldest, nowUs - RATE_DAYS_MAX * DAY_US)
  const spanUs = nowUs - since
  if (spanUs < RATE_US_MIN) return undefined
  const recent = files.reduce((sum, file) => sum + file.bytes * partSince(file, since), 0)
  const bytesPerDay = recent / (spanUs / DAY_US)
  const held = files.reduce((sum, { bytes }) => sum + bytes, 0)
  const daysLeft = bytesPerDay > 0 ? Math.max(0, bytesMax - held) / bytesPerDay : Infinity
  const holdsDays = bytesPerDay > 0 ? bytesMax / bytesPerDay : Infinity
  const fullOnUs = holdsDays > days || !Number.isFinite(daysLeft) ? null : nowUs + daysLeft * DAY_US
  return { bytesPerDay, overDays: spanUs / DAY_US, fullOnUs }
}

function partSince({ ingest_from_us: from, ingest_to_us: to }: Held, since: number): number {
  if (from >= since) return 1
  return to <= since ? 0 : (to - since) / (to - from)
}

export interface Wear {
  device: string
  /** Written to the whole device since this machine started, where the kernel counts it. */
  bytesWritten?: number
  /** Of its promised life, as the device says it; a range in tenths for eMMC. */
  usedPercent?: string
  /** Why its own word on wear is not here. */
  because?: string
}

const SECTOR_BYTES = 512 // of /sys/block/*/stat, whatever the device has

/** What /sys knows about the disk under the data folder, and an NVMe drive's own log where the appliance asks for it. */
export function wearOf(
  data: string,
  sys = '/sys',
  ownWord: (device: string) => number | undefined = () => undefined,
): Wear | undefined {
  const device = deviceOf(data, sys)
  if (device === undefined) return undefined
  const text = (name: string) => {
    try {
      return readFileSync(join(device, name), 'utf8').trim()
    } catch {
      return undefined
    }
  }
  const sectors = Number(text('stat')?.split(/\s+/)[6])
  const life = text('device/life_time')
  const own = ownWord(basename(device))
  const percent = own !== undefined ? String(own) : life === undefined ? undefined : lifeWords(life)
  return {
    device: basename(device),
    ...(Number.isFinite(sectors) && { bytesWritten: sectors * SECTOR_BYTES }),
    ...(percent === undefined ? { because: 'its wear is not readable here' } : { usedPercent: percent }), // biome-ignore format: one line
  }
}

/** The whole disk of the partition that holds the folder. */
function deviceOf(data: string, sys: string): string | undefined {
  const { dev } = statSync(data)
  const [major, minor] = [(dev >>> 8) & 0xfff, (dev & 0xff) | ((dev >>> 12) & 0xfff00)]
  try {
    const found = realpathSync(join(sys, 'dev/block', `${major}:${minor}`))
    return existsSync(join(found, 'partition')) ? dirname(found) : found
  } catch {
    return undefined // an overlay, a network file system, memory
  }
}

/** JEDEC: two numbers, 0x01 is the first tenth, 0x0b is past it. The worse one counts. */
function lifeWords(life: string): string | undefined {
  const worst = Math.max(...life.split(/\s+/).map(Number))
  if (!Number.isInteger(worst) || worst < 1 || worst > 11) return undefined
  return worst === 11 ? 'over 100' : `${(worst - 1) * 10} to ${worst * 10}`
}
