/** Writes the roles of the ports for systemd-networkd: `--data D --into FOLDER`. What an earlier configuration left goes. */
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { loadConfig } from '../base/config.ts'
import { writeWhole } from '../base/files.ts'
import { networkFiles } from './networks.ts'

const OURS = /^\d\d-picket-.*\.(network|netdev)$/
const option = { type: 'string' } as const
const { values } = parseArgs({ options: { data: option, into: option } })
const into = values.into ?? '/run/systemd/network'

const files = networkFiles(loadConfig(values.data ?? '/var/lib/picket'), macOf)
for (const name of readdirSync(into))
  if (OURS.test(name) && !files.has(name)) rmSync(join(into, name))
for (const [name, text] of files) writeWhole(join(into, name), text, 0o644)

function macOf(port: string): string | undefined {
  try {
    return /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/m.exec(readFileSync(`/sys/class/net/${port}/address`, 'utf8'))?.[0] // biome-ignore format: one line
  } catch {
    return undefined // a port that is not there yet
  }
}
