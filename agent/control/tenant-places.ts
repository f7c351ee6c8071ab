/**
 * Which file of a data folder belongs to whom (T1): the box's own are named here one by one, all others must lie
 * below the uid of a tenant, or below that of a fleet in records that each name one.
 */
import { type Dirent, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { EVERY_TENANT } from '../audit/line.ts'
import { UID } from '../base/ids.ts'
import { recordAt } from '../link/record.ts'
import { formatTopic, KINDS, parseTopic } from '../link/topics.ts'

const UID_PART = '([0-9a-f]{32})'

/** The box's own: no tenant's data. */
const OF_THE_BOX = [
  /^config\.json$/,
  /^platform\.db(-wal|-shm|-journal)?$/,
  /^agent\/run\.json$/,
  /^disks\/smart\.json$/,
  /^audit\/reserve$/,
  /^guard\/controllers\.json$/,
  /^lake\/known-time\.json$/,
  /^keys\/(root\.key(\.next)?|public\.json)$/,
  /^keys\/wrapped\/\d+\/box\/[\w-]+\.json$/,
  /^link\/boots\.json$/,
  /^rules\/.+\.rules$/,
  /^run\/tmp\/picket-[0-9a-f]{16}\/.+/, // memory, where there is no /dev/shm
  /^run\/(up\.json|[a-z]+\/(lock|[a-z]+\.lock|([a-z]+\/)?[a-z-]+\.sock))$/,
  /^web\/(certificate|key)\.pem$/,
  /^(up|log\/[a-z-]+)\.log(\.\d+)?$/,
]

/** Lines of JSON, each with its tenant: where it stands in one. */
const OF_LINES: [RegExp, (line: string) => readonly unknown[]][] = [
  [/^audit\/chain-\d{12}\.jsonl$/, (line) => [JSON.parse(line).tenant_uid]],
  [
    /^guard\/actions\.jsonl$/,
    (line) =>
      (JSON.parse(line.slice(line.indexOf(' '))).entries ?? []).map(
        ({ action }: { action: { tenant_uid: unknown } }) => action.tenant_uid,
      ),
  ],
]

const OF_A_TENANT = [
  new RegExp(`^tenants/${UID_PART}/.+`),
  new RegExp(`^agent/${UID_PART}/.+`),
  new RegExp(`^journal/${UID_PART}/.+`),
  new RegExp(`^ring/${UID_PART}/.+`),
  new RegExp(`^keys/wrapped/\\d+/tenants/${UID_PART}/[\\w-]+\\.json$`),
  new RegExp(`^keys/usage/${UID_PART}/\\d+\\.json$`),
  new RegExp(`^keys/anchors/${UID_PART}\\.json$`),
  new RegExp(`^link/sends/${UID_PART}/.+`),
]

/** Records with the tenant in their head, or what was cut off behind the last whole one. */
const OF_A_FLEET = [
  new RegExp(`^link/receives/${UID_PART}/received/(\\d{10}|forks)\\.log$`),
  new RegExp(`^link/receives/${UID_PART}/received/aside/\\d+-\\d+\\.cut$`),
  new RegExp(`^link/receives/${UID_PART}/folds\\.snapshot$`),
]

export interface Known {
  tenantUids: readonly string[]
  fleetUids: readonly string[]
}

/** One sentence a file that carries no tenant. */
export function filesWithoutTenant(data: string, known: Known): { files: number; found: string[] } {
  const entries = readdirSync(data, { recursive: true, withFileTypes: true }).filter(
    (entry) => !entry.isDirectory(),
  )
  const found = entries.flatMap((entry) => wrongWith(data, entry, known) ?? [])
  return { files: entries.length, found: found.sort() }
}

function wrongWith(data: string, entry: Dirent, known: Known): string | undefined {
  const path = join(entry.parentPath, entry.name)
  const name = relative(data, path)
  if (entry.isSymbolicLink()) return `${name} leads elsewhere`
  const whole = name.replace(/\.part$/, '') // being written, or left by a process that died
  if (OF_THE_BOX.some((pattern) => pattern.test(whole))) return undefined
  const [, uidsOf] = OF_LINES.find(([pattern]) => pattern.test(whole)) ?? []
  if (uidsOf) return lineWithoutTenant(path, name, uidsOf)
  const tenant = uidIn(OF_A_TENANT, whole)
  if (tenant !== undefined)
    return known.tenantUids.includes(tenant) ? undefined : `${name} is of no tenant of this box`
  const fleet = uidIn(OF_A_FLEET, whole)
  if (fleet === undefined) return `${name} belongs to no tenant`
  if (!known.fleetUids.includes(fleet)) return `${name} is of no fleet of this box`
  return whole.endsWith('.log') ? recordWithoutTenant(path, name) : undefined
}

function uidIn(patterns: readonly RegExp[], name: string): string | undefined {
  for (const pattern of patterns) {
    const [, uid] = pattern.exec(name) ?? []
    if (uid) return uid
  }
  return undefined
}

function lineWithoutTenant(
  path: string,
  name: string,
  uidsOf: (line: string) => readonly unknown[],
): string | undefined {
  const lines = bytesOf(path).toString().split('\n')
  lines.pop() // empty, or still being written
  const isTenant = (uid: unknown) => uid === EVERY_TENANT || UID.test(String(uid))
  const at = lines.findIndex((line) => {
    try {
      return !uidsOf(line).every(isTenant)
    } catch {
      return true
    }
  })
  return at < 0 ? undefined : `${name} line ${at + 1} names no tenant`
}

function recordWithoutTenant(path: string, name: string): string | undefined {
  const bytes = bytesOf(path)
  for (let record = recordAt(bytes, 0); record; record = recordAt(bytes, record.end))
    if (/^0+$/.test(record.head.tenant_uid)) return `${name} has a record that names no tenant`
  return undefined
}

/** What was renamed or removed since the folder was listed is no finding. */
function bytesOf(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0)
    throw error
  }
}

/** Topics of ours that would be understood without their tenant. */
export function topicsWithoutTenant(): string[] {
  const [fleet_uid, tenant_uid, appliance_id] = ['1', '2', '3'].map((digit) => digit.repeat(32))
  if (!fleet_uid || !tenant_uid || !appliance_id) return []
  return KINDS.flatMap((kind) => {
    const topic = formatTopic({ fleet_uid, tenant_uid, appliance_id, kind })
    const without = topic.replace(`/${tenant_uid}`, '')
    const carries = parseTopic(topic)?.tenant_uid === tenant_uid
    return carries && without !== topic && !parseTopic(without) ? [] : [`the topic …/${kind}`]
  })
}
