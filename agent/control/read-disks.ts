/**
 * Asks each NVMe drive of this box how it is and writes the answers down: `--data D`. The one program that may (CAP_SYS_ADMIN,
 * the drives' devices); it runs once an hour, listens to nobody and reads nothing else.
 */
import { readdirSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { writeWhole } from '../base/files.ts'
import { openLog } from '../base/log.ts'
import { type DriveNotes, driveNotesFile } from '../health/drive-notes.ts'
import { parseSmart, readSmart } from '../health/nvme-smart.ts'

const DRIVES_MAX = 16
const log = openLog('disks')
const { values } = parseArgs({ options: { data: { type: 'string' } } })

const names = readdirSync('/sys/class/nvme').filter((name) => /^nvme\d{1,3}$/.test(name)).sort().slice(0, DRIVES_MAX) // biome-ignore format: one line
const drives: DriveNotes['drives'] = []
for (const name of names) {
  const page = readSmart(`/dev/${name}`)
  const health = typeof page === 'string' ? page : parseSmart(name, page)
  if (typeof health === 'string') log.warn({ device: name, because: health }, 'disks.no-answer')
  else drives.push(health)
}
const notes: DriveNotes = { atMs: Date.now(), drives }
writeWhole(driveNotesFile(values.data ?? '/var/lib/picket'), JSON.stringify(notes), 0o644)
